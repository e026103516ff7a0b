"""Corrections of predictions, as a record and as a table of SQLite: the service writes it, training reads it.

The table is append-only, by triggers: a later correction of the same prediction by the same reviewer is a row more, and
it is the reader who lets it replace the earlier one. So a request that was sent twice does no harm.

Durability: the store is in WAL mode with synchronous=FULL, so a commit returns after its pages were forced to the disk.
What was committed survives the end of the process at any instant, and a power cut as far as the disk keeps its word.
A row is one transaction: it is there whole or not at all.
"""

import hashlib
import json
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Final

from models.given_conditions import GivenCondition, plain
from models.labels import Stance

PREDICTION_ID: Final = re.compile(r"[A-Za-z0-9._:/-]{1,128}")
"""An answer's ``id``, which is a request's id and the place of the text in it; or the caller's own, such as a row's."""
SHA256: Final = re.compile(r"[0-9a-f]{64}")
APPLICATION_ID: Final = 0x5061726C
"""Marks the file as ours among files of SQLite: "Parl"."""
FORMAT_VERSION: Final = 2
"""Format 1 had no conditions; the service adds the column to such a store when it opens it."""

_CREATE: Final = f"""
CREATE TABLE correction (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    received TEXT NOT NULL,
    prediction_id TEXT NOT NULL,
    stance TEXT NOT NULL,
    reviewer TEXT,
    note TEXT,
    model TEXT,
    text TEXT,
    text_sha256 TEXT,
    conditions TEXT
) STRICT;
CREATE TRIGGER correction_is_never_changed BEFORE UPDATE ON correction
BEGIN SELECT RAISE(ABORT, 'corrections are only ever appended'); END;
CREATE TRIGGER correction_is_never_removed BEFORE DELETE ON correction
BEGIN SELECT RAISE(ABORT, 'corrections are only ever appended'); END;
PRAGMA application_id = {APPLICATION_ID};
PRAGMA user_version = {FORMAT_VERSION};
"""


class FeedbackError(Exception):
    """Raised when a store of corrections cannot be opened, written or read; the message says why, and no text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Correction:
    """What somebody says that the stance of a statement is, beside what the model predicted."""

    received: str  # ISO 8601, UTC
    prediction_id: str
    stance: Stance
    reviewer: str | None = None  # the name of the key that came with it
    note: str | None = None
    model: str | None = None  # name@version of what predicted, as far as the caller said
    text: str | None = None
    text_sha256: str | None = None  # of the UTF-8 text, in hex
    conditions: tuple[GivenCondition, ...] | None = None  # None where nothing was said of them


COLUMNS: Final = tuple(field.name for field in fields(Correction))
_INSERT: Final = f"INSERT INTO correction ({', '.join(COLUMNS)}) VALUES ({', '.join('?' * len(COLUMNS))})"  # noqa: S608 - our own names


def text_sha256(text: str) -> str:
    """The sha256 of the UTF-8 text, in hex, by which a text is found again that was not sent."""
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


def open_store(path: Path, *, max_bytes: int, busy_seconds: float) -> sqlite3.Connection:
    """A connection that appends to the store, made where it is not there; for one thread at a time.

    ``busy_seconds``: how long to wait for another process that writes. Raises: FeedbackError.
    """
    try:
        connection = sqlite3.connect(path, timeout=busy_seconds, isolation_level=None, check_same_thread=False)
    except sqlite3.Error as error:
        raise FeedbackError(f"{path}: cannot be opened: {error}") from error
    try:
        _prepare(connection, max_bytes=max_bytes)
    except (sqlite3.Error, FeedbackError) as error:
        connection.close()
        raise FeedbackError(f"{path}: cannot be used: {error}") from error
    return connection


def _prepare(connection: sqlite3.Connection, *, max_bytes: int) -> None:
    connection.execute("BEGIN IMMEDIATE")  # of two processes that start at once one makes the table
    with connection:
        if _is_new(connection):
            for statement in _statements(_CREATE):
                connection.execute(statement)
        if _check(connection) == 1:
            connection.execute("ALTER TABLE correction ADD COLUMN conditions TEXT")
            connection.execute(f"PRAGMA user_version = {FORMAT_VERSION}")
    (mode,) = connection.execute("PRAGMA journal_mode = WAL").fetchone()
    if mode != "wal":
        raise FeedbackError("this file system cannot hold a write-ahead log")
    connection.execute("PRAGMA synchronous = FULL")
    (page_bytes,) = connection.execute("PRAGMA page_size").fetchone()
    connection.execute(f"PRAGMA max_page_count = {max(1, max_bytes // page_bytes)}")


def _statements(script: str) -> Iterator[str]:
    """The statements of a script, one by one: executescript would end the transaction before it begins."""
    statement = ""
    for line in script.splitlines():
        statement += line + "\n"
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""


def _is_new(connection: sqlite3.Connection) -> bool:
    (n_objects,) = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    return not n_objects


def _check(connection: sqlite3.Connection) -> int:
    """The format of the store. Raises: FeedbackError where it is none that this code knows."""
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if application != APPLICATION_ID:
        raise FeedbackError("a database of something else")
    if version not in range(1, FORMAT_VERSION + 1):
        raise FeedbackError(f"a store of format {version}, and this code knows {FORMAT_VERSION}")
    return int(version)


def _values(correction: Correction) -> tuple[str | None, ...]:
    """What stands in the columns of a correction's row."""
    given = correction.conditions
    values = {name: getattr(correction, name) for name in COLUMNS}
    return (*{**values, "conditions": None if given is None else json.dumps(plain(given))}.values(),)


def append(connection: sqlite3.Connection, correction: Correction) -> int:
    """The number of the correction in the store, once it is durably there. Raises: sqlite3.Error; then it is not."""
    connection.execute("BEGIN IMMEDIATE")
    with connection:
        return int(connection.execute(_INSERT, _values(correction)).lastrowid or 0)


def read_corrections(path: Path) -> Iterator[tuple[int, Correction]]:
    """Every correction of a store with its number, in the order in which they came. Raises: FeedbackError."""
    if not path.is_file():
        raise FeedbackError(f"{path}: no such file")
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as connection:
            names = COLUMNS if _check(connection) > 1 else COLUMNS[:-1]
            query = f"SELECT number, {', '.join(names)} FROM correction ORDER BY number"  # noqa: S608 - our own names
            for number, *values in connection.execute(query):
                row = dict(zip(names, values, strict=True))
                given = json.loads(row.get("conditions") or "null")
                conditions = None if given is None else tuple(map(GivenCondition.of, given))
                yield number, Correction(**{**row, "stance": Stance(row["stance"]), "conditions": conditions})
    except (sqlite3.Error, FeedbackError, ValueError) as error:
        raise FeedbackError(f"{path}: cannot be read: {error}") from error
