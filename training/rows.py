"""The rows of a file that is to be scored: a good one, a bad one, and chunks of both; training.input reads them.

RunError          the run cannot be done, or not now; its message is for whoever started it
├── InputError    the input file, or how it was described: no such column, cut off, not text
├── OutputError   the output cannot be written: exists already, no such directory, disk full
├── Busy          another run is at work on the same output
├── Mismatch      what is there of an earlier run belongs to another input, model or choice of options
└── TooManyErrors more rows were refused than the caller allows
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

import pyarrow as pa

EXCERPT_CHARS: Final = 200
"""Characters of what was refused that an error report repeats."""
MAX_CHUNK_CHARS: Final = 8 * 2**20
"""A chunk ends early when its values reach this many characters: rows of 50 MB must not be held 2,048 at a time, and
of a chunk's characters a run holds some ten copies: chunks read ahead, and what the threads make of theirs."""
MAX_LINE_CHARS: Final = 64 * 2**20
"""Characters of a CSV cell or line, bytes of a JSONL line; a longer one is refused without being held. Above the 50 MB
that promise B3 speaks of (design: serving)."""


class RunError(Exception):
    """The run ends without an output; what it finished is kept, and the message says what to change."""


class InputError(RunError):
    """Raised when the input cannot be read as described; whoever chose the file or the options can mend it."""


class OutputError(RunError):
    """Raised when the output cannot be written; whoever chose the place can mend it."""


class Busy(RunError):
    """Raised when another run holds the lock of the output; waiting mends it."""


class Mismatch(RunError):
    """Raised when a run cannot go on from what is there; undoing the change mends it, or --force."""


class TooManyErrors(RunError):
    """Raised when more rows were refused than the caller allows; the message names the last one."""


@dataclass(frozen=True, slots=True)
class Row:
    """One record. ``record`` is the row as Arrow holds it, so that a Parquet to Parquet copy changes no type."""

    number: int  # 1-based, among all records of the file, bad ones included
    values: Mapping[str, Any]  # by column, as read
    line: int | None = None  # 1-based line on which the record starts; None where the format has no lines
    record: pa.RecordBatch | None = None  # one row
    file: str | None = None  # which file it came from, where there are several
    added: Mapping[str, str] = field(default_factory=dict)  # columns that reading adds, such as the file's name


@dataclass(frozen=True, slots=True)
class BadRow:
    """A record that is refused: where it is, why, and what is left of it."""

    number: int
    line: int | None
    column: str | None  # the culprit, where it is one column
    code: str
    cause: str
    raw: str  # the culprit, or the whole record, as far as EXCERPT_CHARS
    values: Mapping[str, Any] = field(default_factory=dict)  # the other columns, whole
    file: str | None = None

    def __str__(self) -> str:
        """Where and why, in one line."""
        place = f"row {self.number}" if self.line is None else f"row {self.number} (line {self.line})"
        place = place if self.file is None else f"{self.file}, {place}"
        return f"{place}: {self.cause} [{self.code}]"


class Source(Protocol):
    """An input opened for scoring: its columns are known before its first row is read, and it can be read again."""

    columns: Sequence[str]  # in file order
    added: Sequence[str]  # columns that reading adds behind them
    schema: pa.Schema  # the types of these columns in a columnar file
    as_json: frozenset[str]  # columns that a columnar file can only hold as JSON text
    n_rows: int | None  # None where only a whole pass would tell

    def rows(self, *, after: int = 0) -> Iterator[Row | BadRow]:
        """Every record but the first ``after``, in file order, each time from the start. Raises: InputError."""
        ...

    def share_read(self) -> float:
        """The share of the input's bytes that the pass under way has read, between 0 and 1."""
        ...


def refuse(row: Row, *, column: str | None, code: str, cause: str) -> BadRow:
    """The row as a refused one: the culprit as an excerpt, everything else whole."""
    others = {name: value for name, value in row.values.items() if name != column}
    culprit = row.values.get(column) if column is not None else None
    return BadRow(row.number, row.line, column, code, cause, excerpt(culprit), others, row.file)


def excerpt(value: object) -> str:
    """The start of a value as text that any UTF-8 file can hold; nothing for None."""
    if value is None:
        return ""
    text = value if isinstance(value, str) else repr(value)
    return printable(text[:EXCERPT_CHARS])[:EXCERPT_CHARS]


def printable(text: str) -> str:
    r"""The text with bytes that were not UTF-8, and unpaired surrogates, as ``\xff`` and ``\ud800``."""
    if text.isascii():
        return text
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        as_bytes = text.encode("utf-8", "surrogateescape" if not _has_other_surrogates(text) else "backslashreplace")
        return as_bytes.decode("utf-8", "backslashreplace")
    return text


def _has_other_surrogates(text: str) -> bool:
    return any("\ud800" <= character <= "\udfff" and not "\udc80" <= character <= "\udcff" for character in text)


def chunks(rows: Iterable[Row | BadRow], size: int) -> Iterator[list[Row | BadRow]]:
    """The rows in lists of ``size``, fewer where texts are huge and at the end. The same rows, the same chunks."""
    chunk: list[Row | BadRow] = []
    n_chars = 0
    for row in rows:
        chunk.append(row)
        n_chars += sum(map(_n_chars, row.values.values()))
        if len(chunk) >= size or n_chars >= MAX_CHUNK_CHARS:
            yield chunk
            chunk, n_chars = [], 0
    if chunk:
        yield chunk


def _n_chars(value: object) -> int:
    """Characters of a value, those inside of it too; what takes the room of a few counts as none."""
    if isinstance(value, str | bytes):
        return len(value)
    if isinstance(value, Mapping):
        return sum(map(_n_chars, value)) + sum(map(_n_chars, value.values())) + len(value)
    return sum(map(_n_chars, value)) + len(value) if isinstance(value, list | tuple) else 0


def check_columns(columns: Sequence[str], path: object) -> None:
    """Raise InputError when a column has no way to be told apart. Raises: InputError, naming the columns there are."""
    twice = sorted({name for name in columns if columns.count(name) > 1})
    if twice:
        raise InputError(f"{path}: {quoted(twice)} names more than one column; the columns are {quoted(columns)}")


def quoted(names: Iterable[str]) -> str:
    """Column names for a message: quoted, so that a stray space shows, and not more than a screenful."""
    listed = [repr(name) for name in names]
    return ", ".join(listed[:40]) + (f" and {len(listed) - 40} more" if len(listed) > 40 else "")
