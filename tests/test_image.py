"""The image, as its recipe describes it: Dockerfile and .dockerignore are read, nothing is built."""

import fnmatch
import json
import re
from pathlib import Path

import pytest

Instruction = tuple[str, str]


def instructions(dockerfile: str) -> list[Instruction]:
    """Each instruction of a Dockerfile with its argument, continued lines joined, comments left out."""
    lines = "\n".join(line for line in dockerfile.splitlines() if not line.startswith("#"))
    joined = re.sub(r"\\\n\s*", " ", lines)
    return [(name, rest) for name, _, rest in (line.partition(" ") for line in joined.splitlines() if line)]


def stages(dockerfile: str) -> list[list[Instruction]]:
    """The instructions of each stage, its FROM first."""
    found: list[list[Instruction]] = []
    for name, rest in instructions(dockerfile):
        if name == "FROM":
            found.append([])
        found[-1].append((name, rest))
    return found


def is_sent(path: str, dockerignore: str) -> bool:
    """Whether a file reaches the build: the last pattern that fits it or a folder above it decides, as Docker has it.

    ``*`` stops at a slash and ``**`` does not; a pattern with ``!`` sends again what an earlier one left out.
    """
    parts = path.split("/")
    above = ["/".join(parts[: n + 1]) for n in range(len(parts))]
    sent = True
    for line in dockerignore.split():
        pattern = line.removeprefix("!")
        if any(fits(candidate, pattern) for candidate in above):
            sent = line.startswith("!")
    return sent


def fits(path: str, pattern: str) -> bool:
    """Whether a pattern of .dockerignore fits this very path."""
    if pattern.startswith("**/"):
        return any(fits("/".join(path.split("/")[n:]), pattern[3:]) for n in range(path.count("/") + 1))
    parts, wanted = path.split("/"), pattern.split("/")
    return len(parts) == len(wanted) and all(map(fnmatch.fnmatchcase, parts, wanted))


@pytest.fixture
def dockerfile(root: Path) -> str:
    """The text of the Dockerfile."""
    return (root / "Dockerfile").read_text(encoding="utf-8")


@pytest.fixture
def dockerignore(root: Path) -> str:
    """The text of .dockerignore."""
    return (root / ".dockerignore").read_text(encoding="utf-8")


def test_there_are_two_stages(dockerfile: str) -> None:
    """The first stage installs, from the hashed lock; the second takes what was installed and runs nothing of pip."""
    first, second = stages(dockerfile)
    assert any(name == "RUN" and "--require-hashes" in rest for name, rest in first)
    assert ("COPY", "--from=build /venv /venv") in second
    assert not any(name == "RUN" and "pip" in rest for name, rest in second)


def test_it_does_not_run_as_root(dockerfile: str) -> None:
    """The service runs as a numbered user other than root, chosen after the last step that needs root."""
    names = [name for name, _ in stages(dockerfile)[-1]]
    (user,) = [rest for name, rest in stages(dockerfile)[-1] if name == "USER"]
    assert int(user) > 0
    assert not {"RUN", "COPY"} & set(names[names.index("USER") :])


def test_it_has_no_torch(dockerfile: str, dockerignore: str) -> None:
    """Neither the recipe nor what is sent to the build has anything of torch."""
    assert not any("torch" in rest for _, rest in instructions(dockerfile))
    assert not is_sent("models/engines/torch.py", dockerignore)


def test_health_is_checked_where_the_service_listens(dockerfile: str) -> None:
    """The health check asks for readiness at the port of the environment, which may have been changed."""
    (check,) = [rest for name, rest in stages(dockerfile)[-1] if name == "HEALTHCHECK"]
    command = json.loads(check[check.index("[") :])
    assert command[:2] == ["python", "-c"]
    compile(command[2], "HEALTHCHECK", "exec")
    assert "STANCE_PORT" in command[2]
    assert "/health/ready" in command[2]


def test_what_is_copied_exists_and_is_sent(root: Path, dockerfile: str, dockerignore: str) -> None:
    """Each path that is copied from the repository is in it, and .dockerignore lets its files through."""
    sources = [rest.split()[0] for name, rest in instructions(dockerfile) if name == "COPY" and "--from" not in rest]
    assert set(sources) == {"requirements/serve.lock", "models", "service"}
    for source in sources:
        assert (root / source).exists()
        assert is_sent(source if (root / source).is_file() else f"{source}/__init__.py", dockerignore)


@pytest.mark.parametrize(
    ("path", "sent"),
    [
        ("models/engines/openvino.py", True),
        ("models/stance-minilm/model.safetensors", True),
        ("service/routes/health.py", True),
        ("service/page/app.js", True),
        ("requirements/dev.lock", False),
        ("training/score.py", False),
        ("models/__pycache__/text.cpython-311.pyc", False),
        (".git/config", False),
        ("README.md", False),
    ],
)
def test_only_what_is_served_is_sent(dockerignore: str, path: str, sent: bool) -> None:
    """The packages of the service, the whole artifact and the lock are sent, and nothing else."""
    assert is_sent(path, dockerignore) == sent


def test_the_reading_of_patterns_can_fail() -> None:
    """A star does not cross a slash, two do, a folder stands for what is in it, and the last pattern decides."""
    assert not is_sent("a/b.py", "*")
    assert is_sent("a/b.py", "*.py")
    assert not is_sent("a/b.py", "**/*.py")
    assert is_sent("a/b.py", "* !a")
    assert not is_sent("a/b.py", "!a *")
