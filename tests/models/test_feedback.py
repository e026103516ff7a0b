"""The store of corrections: appended whole or not at all, never changed, refused where it is something else."""

import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from models.feedback import Correction, FeedbackError, append, open_store, read_corrections, text_sha256
from models.given_conditions import GivenCondition
from models.labels import ConditionKind, Stance

Open = Callable[..., sqlite3.Connection]
CORRECTION = Correction(received="2026-11-27T12:00:00+00:00", prediction_id="a/0", stance=Stance.HOSTILE)
FULL = Correction(
    received="2026-11-27T12:00:01+00:00",
    prediction_id="a/1",
    stance=Stance.CONDITIONAL,
    reviewer="desk",
    note="they ask for „mehr“\n",
    model="stance-minilm@1.1.0",
    text="Only if …",
    text_sha256=text_sha256("Only if …"),
    conditions=(GivenCondition(ConditionKind.EXCHANGE, "„mehr“"), GivenCondition(ConditionKind.DEADLINE, None, 0, 4)),
)


@pytest.fixture
def open_at(tmp_path: Path) -> Iterator[Open]:
    """Opens the store of a test; closed at the end."""
    opened = []

    def make(*, max_bytes: int = 2**20, busy_seconds: float = 0.05, name: str = "store.sqlite") -> sqlite3.Connection:
        opened.append(open_store(tmp_path / name, max_bytes=max_bytes, busy_seconds=busy_seconds))
        return opened[-1]

    yield make
    for connection in opened:
        connection.close()


def test_what_was_appended_is_read(open_at: Open, tmp_path: Path) -> None:
    """Corrections come back whole, numbered, in order, while the store is open and after it was opened again."""
    assert [append(open_at(), correction) for correction in (CORRECTION, FULL)] == [1, 2]
    assert append(open_at(), CORRECTION) == 3
    assert list(read_corrections(tmp_path / "store.sqlite")) == [(1, CORRECTION), (2, FULL), (3, CORRECTION)]


def test_a_commit_is_forced_to_the_disk(open_at: Open) -> None:
    """The store is in WAL mode with full synchronisation, so that a commit returns after its fsync."""
    store = open_at()
    assert store.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert store.execute("PRAGMA synchronous").fetchone() == (2,)


def test_a_store_of_the_first_format_is_read_and_gone_on_with(open_at: Open, tmp_path: Path) -> None:
    """A store without conditions is read as it is, and opened for writing it takes them behind what was there."""
    store = open_at()
    append(store, CORRECTION)
    for step in ("DROP TRIGGER correction_is_never_changed", "ALTER TABLE correction DROP COLUMN conditions"):
        store.execute(step)
    store.execute("PRAGMA user_version = 1")
    assert list(read_corrections(tmp_path / "store.sqlite")) == [(1, CORRECTION)]
    append(open_at(), FULL)
    assert list(read_corrections(tmp_path / "store.sqlite")) == [(1, CORRECTION), (2, FULL)]


@pytest.mark.parametrize("statement", ["UPDATE correction SET stance = 'none'", "DELETE FROM correction"])
def test_nothing_is_changed_or_removed(open_at: Open, tmp_path: Path, statement: str) -> None:
    """The database itself refuses to change or remove a correction."""
    store = open_at()
    append(store, CORRECTION)
    with pytest.raises(sqlite3.IntegrityError, match="only ever appended"):
        store.execute(statement)
    assert list(read_corrections(tmp_path / "store.sqlite")) == [(1, CORRECTION)]


def test_a_full_store_takes_nothing_by_halves(open_at: Open, tmp_path: Path) -> None:
    """Where there is no room the correction is refused whole, what was there stays, and smaller ones still go in."""
    store = open_at(max_bytes=2**16)
    append(store, CORRECTION)
    large = Correction(received="now", prediction_id="b/0", stance=Stance.NONE, text="x" * 2**17)
    for _ in range(2):
        with pytest.raises(sqlite3.OperationalError, match="full"):
            append(store, large)
        assert not store.in_transaction
    append(store, FULL)
    assert [correction for _, correction in read_corrections(tmp_path / "store.sqlite")] == [CORRECTION, FULL]


def test_a_locked_store_takes_nothing(open_at: Open, tmp_path: Path) -> None:
    """While another process writes, a correction is refused after the wait, and goes in when the lock is gone."""
    store, other = open_at(), open_at()
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(sqlite3.OperationalError, match="locked"):
        append(store, CORRECTION)
    other.execute("ROLLBACK")
    assert append(store, CORRECTION) == 1
    assert len(list(read_corrections(tmp_path / "store.sqlite"))) == 1


def test_what_is_no_store_is_refused(open_at: Open, tmp_path: Path) -> None:
    """A file that is no database, one of something else, one of another format and no folder are refused by name."""
    (tmp_path / "text").write_text("not a database, and long enough to be read as the head of one" * 20)
    with sqlite3.connect(tmp_path / "other") as other:
        other.execute("CREATE TABLE other (x)")
    other.close()
    newer = open_at(name="newer")
    newer.execute("PRAGMA user_version = 3")
    for name, cause in (("text", "not a database"), ("other", "something else"), ("newer", "format 3"), ("no/x", "")):
        with pytest.raises(FeedbackError, match=rf"{name}: .*{cause}"):
            open_at(name=name)
        with pytest.raises(FeedbackError, match=name):
            list(read_corrections(tmp_path / name))
    assert (tmp_path / "text").read_text().startswith("not a database")
