"""The style of the house: small files and functions, honest names, docstrings everywhere, a reason for every exception.

Each rule is a function over source text, so that it can be shown to fail.
"""

import ast
import io
import re
import tokenize
from collections.abc import Callable
from pathlib import Path

import pytest

ROOMS = ("models", "service", "training", "benchmarks")
MAX_FILE_LINES = 300
MAX_FUNCTION_LINES = 50
MAX_LOOP_LINES = 80
TRAINING_LOOPS = ("training/finetune.py",)
"""Where a function may be as long as a training loop."""
EMPTY_NAMES = {"utils", "util", "helpers", "helper", "common", "misc", "tools", "shared"}

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef


def long_functions(source: str, *, limit: int) -> list[str]:
    """The functions of a program with more lines than ``limit``, docstring and signature counted."""
    functions = (node for node in ast.walk(ast.parse(source)) if isinstance(node, FunctionNode))
    return [f.name for f in functions if (f.end_lineno or f.lineno) - f.lineno + 1 > limit]


def empty_names(name: str, source: str) -> set[str]:
    """The names of a file, its folders, functions and classes that say nothing of what is in them."""
    tree = ast.parse(source)
    defined = {n.name for n in ast.walk(tree) if isinstance(n, FunctionNode | ast.ClassDef)}
    return {part for part in {*Path(name).with_suffix("").parts, *defined} if part.lower().strip("_") in EMPTY_NAMES}


def without_docstring(source: str) -> list[str]:
    """The public module, classes, functions and methods of a program that have no docstring."""
    tree = ast.parse(source)
    missing = [] if ast.get_docstring(tree) else ["module"]

    def visit(parent: ast.AST, prefix: str) -> None:
        for node in ast.iter_child_nodes(parent):
            if isinstance(node, FunctionNode | ast.ClassDef) and not node.name.startswith("_"):
                if not ast.get_docstring(node):
                    missing.append(prefix + node.name)
                if isinstance(node, ast.ClassDef):
                    visit(node, f"{prefix}{node.name}.")
            elif isinstance(node, ast.If | ast.Try | ast.With):
                visit(node, prefix)

    visit(tree, "")
    return missing


def undocumented_tests(source: str) -> list[str]:
    """The test functions of a program, in classes too, that do not say what behaviour they hold."""
    functions = (node for node in ast.walk(ast.parse(source)) if isinstance(node, FunctionNode))
    return [f.name for f in functions if f.name.startswith("test") and not ast.get_docstring(f)]


def ignores_without_reason(source: str) -> list[str]:
    """The comments that silence a linter or type checker without naming a rule, or without a reason after it."""
    silenced = re.compile(r"#\s*(?:(?:ruff:\s*)?noqa\b|type:\s*ignore\b|mypy:|pragma:)")
    rule = r"(?:ruff:\s*)?noqa:\s*[A-Z]+[0-9]+(?:,\s*[A-Z]+[0-9]+)*|type:\s*ignore\[[\w, -]+\]"
    explained = re.compile(rf"#\s*(?:{rule})[\s#:-]+\w.*\s\w+")
    comments = (t.string for t in tokenize.generate_tokens(io.StringIO(source).readline) if t.type == tokenize.COMMENT)
    return [comment for comment in comments if silenced.search(comment) and not explained.search(comment)]


def settings_without_reason(pyproject: str) -> list[str]:
    """The lint rules that pyproject.toml ignores without a reason at the line's end."""
    listed = re.search(r"^ignore = \[\n(.*?)^\]", pyproject, flags=re.MULTILINE | re.DOTALL)
    by_file = re.search(r"^\[tool\.ruff\.lint\.per-file-ignores\]\n(.*?)^\[", pyproject, flags=re.MULTILINE | re.DOTALL)
    lines = [line for block in (listed, by_file) if block for line in block.group(1).splitlines() if line.strip()]
    return [line.strip() for line in lines if not re.search(r"#\s*\w+ \w+", line)]


def read(root: Path, *folders: str) -> dict[str, str]:
    """Every program in the folders by its path from the root."""
    files = [file for folder in folders for file in sorted((root / folder).rglob("*.py"))]
    return {file.relative_to(root).as_posix(): file.read_text(encoding="utf-8") for file in files}


@pytest.fixture(scope="module")
def sources(root: Path) -> dict[str, str]:
    """Every program of the rooms."""
    return read(root, *ROOMS)


@pytest.fixture(scope="module")
def everything(root: Path) -> dict[str, str]:
    """Every program of the rooms and every test."""
    return read(root, *ROOMS, "tests")


def offenders(sources: dict[str, str], rule: Callable[[str, str], object]) -> dict[str, object]:
    """What a rule finds, by file; files in which it finds nothing are left out."""
    found = {name: rule(name, source) for name, source in sources.items()}
    return {name: finding for name, finding in found.items() if finding}


