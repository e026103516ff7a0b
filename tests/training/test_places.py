"""Places: objects in a store are read and written by the code that reads and writes files. Here a store in memory."""

import json
import socket
import uuid
from pathlib import Path

import pytest

from benchmarks.kills import open_free
from training import durable, remote_lock
from training.durable import append_line, read_lines, remove, replace, write_whole
from training.places import RemotePath, locate
from training.remote_lock import RemoteLock
from training.rows import Busy
from training.score import main

pytest.importorskip("fsspec")
TEXT = "id,text\n" + "".join(f"{n},{'' if n % 7 == 3 else f'statement {n}'}\n" for n in range(23))


@pytest.fixture
def folder(monkeypatch: pytest.MonkeyPatch) -> RemotePath:
    """A name in the store that nobody else uses."""
    monkeypatch.setattr(remote_lock, "SETTLE_SECONDS", 0.0)
    monkeypatch.setattr(remote_lock, "RENEW_SECONDS", -1.0)
    place = locate(f"memory://{uuid.uuid4().hex}/runs")
    assert isinstance(place, RemotePath)
    return place


def names(folder: RemotePath) -> list[str]:
    """The objects below a name."""
    return sorted(str(item.relative_to(folder)) for item in folder.rglob("*") if item.is_file())


def test_names_are_taken_apart_as_those_of_files() -> None:
    """Name, suffix, parent and neighbours are pathlib's; what follows a question mark stays, and is never shown."""
    place = locate("s3://bucket/a/wire.csv.gz?endpoint_override=localhost:1&scheme=http")
    assert isinstance(place, RemotePath)
    assert (place.name, place.suffix, str(place.parent)) == ("wire.csv.gz", ".gz", "s3://bucket/a")
    assert str(place.with_name("b.csv")) == "s3://bucket/a/b.csv"
    assert place.with_name("b.csv").query == place.query
    assert place.with_suffix("").suffix == ".csv"
    assert "endpoint" not in f"{place}"
    assert locate("a/b.csv") == Path("a/b.csv")
    assert locate("file:///a/b.csv") == Path("/a/b.csv")


@pytest.mark.parametrize(
    ("address", "said"),
    [("s3://key:secret@bucket/a.csv", "credentials do not belong"), ("nowhere://bucket/a.csv", "nowhere://bucket")],
)
def test_addresses_that_lead_nowhere(address: str, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    """An unknown kind of store, and an address with a secret in it, are refused by name, and no secret is repeated."""
    assert main([address, "--output", "out.csv"], open_model=open_free) == 2
    printed = capsys.readouterr().err
    assert said in printed
    assert "secret" not in printed


def test_a_write_that_fails_leaves_nothing(folder: RemotePath) -> None:
    """An object whose writing failed half-way is not there afterwards."""

    def fails(file: object) -> None:
        file.write(b"half")  # type: ignore[attr-defined] # any open file
        raise OSError(5, "the network is gone")

    with pytest.raises(OSError, match="the network"):
        write_whole(folder / "a", fails)
    assert names(folder) == []


def test_lines_keep_their_order(folder: RemotePath) -> None:
    """What is appended line by line comes back so, and goes as one."""
    journal = folder / "journal"
    assert read_lines(journal) == []
    for number in range(20):
        append_line(journal, str(number).encode())
    assert [int(line) for line in read_lines(journal)] == list(range(20))
    remove(journal)
    assert read_lines(journal) == []


@pytest.mark.parametrize("limit", [2**30, 0])
def test_an_object_takes_the_place_of_another(folder: RemotePath, monkeypatch: pytest.MonkeyPatch, limit: int) -> None:
    """An object replaces another, also one that is too large for the store to copy."""
    monkeypatch.setattr(durable, "MAX_COPY_BYTES", limit)
    (folder / "a").write_bytes(b"new")
    (folder / "b").write_bytes(b"old")
    replace(folder / "a", folder / "b")
    assert names(folder) == ["b"]
    assert (folder / "b").read_bytes() == b"new"


@pytest.mark.parametrize("name", ["out.csv", "out.jsonl", "out.parquet"])
def test_a_run_in_a_store_gives_the_same_bytes(folder: RemotePath, tmp_path: Path, name: str) -> None:
    """Read from a store and written to it, stopped once on the way: what a run on files gives, and nothing else."""
    (tmp_path / "in.csv").write_text(TEXT)
    assert main([str(tmp_path / "in.csv"), "--output", str(tmp_path / name), "--chunk-rows", "5"], open_model=open_free)
    (folder / "in.csv").write_bytes(TEXT.encode())
    arguments = [str(folder / "in.csv"), "--output", str(folder / name), "--chunk-rows", "5"]
    assert main([*arguments, "--max-errors", "1"], open_model=open_free) == 2
    assert any(item.startswith(f"{name}.run/part-") for item in names(folder))
    damaged = next(item for item in (folder / f"{name}.run").rglob("*") if item.name.startswith("part-00000001."))
    damaged.write_bytes(b"damaged")
    assert main(arguments, open_model=open_free) == 3
    assert names(folder) == sorted(path.name for path in tmp_path.iterdir())
    for item in names(folder):
        assert (folder / item).read_bytes() == (tmp_path / item).read_bytes()
    assert main(arguments, open_model=open_free) == 3  # nothing to do


def test_patterns_and_directories(folder: RemotePath, tmp_path: Path) -> None:
    """A pattern and a start of names stand for objects, in order; an output among them is no input."""
    for name in ("b.csv", "a.csv", "deep/c.csv"):
        (folder / "in" / name).write_bytes(f"text\nfrom {name}\n".encode())
    for number, (asked, n_rows) in enumerate([(folder / "in" / "*.csv", 2), (folder / "in", 3)]):
        output = tmp_path / f"{number}.jsonl"
        assert main([str(asked), "--output", str(output)], open_model=open_free) == 0
        rows = [json.loads(line) for line in output.read_text().splitlines()]
        assert [row["source_file"] for row in rows] == ["a.csv", "b.csv", "deep/c.csv"][:n_rows]
    assert main([str(folder / "in" / "*.parquet"), "--output", str(tmp_path / "x.csv")], open_model=open_free) == 2


def test_a_note_keeps_two_runs_apart(folder: RemotePath) -> None:
    """A note of a live run refuses a second one; --force overrules it, which the first one learns at its next look."""
    first, second = RemoteLock(folder), RemoteLock(folder)
    first.acquire()
    with pytest.raises(Busy, match=f"on {socket.gethostname()} was at work"):
        second.acquire()
    second.acquire(force=True)
    with pytest.raises(Busy, match="has taken over"):
        first.renew()
    first.release()
    assert (folder / "owner.json").exists()
    second.release()
    assert names(folder) == []


def test_a_note_of_a_dead_process_is_nobodys(folder: RemotePath) -> None:
    """A run of this machine that was killed holds nothing; one of another machine may be alive."""
    note = {"pid": 2**22 + 1, "host": socket.gethostname(), "token": "x"}
    (folder / "owner.json").write_bytes(json.dumps(note).encode())
    lock = RemoteLock(folder)
    lock.acquire()
    lock.release()
    (folder / "owner.json").write_bytes(json.dumps({**note, "host": "another.example"}).encode())
    with pytest.raises(Busy, match=r"another\.example"):
        RemoteLock(folder).acquire()
