"""The documentation is true: tables equal the code, examples parse, links and commands lead somewhere."""

import ast
import importlib.util
import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from pydantic import BaseModel

from models.labels import Stance
from service.analysis_schemas import AnalysisAnswer, StatementAnswer
from service.app import create_app
from service.errors import BY_CODE, TABLE
from service.feedback_schemas import Feedback, FeedbackAnswer
from service.routes.bodies import BAD_TEXT
from service.schemas import Batch, BatchAnswer, ErrorAnswer, Health, Info, StanceAnswer, Statement
from service.settings import PREFIX, RELEASED_MODEL, Settings

ROOT = Path(__file__).resolve().parents[1]
CARDS = [ROOT / "models" / "stance-minilm" / "README.md", ROOT / "training" / "data" / "README.md"]
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md")), *CARDS]
PAGES.append(ROOT / "requirements" / "README.md")
ROOMS = ("models", "service", "training")
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SPAN = re.compile(r"`([^`\n]+)`")
LINK = re.compile(r"\]\(([^)\s]+)\)")

pages = pytest.mark.parametrize("page", PAGES, ids=[str(page.relative_to(ROOT)) for page in PAGES])


def blocks(text: str, language: str) -> list[str]:
    """The fenced blocks of this language."""
    return [content for name, content in FENCE.findall(text) if name == language]


def rows(text: str, heading: str) -> list[list[str]]:
    """The cells of the first table under this heading, without its head, without backticks."""
    section = f"\n{text}".partition(f"\n{heading}\n")[2]
    table = re.search(r"^\|.*\n\|[-|]+\|\n((?:\|.*\n)+)", section, re.MULTILINE)
    assert table, f"no table under {heading}"
    return [
        [cell.strip().removeprefix("`").removesuffix("`") for cell in line.strip("|").split(" | ")]
        for line in table[1].strip().splitlines()
    ]


def api() -> str:
    """The text of docs/api.md."""
    return (ROOT / "docs" / "api.md").read_text(encoding="utf-8")


def test_the_table_of_errors_equals_the_code() -> None:
    """docs/api.md has each error code with its status and example message, in the order of the code, and no other."""
    documented = [(int(status), code, message) for status, code, message, _ in rows(api(), "## Errors")]
    assert documented == [(kind.status, kind.code, kind.example) for kind in TABLE]


def test_the_table_of_settings_equals_the_code() -> None:
    """docs/api.md has each setting with its default and its meaning, in the order of the code, and no other."""
    shown = {**Settings().model_dump(), "model": RELEASED_MODEL.relative_to(ROOT)}
    expected = [
        [PREFIX + name.upper(), str(shown[name]), field.description] for name, field in Settings.model_fields.items()
    ]
    assert rows(api(), "## Settings") == expected


def test_the_table_of_fields_equals_the_schema() -> None:
    """docs/api.md explains each field of an answer, in the order of the schema, and no other."""
    assert [name for name, _ in rows(api(), "## POST /classify")] == list(StanceAnswer.model_fields)
    assert [name for name, _ in rows(api(), "## POST /feedback")] == list(Feedback.model_fields)


@pytest.mark.parametrize(
    ("heading", "schema"), [("## POST /analyze", AnalysisAnswer), ("### Statements", StatementAnswer)]
)
def test_the_tables_of_an_analysis_equal_the_schemas(heading: str, schema: type[BaseModel]) -> None:
    """docs/api.md explains each field of an analysis and of its statements, in the order of the schemas."""
    assert [name for name, _ in rows(api(), heading)] == list(schema.model_fields)


def test_the_table_of_routes_equals_the_service() -> None:
    """docs/api.md lists each route with its method, and no other."""
    unopened = SimpleNamespace(artifact=SimpleNamespace(manifest=SimpleNamespace(version="0")))
    paths = create_app(Settings(), unopened).openapi()["paths"]  # type: ignore[arg-type]  # never asked to predict
    served = {f"{method.upper()} {path}" for path, item in paths.items() for method in item}
    assert {route for route, _ in rows(api(), "# The HTTP service")} == served