def test_files_are_short(everything: dict[str, str]) -> None:
    """No file, tests included, is longer than can be read in one go."""
    lengths = {name: len(source.splitlines()) for name, source in everything.items()}
    assert {name: n for name, n in lengths.items() if n > MAX_FILE_LINES} == {}


def test_functions_are_short(everything: dict[str, str]) -> None:
    """No function has more than fifty lines; a training loop may have eighty."""

    def rule(name: str, source: str) -> list[str]:
        return long_functions(source, limit=MAX_LOOP_LINES if name in TRAINING_LOOPS else MAX_FUNCTION_LINES)

    assert offenders(everything, rule) == {}


def test_names_say_what_is_inside(everything: dict[str, str]) -> None:
    """Nothing is called utils, helpers, common or misc."""
    assert offenders(everything, empty_names) == {}


def test_public_names_have_docstrings(sources: dict[str, str]) -> None:
    """Every public module, class, function and method says what it is or gives."""
    assert offenders(sources, lambda _, source: without_docstring(source)) == {}


def test_tests_say_what_behaviour_they_hold(root: Path) -> None:
    """Every test function has a docstring."""
    assert offenders(read(root, "tests"), lambda _, source: undocumented_tests(source)) == {}


def test_every_silenced_rule_has_a_reason(everything: dict[str, str], root: Path) -> None:
    """Each noqa and type: ignore names its rule and says why, and so does each ignore in pyproject.toml."""
    assert offenders(everything, lambda _, source: ignores_without_reason(source)) == {}
    assert settings_without_reason((root / "pyproject.toml").read_text(encoding="utf-8")) == []


def test_no_package_shadows_a_room(root: Path) -> None:
    """There is no __init__.py under tests: tests/models would shadow models."""
    assert list((root / "tests").rglob("__init__.py")) == []


def test_the_length_rule_can_fail() -> None:
    """A function one line over the limit is found, a method and a coroutine too; one at the limit is not."""
    body = "    x = 1\n" * 5
    assert long_functions(f"def f():\n{body}", limit=6) == []
    assert long_functions(f"def f():\n{body}", limit=5) == ["f"]
    assert long_functions("class A:\n  async def g(self):\n    a\n    b", limit=2) == ["g"]


@pytest.mark.parametrize("name", ["models/utils.py", "service/common/app.py", "training/Helpers.py", "models/_misc.py"])
def test_the_name_rule_can_fail(name: str) -> None:
    """An empty name is found in a file, a folder and any case; in a definition too."""
    assert empty_names(name, "")
    assert empty_names("models/text.py", "def helper(): ...") == {"helper"}
    assert empty_names("models/text.py", "def common_prefix(): ...") == set()


@pytest.mark.parametrize(
    ("source", "missing"),
    [
        ("x = 1", ["module"]),
        ('"""M."""\ndef f(): ...', ["f"]),
        ('"""M."""\nclass A:\n    def g(self): ...', ["A", "A.g"]),
        ('"""M."""\nif True:\n    async def f(): ...', ["f"]),
        ('"""M."""\ndef _f(): ...\nclass _B:\n    def g(self): ...', []),
        ('"""M."""\ndef f():\n    """F."""\n    def inner(): ...', []),
    ],
)
def test_the_docstring_rule_can_fail(source: str, missing: list[str]) -> None:
    """A missing docstring is found on modules, functions, classes and methods; private and inner ones may lack it."""
    assert without_docstring(source) == missing


def test_the_rule_for_tests_can_fail() -> None:
    """A test without a docstring is found, in a class too."""
    assert undocumented_tests('def test_a(): ...\nclass TestB:\n    def test_c(self):\n        """C."""') == ["test_a"]


@pytest.mark.parametrize(
    ("comment", "n_found"),
    [
        ("# noqa", 1),
        ("# noqa: E501", 1),
        ("# type: ignore", 1),
        ("# type: ignore  # it is fine", 1),
        ("# type: ignore[arg-type]", 1),
        ("# ruff: noqa: D103", 1),
        ("# noqa: B007 - n is the count", 0),
        ("# noqa: E501, B007  # one long address", 0),
        ("# type: ignore[arg-type]  # strings, parsed by pydantic", 0),
        ("# an ordinary remark", 0),
    ],
)
def test_the_rule_about_reasons_can_fail(comment: str, n_found: int) -> None:
    """A silenced rule counts as explained only where it is named and words follow; a string is no comment."""
    assert len(ignores_without_reason(f"x = 1  {comment}\ny = '# noqa'\n")) == n_found


def test_the_rule_about_settings_can_fail() -> None:
    """An ignored lint rule without words after it is found, in the list and in the table by file."""
    by_rule = 'ignore = [\n    "D1",  # said elsewhere already\n    "D2",\n]\n'
    pyproject = by_rule + '[tool.ruff.lint.per-file-ignores]\n"a" = ["S"]\n[x]\n'
    assert settings_without_reason(pyproject) == ['"D2",', '"a" = ["S"]']
