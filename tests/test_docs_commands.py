"""The commands of the documentation give the programs of this repository flags that they have, and all they need."""

import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
GLOBS = ("*.md", "docs/**/*.md", "models/stance-minilm/README.md", "training/data/README.md", "requirements/README.md")
PAGES = sorted(page for pattern in GLOBS for page in ROOT.glob(pattern))
ROOMS = ("models", "service", "training", "benchmarks")
FENCE = re.compile(r"^```(?:sh|bash)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SPAN = re.compile(r"`([^`\n]+)`")
COMMAND = re.compile(r"python3? -m ((?:models|service|training|benchmarks)[\w.]*)([^#;&|\n]*)")
FLAG = re.compile(r"(?<=\s)--[a-z][a-z-]*")


def commands(page: Path) -> list[tuple[str, str]]:
    """Each command of a page: the module, and the rest of it, put together where it goes on in the next line."""
    text = page.read_text(encoding="utf-8").replace("\\\n", " ")
    spans = SPAN.findall(re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL))
    return [found for part in (*FENCE.findall(text), *spans) for found in COMMAND.findall(part)]


@cache
def source(module: str) -> str:
    """The source of a module; of a package, of what `python -m` runs. Empty where there is none."""
    path = ROOT / module.replace(".", "/")
    files = [file for file in (path.with_suffix(".py"), path / "__main__.py") if file.is_file()]
    return files[0].read_text(encoding="utf-8") if files else ""


@cache
def sources(module: str) -> str:
    """The source of a module, and of all modules of the rooms that it imports, theirs and so on."""
    seen: dict[str, str] = {}
    waiting = [module]
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        seen[name] = source(name)
        for package, names in re.findall(r"^ *from ([\w.]+) import \(?([^()]+?)\)?$", seen[name], re.MULTILINE):
            if package.partition(".")[0] in ROOMS:
                waiting += [package, *(f"{package}.{one.split()[0]}" for one in names.split(",") if one.strip())]
    return "\n".join(seen.values())


def knows(module: str, flag: str) -> bool:
    """Whether a program has a flag: spelled out, or made of a field of its configuration."""
    name, text = flag.removeprefix("--").removeprefix("no-"), sources(module)
    field = rf"^    {name.replace('-', '_')}: "
    return f'"{flag}"' in text or f'"--{name}"' in text or bool(re.search(field, text, re.MULTILINE))


def needed(module: str) -> list[str]:
    """The flags that a program cannot do without."""
    return re.findall(r'"(--[\w-]+)"(?:(?!add_argument|\badd\().)*?required=True', source(module), re.DOTALL)


@pytest.mark.parametrize("page", PAGES, ids=[str(page.relative_to(ROOT)) for page in PAGES])
def test_flags_exist(page: Path) -> None:
    """Each flag that is given to a program of this repository is one that it, or what it imports, knows."""
    given = [(module, flag) for module, rest in commands(page) for flag in FLAG.findall(rest)]
    unknown = [(module, flag) for module, flag in given if not knows(module, flag)]
    assert unknown == []


@pytest.mark.parametrize("page", PAGES, ids=[str(page.relative_to(ROOT)) for page in PAGES])
def test_flags_that_are_needed_are_given(page: Path) -> None:
    """A command that gives a program something gives it all flags that it cannot do without."""
    missing = []
    for module, rest in commands(page):
        if rest.strip() and "..." not in rest:
            missing += [(module, flag) for flag in needed(module) if flag not in FLAG.findall(rest)]
    assert missing == []


def test_the_checks_find_something() -> None:
    """There are commands with flags, flags of other modules and of fields are known, and what is none is not."""
    assert sum(len(FLAG.findall(rest)) for page in PAGES for _, rest in commands(page)) > 30
    assert knows("training.finetune", "--consistency-weight")
    assert knows("training.score", "--group-duplicates")
    assert not knows("training.score", "--nonsense")
    assert needed("training.attribution_scores") == ["--output"]