def test_the_errors_of_items_are_named() -> None:
    """docs/api.md names every code that an item of a batch can have."""
    sentence = re.search(r"A bad item has its own `error` \((.*?)\)", api(), re.DOTALL)
    assert sentence
    assert set(SPAN.findall(sentence[1])) == {"invalid_request", "internal", *BAD_TEXT}


def schema_of(value: Any) -> type[BaseModel]:
    """The schema that an example in JSON claims to follow, by what it holds."""
    claims: dict[str, type[BaseModel]] = {
        "prediction_id": Feedback, "stored": FeedbackAnswer,
        "statements": AnalysisAnswer, "stance": StanceAnswer, "n_ok": BatchAnswer, "error": ErrorAnswer, "digest": Info,
        "items": Batch, "text": Statement, "status": Health,
    }  # fmt: skip
    return next(schema for key, schema in claims.items() if key in value)


def stance_answers(value: Any) -> Iterator[dict[str, Any]]:
    """Every answer for a statement that an example holds."""
    if isinstance(value, dict):
        if "probabilities" in value:
            yield value
        for inner in value.values():
            yield from stance_answers(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from stance_answers(inner)


@pages
def test_examples_in_json_have_the_documented_fields(page: Path) -> None:
    """Each JSON example parses, has exactly the fields of what it shows, and its numbers agree with each other."""
    for block in blocks(page.read_text(encoding="utf-8"), "json"):
        example = json.loads(block)
        schema = schema_of(example)
        parsed = schema.model_validate(example, extra="forbid")
        if schema not in (Batch, Statement):
            assert parsed.model_dump(mode="json") == example
        if schema is ErrorAnswer:
            assert example["error"]["code"] in BY_CODE
        for answer in stance_answers(example):
            probabilities = answer["probabilities"]
            assert list(probabilities) == list(map(str, Stance))
            assert sum(probabilities.values()) == pytest.approx(1, abs=0.01)
            assert answer["stance"] == max(probabilities, key=probabilities.__getitem__) == answer["prediction_set"][0]
            assert answer["confidence"] == probabilities[answer["stance"]]
            assert answer["certain"] == (len(answer["prediction_set"]) == 1)


@pages
def test_examples_for_the_shell_send_valid_bodies(page: Path) -> None:
    """Each body that a curl example sends is one that the service accepts."""
    for block in blocks(page.read_text(encoding="utf-8"), "sh"):
        for body in re.findall(r"-d '(\{.*\})'$", block, re.MULTILINE):
            value = json.loads(body.replace("'\"'\"'", "'"))
            assert schema_of(value) in (Batch, Statement, Feedback)
            schema_of(value).model_validate(value)


@pages
def test_examples_in_python_compile(page: Path) -> None:
    """Each Python example is Python."""
    for block in blocks(page.read_text(encoding="utf-8"), "python"):
        compile(block, str(page), "exec")


def anchors(text: str) -> set[str]:
    """The anchors that GitHub makes of a page's headings."""
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pages
def test_relative_links_lead_somewhere(page: Path) -> None:
    """Each relative link names a file that exists, and a heading in it."""
    for link in LINK.findall(page.read_text(encoding="utf-8")):
        if re.match(r"\w+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path) if path else page
        assert target.exists(), f"{page.name}: {link}"
        assert not anchor or anchor in anchors(target.read_text(encoding="utf-8")), f"{page.name}: {link}"


def commands(text: str) -> list[str]:
    """The lines of shell examples, and the code spans."""
    lines = [line.strip() for block in blocks(text, "sh") for line in block.splitlines()]
    return lines + SPAN.findall(FENCE.sub("", text))


@pages
def test_python_programs_exist(page: Path) -> None:
    """Each `python -m` names a module that can be found."""
    for command in commands(page.read_text(encoding="utf-8")):
        for module in re.findall(r"python3? -m ([\w.]+)", command):
            assert importlib.util.find_spec(module), f"{page.name}: {command}"


@pages
def test_make_targets_exist(page: Path) -> None:
    """Each `make` names a target of the Makefile."""
    targets = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    for command in commands(page.read_text(encoding="utf-8")):
        for target in re.findall(r"(?:^|&&|;)\s*make ([a-z][\w-]*)", command):
            assert target in targets, f"{page.name}: {command}"


@pages
def test_settings_that_are_named_exist(page: Path) -> None:
    """Each STANCE_ variable that a page names is a setting."""
    known = {PREFIX + name.upper() for name in Settings.model_fields}
    assert set(re.findall(r"\bSTANCE_[A-Z_]+\b", page.read_text(encoding="utf-8"))) - {PREFIX} <= known


@pages
def test_no_placeholder_is_left(page: Path) -> None:
    """No page waits for something to be filled in."""
    assert not re.findall(r"@@\w+@@|\bTODO\b|\bTBD\b|\bFIXME\b", page.read_text(encoding="utf-8"))


def test_packages_that_a_page_names_are_the_tested_ones() -> None:
    """What docs/api.md has installed for tracing has the versions of the lock that the tests run with."""
    named = set(re.findall(r"\b(opentelemetry-[\w-]+)==(\S+)", api()))
    lock = (ROOT / "requirements" / "dev.lock").read_text(encoding="utf-8")
    assert len(named) == 2
    assert named <= set(re.findall(r"^(opentelemetry-[\w-]+)==(\S+)", lock, re.MULTILINE))


def tracked() -> list[str]:
    """The files of the repository, as git sees them."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    listing = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()
    return [path for path in listing if (ROOT / path).exists()]


def tree() -> str:
    """The block of docs/tree.md that shows where things are."""
    block = FENCE.search((ROOT / "docs" / "tree.md").read_text(encoding="utf-8"))
    assert block, "docs/tree.md has no tree"
    return block[2]


def sections(block: str) -> dict[str, str]:
    """The lines of the tree below each top-level name, and that name's own."""
    parts: dict[str, str] = {}
    name = ""
    for line in block.splitlines():
        if line.strip() and not line.startswith((" ", "│", "├", "└", "\t")):
            name = line.split()[0].rstrip("/")
        parts[name] = parts.get(name, "") + line + "\n"
    return parts


def test_the_tree_names_everything() -> None:
    """The tree in docs/tree.md names each top-level file and folder, and each module of the rooms but __init__.py."""
    block, files = tree(), tracked()
    words = set(re.findall(r"[\w./-]+", block))
    top = {path.partition("/")[0] for path in files} - {".gitignore", ".dockerignore", ".gitattributes"}
    assert {name for name in top if not {name, f"{name}/"} & words} == set()
    for room in ROOMS:
        inside = set(re.findall(r"[\w.-]+", sections(block).get(room, "")))
        modules = {Path(path).name for path in files if path.startswith(f"{room}/") and path.endswith(".py")}
        assert modules - inside - {"__init__.py"} == set(), room


def test_the_tree_names_nothing_that_is_gone() -> None:
    """Each Python file that the tree in docs/tree.md names exists in its room."""
    files = tracked()
    for room, lines in sections(tree()).items():
        for name in re.findall(r"[\w-]+\.py\b", lines):
            assert any(path.startswith(room) and path.endswith(f"/{name}") for path in files), f"{room}: {name}"


def test_no_line_of_the_tree_is_cut() -> None:
    """A line of the tree that begins as its module's docstring ends where that pauses, and not in mid-sentence."""
    for room in ROOMS:
        for name, line in re.findall(r"^  (\S+\.py) +(.+)$", sections(tree())[room], re.MULTILINE):
            module = ast.parse((ROOT / room / name).read_text(encoding="utf-8"))
            docstring = " ".join((ast.get_docstring(module) or "").split())
            if docstring.startswith(line):
                assert re.match(r"$|[.:;,]| \(", docstring[len(line) :]), f"{room}/{name}: {line}"
