"""The shape of the house: who may import whom, what an import may do, and where the environment is read.

Each rule is a function over source text, so that it can be shown to fail.
"""

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOMS = ("models", "service", "training")
HEAVY = ("torch", "transformers", "datasets")
FORBIDDEN = {
    "models": ("service", "training", "tests", "fastapi", "starlette", "pydantic", *HEAVY, "ray"),
    "service": ("training", "tests", *HEAVY, "sklearn", "ray"),
    "training": ("service", "tests", "fastapi", "starlette", "uvicorn", "ray"),
}
"""The import table: what each room must not import, at any depth of a function."""
EXCEPTIONS = {
    "models/engines/torch.py": ("torch", "transformers"),
    "training/score_ray.py": ("ray",),
}
READS_ENVIRONMENT = ("service/settings.py", "service/__main__.py", "training/allocators.py")
WORK = {
    *("FastAPI", "Starlette", "Settings", "create_app", "BaseSettings"),
    *("open", "read_text", "read_bytes", "write_text", "mkdir", "urlopen", "run", "Popen"),
    *("load", "from_file", "from_pretrained", "from_model_file", "read_examples", "load_dataset", "Core"),
}
"""Calls that build an application, open a file, start a process or load a model."""


def imported_packages(source: str) -> set[str]:
    """The top-level packages that a program imports anywhere, those for type checkers alone left out."""
    tree = ast.parse(source)
    guarded = {
        node
        for block in ast.walk(tree)
        if isinstance(block, ast.If) and ast.unparse(block.test) in {"TYPE_CHECKING", "typing.TYPE_CHECKING"}
        for statement in block.body
        for node in ast.walk(statement)
    }
    packages = set()
    for node in ast.walk(tree):
        if node in guarded:
            continue
        if isinstance(node, ast.Import):
            packages |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            packages.add("." if node.level else (node.module or "").split(".")[0])
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith(("import_module", "__import__")):
            packages |= {str(arg.value).split(".")[0] for arg in node.args if isinstance(arg, ast.Constant)}
    return packages


def wrong_imports(name: str, source: str) -> set[str]:
    """The packages that a file imports against the table; ``name`` is its path from the root."""
    forbidden = set(FORBIDDEN[name.split("/")[0]]) - set(EXCEPTIONS.get(name, ()))
    return imported_packages(source) & (forbidden | {"."})


def environment_reads(source: str) -> list[str]:
    """The expressions and imports by which a program reads or sets environment variables."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Attribute) and node.attr in {"environ", "environb", "getenv", "putenv"}:
            found.append(ast.unparse(node))
        elif isinstance(node, ast.ImportFrom) and node.module == "os":
            found += [alias.name for alias in node.names if alias.name in {"environ", "getenv", "putenv", "environb"}]
    return found


def run_at_import(node: ast.AST) -> Iterator[ast.AST]:
    """The nodes that run when a module is imported: no bodies of functions, no main guard, no type checkers' part."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and re.search("__name__|TYPE_CHECKING", ast.unparse(child.test)):
            continue
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            for part in [
                *getattr(child, "decorator_list", []),
                *child.args.defaults,
                *filter(None, child.args.kw_defaults),
            ]:
                yield part
                yield from run_at_import(part)
            continue
        yield child
        yield from run_at_import(child)


def work_at_import(source: str) -> list[str]:
    """The calls of a module that work while it is imported."""
    calls = (node.func for node in run_at_import(ast.parse(source)) if isinstance(node, ast.Call))
    return [ast.unparse(call) for call in calls if ast.unparse(call).rsplit(".", 1)[-1] in WORK]


def locked_packages(lock: str) -> set[str]:
    """The packages that a lock file pins."""
    return set(re.findall(r"^([A-Za-z0-9._-]+)==", lock, flags=re.MULTILINE))


def urls(lock: str) -> list[str]:
    """The addresses in a lock file: an index or a link would tie it to one network."""
    return re.findall(r"\S*(?:://|--(?:extra-)?index-url|--find-links)\S*", lock)


@pytest.fixture(scope="module")
def sources(root: Path) -> dict[str, str]:
    """Every program of the three rooms by its path from the root."""
    return {
        file.relative_to(root).as_posix(): file.read_text(encoding="utf-8")
        for room in ROOMS
        for file in sorted((root / room).rglob("*.py"))
    }


def test_there_are_sources(sources: dict[str, str]) -> None:
    """The rules look at every room; an empty look would pass them all."""
    assert {name.split("/")[0] for name in sources} == set(ROOMS)


def test_imports_follow_the_table(sources: dict[str, str]) -> None:
    """Models know no other room, service and training do not know each other, torch and ray stay where they belong."""
    found = {name: wrong_imports(name, source) for name, source in sources.items()}
    assert {name: packages for name, packages in found.items() if packages} == {}


