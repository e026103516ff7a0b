"""Examples: a text with its gold label and everything the corpus knows of it, in one JSONL schema.

The schema is documented, field by field, in training/data/README.md.
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, fields
from enum import StrEnum
from pathlib import Path
from typing import Any, Final, Self, TypeVar

import numpy as np
import numpy.typing as npt

from models.labels import STANCES, ConditionKind, Stance

T = TypeVar("T")

DATA: Final = Path(__file__).parent / "data"
HYDRATED: Final = DATA / "hydrated"
"""Where training.hydrate writes the public record with its text; never committed."""


class CorpusError(Exception):
    """Raised when a corpus file cannot be used; the message names file, line and cause."""


class Origin(StrEnum):
    """How an example's text came to be."""

    WRITTEN = "written here"
    RECORD = "public record"
    REVIEWED = "reviewed"  # a user's own text with a person's correction; training.curate makes them, none ship


@dataclass(frozen=True, slots=True)
class Condition:
    """What a conditional statement demands: characters [start, end) of the text, empty where it is left unsaid."""

    start: int
    end: int
    kind: ConditionKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """One statement. ``text`` is None while a statement of the public record has not been hydrated."""

    id: str
    label: Stance
    origin: Origin
    group: str  # what must not cross splits: a document of the record, a setting of the written statements
    text: str | None = None
    rules: tuple[str, ...] = ()
    conditions: tuple[Condition, ...] = ()
    domain: str | None = None
    register: str | None = None
    pair: str | None = None
    confidence: int | None = None  # 1 guess, 2 fairly sure, 3 certain; None where nobody said
    votes: dict[str, int]
    repository: str | None = None
    revision: str | None = None
    path: str | None = None
    locator: str | None = None
    sentence: int | None = None
    sha256: str | None = None  # of the UTF-8 text
    licence: str | None = None

    @classmethod
    def from_dict(cls, row: dict[str, Any]) -> Self:
        """The example of one JSON object. Raises: KeyError, TypeError, ValueError."""
        conditions = tuple(
            Condition(c["start"], c["end"], ConditionKind(c["kind"])) for c in row.get("conditions") or ()
        )
        parsed = {
            "label": Stance(row["label"]),
            "origin": Origin(row["origin"]),
            "rules": tuple(row.get("rules") or ()),
            "conditions": conditions,
            "votes": {name: n for name, n in row["votes"].items() if n},
        }
        return cls(**{**row, **parsed})

    def to_dict(self) -> dict[str, Any]:
        """The JSON object of this example; every field present, so that all files have one schema."""
        row = asdict(self)
        row["votes"] = {str(stance): self.votes.get(stance, 0) for stance in Stance}
        return row

    @property
    def source(self) -> str:
        """The repository of a statement of the record, or the origin of any other."""
        return self.repository or str(self.origin)

    def with_text(self, text: str) -> Self:
        """This example with its text. Raises: CorpusError when the text is not the one that was annotated."""
        if self.sha256 and sha256_of_text(text) != self.sha256:
            raise CorpusError(f"{self.id}: the text's sha256 differs from the annotated one")
        return type(self)(**{**{f.name: getattr(self, f.name) for f in fields(self)}, "text": text})


def sha256_of_text(text: str) -> str:
    """The sha256 of the UTF-8 text, in hex."""
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


def read_examples(path: Path) -> Iterator[Example]:
    """The examples of a JSONL file, in order. Raises: CorpusError with file, line and cause."""
    return read_jsonl(path, Example.from_dict, what="an example")


def write_examples(path: Path, examples: Iterable[Example]) -> int:
    """Write examples as JSONL in one step and return how many; a run that dies leaves the old file."""
    return write_jsonl(path, (example.to_dict() for example in examples))


def read_jsonl(path: Path, from_dict: Callable[[dict[str, Any]], T], *, what: str) -> Iterator[T]:
    """What the lines of a JSONL file stand for, in order. Raises: CorpusError with file, line and cause."""
    try:
        with path.open(encoding="utf-8") as lines:
            for number, line in enumerate(lines, start=1):
                if line.strip():
                    yield _parse(line, from_dict, what=what, where=f"{path}:{number}")
    except FileNotFoundError as error:
        raise CorpusError(f"{path}: no such file") from error
    except UnicodeDecodeError as error:
        raise CorpusError(f"{path}: not UTF-8: {error}") from error


def _parse(line: str, from_dict: Callable[[dict[str, Any]], T], *, what: str, where: str) -> T:
    try:
        return from_dict(json.loads(line))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise CorpusError(f"{where}: not {what}: {type(error).__name__}: {error}") from error


def write_jsonl(path: Path, rows: Iterable[dict[str, Any]]) -> int:
    """Write JSON objects a line in one step and return how many; a run that dies leaves the old file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.partial")
    n = 0
    with partial.open("w", encoding="utf-8") as output:
        for n, row in enumerate(rows, start=1):  # noqa: B007 - n is the count, read after the loop
            output.write(json.dumps(row, ensure_ascii=False) + "\n")
    partial.replace(path)
    return n


def labels_of(examples: Sequence[Example]) -> npt.NDArray[np.int64]:
    """The gold labels as indices of STANCES. Shapes: [N]."""
    return np.array([STANCES.index(example.label) for example in examples], dtype=np.int64)


def digest(examples: Iterable[Example]) -> str:
    """One sha256 over ids, texts and labels, in order: equal exactly when a model was trained on the same data."""
    accumulator = hashlib.sha256()
    for example in examples:
        accumulator.update(json.dumps([example.id, example.text, example.label], ensure_ascii=False).encode("utf-8"))
    return accumulator.hexdigest()
