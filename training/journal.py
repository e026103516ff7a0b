"""What a run has done so far: its identity, then one line for each finished chunk. Durable line by line."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Self

from training.durable import append_line, read_lines, remove, write_whole
from training.places import Place, RemotePath
from training.rows import Mismatch
from training.tally import Tally

FORMAT: Final = 2
"""Of journals and manifests; another one is never resumed."""

Identity = dict[str, Any]
"""What the bytes of an output depend on: inputs, model, engine, options. Equal identities, equal bytes."""


@dataclass(frozen=True)
class ChunkRecord:
    """A finished chunk: the account of its rows, and how to know its files again."""

    number: int
    tally: Tally
    sha256: str
    n_bytes: int
    errors_sha256: str | None  # None where no row was refused
    notes: dict[str, str] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """The record in terms of JSON."""
        files = {"sha256": self.sha256, "bytes": self.n_bytes, "errors_sha256": self.errors_sha256}
        return {"chunk": self.number, **self.tally.as_json(), **files, "notes": self.notes}

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> Self:
        """The record that ``as_json`` gave."""
        files = (record["sha256"], record["bytes"], record["errors_sha256"])
        return cls(record["chunk"], Tally.from_json(record), *files, record["notes"])


class Journal:
    """The journal of a run folder. The last record of a chunk counts: a damaged one is done and written again."""

    def __init__(self, path: Place) -> None:
        self._path = path
        self.identity: Identity | None = None
        self.records: dict[int, ChunkRecord] = {}
        self.n_chunks: int | None = None  # known when the input was read to its end

    @classmethod
    def open(cls, path: Place) -> Self:
        """The journal at ``path``, a torn last line cut off; without identity where there is none. Raises: OSError."""
        journal = cls(path)
        for line in read_lines(path):
            journal._take(json.loads(line))
        return journal

    def begin(self, identity: Identity) -> None:
        """Start anew under this identity. Raises: OSError."""
        line = _line({"identity": identity})
        if isinstance(self._path, RemotePath):
            remove(self._path)
            append_line(self._path, line)
        else:
            write_whole(self._path, lambda file: file.write(line + b"\n"))
        self.identity, self.records, self.n_chunks = identity, {}, None

    def add(self, record: ChunkRecord) -> None:
        """Enter a finished chunk; its files are on the disk. Raises: OSError."""
        append_line(self._path, _line(record.as_json()))
        self.records[record.number] = record

    def end(self, n_chunks: int) -> None:
        """Enter that there are no more chunks than these. Raises: OSError."""
        if self.n_chunks != n_chunks:
            append_line(self._path, _line({"n_chunks": n_chunks}))
            self.n_chunks = n_chunks

    def _take(self, line: dict[str, Any]) -> None:
        if "identity" in line:
            self.identity = line["identity"]
        elif "n_chunks" in line:
            self.n_chunks = line["n_chunks"]
        else:
            record = ChunkRecord.from_json(line)
            self.records[record.number] = record


def check_identity(found: Identity, wanted: Identity, *, where: Place) -> None:
    """Raise when a run would go on from another one's work. Raises: Mismatch, which names every difference."""
    changed = [_difference(name, found, wanted) for name in wanted if found.get(name) != wanted[name]]
    if changed:
        raise Mismatch(
            f"{where} belongs to a run with other {', '.join(changed)}; undo the change to go on from there, "
            "or give --force to start anew"
        )


def _difference(name: str, found: Identity, wanted: Identity) -> str:
    before, now = found.get(name), wanted[name]
    if isinstance(before, dict) and isinstance(now, dict):
        names = [key for key in {**before, **now} if before.get(key) != now.get(key)]
        return f"{name} ({', '.join(names)})"
    if isinstance(before, str) and isinstance(now, str) and len(before + now) < 100:
        return f"{name} ({before}, now {now})"
    return name


def _line(record: Mapping[str, Any]) -> bytes:
    return json.dumps(record, ensure_ascii=True).encode("ascii")