@pytest.mark.parametrize(
    ("name", "source", "wrong"),
    [
        ("models/text.py", "from service.settings import Settings", {"service"}),
        ("models/text.py", "def f():\n    import training.splits", {"training"}),
        ("models/classifier.py", "import torch.nn as nn", {"torch"}),
        ("models/classifier.py", "from .engines import torch", {"."}),
        ("models/engines/torch.py", "import torch, transformers", set()),
        ("models/engines/openvino.py", "import torch", {"torch"}),
        ("service/app.py", "import importlib\nimportlib.import_module('training.config')", {"training"}),
        ("service/app.py", "try:\n    import datasets\nexcept ImportError: pass", {"datasets"}),
        ("service/app.py", "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import torch", set()),
        ("training/score.py", "import ray", {"ray"}),
        ("training/score_ray.py", "import ray.data", set()),
        ("training/evaluate.py", "from service import schemas", {"service"}),
    ],
)
def test_the_import_rule_can_fail(name: str, source: str, wrong: set[str]) -> None:
    """A forbidden import is found at any depth, and an exception holds for its own file only."""
    assert wrong_imports(name, source) == wrong


def test_the_environment_is_read_in_one_place(sources: dict[str, str]) -> None:
    """Only the settings, the program that starts the service and the choice of allocators see environment variables."""
    found = {name: environment_reads(source) for name, source in sources.items() if name not in READS_ENVIRONMENT}
    assert {name: reads for name, reads in found.items() if reads} == {}


@pytest.mark.parametrize(
    "source",
    [
        "import os\nx = os.environ['A']",
        "import os as o\no.getenv('A')",
        "from os import environ",
        "os.environ.setdefault('A', '1')",
    ],
)
def test_the_environment_rule_can_fail(source: str) -> None:
    """Reading, setting and importing the environment are all found."""
    assert environment_reads(source)


def test_no_module_works_at_import(sources: dict[str, str]) -> None:
    """Importing a module builds no application or settings, opens no file and loads no model."""
    found = {name: work_at_import(source) for name, source in sources.items()}
    assert {name: calls for name, calls in found.items() if calls} == {}


@pytest.mark.parametrize(
    ("source", "calls"),
    [
        ("app = FastAPI()", ["FastAPI"]),
        ("class A:\n    settings = config.Settings()", ["config.Settings"]),
        ("TEXT = Path('a').read_text()", ["Path('a').read_text"]),
        ("with open('a') as f: pass", ["open"]),
        ("def f(x=open('a')): pass", ["open"]),
        ("if True:\n    model = StanceClassifier.open(path)", ["StanceClassifier.open"]),
        ("def f():\n    return open('a')", []),
        ("if __name__ == '__main__':\n    open('a')", []),
        ("f = lambda: FastAPI()", []),
    ],
)
def test_the_rule_about_work_at_import_can_fail(source: str, calls: list[str]) -> None:
    """Work in a module's body, a class's body or a default is found; work in a function is none of an import's."""
    assert work_at_import(source) == calls


@pytest.mark.parametrize("module", ["service.app", "service.__main__", "models.classifier", "models.engines.openvino"])
def test_serving_imports_stay_light(root: Path, module: str) -> None:
    """In a fresh interpreter, what the service imports leaves the training packages out of sys.modules."""
    program = f"import sys, {module}; print(*sorted(n for n in sys.modules if '.' not in n))"
    done = subprocess.run([sys.executable, "-c", program], cwd=root, capture_output=True, text=True, check=True)
    assert set(done.stdout.split()) & {*HEAVY, "sklearn", "nncf", "ray", "training"} == set()


def test_serving_dependencies_are_small(root: Path) -> None:
    """What pyproject.toml and serve.lock install for serving has no training package; training asks for its own."""
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    names = {re.split(r"[^A-Za-z0-9._-]", line)[0] for line in project["dependencies"]}
    training = {re.split(r"[^A-Za-z0-9._-]", line)[0] for line in project["optional-dependencies"]["train"]}
    locked = locked_packages((root / "requirements" / "serve.lock").read_text(encoding="utf-8"))
    assert set(HEAVY) <= training
    assert names <= locked
    of_the_hub_client = {"tqdm", "filelock", "fsspec"}  # what the tokenizers' own client asks for
    assert (names | locked) & {*training, "ray"} <= of_the_hub_client
    assert not {name for name in locked if name.startswith(("nvidia", "torch"))}


@pytest.mark.parametrize("lock", ["serve.lock", "dev.lock", "ray.lock", "audit.lock"])
def test_lock_files_are_for_every_network(root: Path, lock: str) -> None:
    """A lock file pins every package with hashes and has no address of an index in it."""
    text = (root / "requirements" / lock).read_text(encoding="utf-8")
    pinned = locked_packages(text)
    assert len(pinned) > 10
    assert len(re.findall(r"==[^\n]*\\\n\s+--hash=sha256:", text)) == len(
        re.findall(r"^\S+==", text, flags=re.MULTILINE)
    )
    assert urls(text) == []


@pytest.mark.parametrize("lock", ["serve.lock", "dev.lock", "ray.lock"])
def test_nothing_installed_reports_home(root: Path, lock: str) -> None:
    """No lock has the package by which openvino reports every import to an analytics service."""
    assert "openvino-telemetry" not in locked_packages((root / "requirements" / lock).read_text(encoding="utf-8"))


def test_the_lock_rules_can_fail() -> None:
    """An address, an index and a package are found in a lock file."""
    lock = (
        "--index-url https://mirror.example/simple\ntorch==2.0 \\\n    --hash=sha256:0\nx @ https://a.example/x.whl\n"
    )
    assert len(urls(lock)) == 3
    assert locked_packages(lock) == {"torch"}
