"""What a scoring run leaves on the disk while it goes on, and how that becomes the output.

    OUTPUT.run/journal.jsonl           what is finished; training.journal
    OUTPUT.run/part-00000001.csv       the scored rows of a chunk (.jsonl, .arrow)
    OUTPUT.run/part-00000001.errors    its refused rows, where there are any
    OUTPUT                             all scored rows, when the run has ended
    OUTPUT.errors.jsonl                all refused rows, where there are any
    OUTPUT.manifest.json               the identity of the run, the account, every chunk with its sha256

A part is there whole before the journal names it. The outputs are renamed into place before the journal goes, and the
journal goes before the parts. So whatever instant a run is killed at, the same command finds a journal whose parts are
whole, or a finished output with its manifest, or nothing.
"""

import json
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

from training.durable import N_REQUESTS, PARTIAL, remove, replace, sha256_of, sync_directory, write_whole
from training.journal import FORMAT, ChunkRecord, Identity, Journal
from training.parts import Parts
from training.places import Place, RemotePath
from training.rows import OutputError
from training.scoring import Part
from training.tally import Tally
from training.writers import Format, concatenate


def errors_path(output: Place) -> Place:
    """Where the refused rows of an output go."""
    return output.with_name(output.name + ".errors.jsonl")


def manifest_path(output: Place) -> Place:
    """Where the manifest of an output goes."""
    return output.with_name(output.name + ".manifest.json")


def run_path(output: Place) -> Place:
    """Where the work under way is kept."""
    return output.with_name(output.name + ".run")


def check_place(output: Place, *, inputs: Sequence[Place]) -> None:
    """Raise when a run could not write there, or would overwrite an input. Raises: OutputError."""
    if not isinstance(output, RemotePath) and not output.parent.is_dir():  # stores have no directories
        raise OutputError(f"{output}: there is no directory {output.parent}")
    if not isinstance(output, RemotePath) and not os.access(output.parent, os.W_OK):
        raise OutputError(f"{output}: the directory {output.parent} does not allow writing")
    for target in (output, errors_path(output), manifest_path(output)):
        if target.exists() and any(_same(target, path) for path in inputs):
            raise OutputError(f"{target}: the input itself would be overwritten")
        if target.exists() and not target.is_file():
            raise OutputError(f"{target}: exists and is not a file")


def _same(one: Place, other: Place) -> bool:
    if isinstance(one, RemotePath) or isinstance(other, RemotePath):
        return one == other
    return other.exists() and one.samefile(other)


class RunFolder:
    """The folder of one run; its lock is the caller's to hold."""

    def __init__(self, output: Place, format: Format) -> None:
        self.output = output
        self.path = run_path(output)
        self._format = format
        self.parts = Parts(self.path, format.part_suffix)
        self.journal = Journal(self.path / JOURNAL)

    def open(self) -> None:
        """Read the journal and remove what was being written when the last run ended. Raises: OSError."""
        if not isinstance(self.path, RemotePath):  # a store shows no object before it is whole
            for partial in self.path.glob(f"*{PARTIAL}"):
                partial.unlink()
        self.journal = Journal.open(self.path / JOURNAL)

    def begin(self, identity: Identity) -> None:
        """Forget all work that is there and start anew. Raises: OSError."""
        self.clear()
        self.journal.begin(identity)

    def forget_damaged(self) -> int:
        """Drop the finished chunks whose files are not what the journal says; how many. Raises: OSError."""
        records = self.journal.records
        with ThreadPoolExecutor(N_REQUESTS) as readers:
            whole = readers.map(self.parts.is_whole, records.values())
            damaged = [number for number, fine in zip(records, whole, strict=True) if not fine]
        for number in damaged:
            del records[number]
        return len(damaged)

    def enter(self, done: tuple[int, Part] | ChunkRecord) -> ChunkRecord:
        """Enter a chunk in the journal, its files written before; the record of it. Raises: OSError."""
        record = done if isinstance(done, ChunkRecord) else self.parts.write(*done)
        self.journal.add(record)
        return record

    def errors_of(self, number: int) -> Iterator[dict[str, Any]]:
        """The refused rows of a finished chunk, as they stand in the report."""
        errors = self.parts.errors(number)
        if errors.exists():
            with errors.open("rb") as lines:
                yield from map(json.loads, lines)

    def finish(self, alive: Callable[[], None]) -> None:
        """Make the output, its report and its manifest from the parts, then remove the folder. Raises: OSError.

        ``alive`` is called before each part.
        """
        numbers = range(1, (self.journal.n_chunks or 0) + 1)
        merged, errors = self.path / "merged", self.path / "merged.errors"
        write_whole(merged, lambda file: self._format.merge(self._each(numbers, alive), file))
        refused = [self.parts.errors(number) for number in numbers if self.journal.records[number].errors_sha256]
        write_whole(errors, lambda file: concatenate(refused, file))
        manifest = json.dumps(self._manifest(merged, errors if refused else None), indent=1) + "\n"
        write_whole(self.path / "manifest", lambda file: file.write(manifest.encode()))
        if refused:
            replace(errors, errors_path(self.output))
        else:
            errors_path(self.output).unlink(missing_ok=True)
        replace(merged, self.output)
        replace(self.path / "manifest", manifest_path(self.output))
        sync_directory(self.output.parent)
        self.clear()

    def clear(self) -> None:
        """Remove all work that is there but the lock's files; the journal first, as nothing counts without it."""
        remove(self.path / JOURNAL)
        sync_directory(self.path)
        items: list[Place] = [*self.path.iterdir()]
        for item in items:
            if item.name not in LOCK_FILES:
                remove(item)

    def _each(self, numbers: Iterable[int], alive: Callable[[], None]) -> Iterator[Place]:
        for number in numbers:
            alive()
            yield self.parts.data(number)

    def _manifest(self, merged: Place, errors: Place | None) -> dict[str, Any]:
        records = [self.journal.records[number] for number in range(1, (self.journal.n_chunks or 0) + 1)]
        tally = Tally()
        for record in records:
            tally.add(record.tally)
        notes = {name: note for record in records for name, note in record.notes.items()}
        return {
            "format": FORMAT,
            "identity": self.journal.identity,
            **tally.as_json(),
            "notes": notes,
            "output": {"bytes": merged.stat().st_size, "sha256": sha256_of(merged)},
            "errors": None if errors is None else {"bytes": errors.stat().st_size, "sha256": sha256_of(errors)},
            "chunks": [record.as_json() for record in records],
        }


JOURNAL: Final = "journal.jsonl"
LOCK_FILES: Final = ("lock", "owner.json")


def finished(output: Place) -> dict[str, Any] | None:
    """The manifest of a finished output that is still what its run wrote; None where there is none. Raises: OSError."""
    try:
        manifest = json.loads(manifest_path(output).read_text(encoding="utf-8"))
        if manifest["format"] != FORMAT:
            return None
        wanted = ((output, manifest["output"]), (errors_path(output), manifest["errors"]))
        for path, described in wanted:
            if described is None:
                continue
            if path.stat().st_size != described["bytes"] or sha256_of(path) != described["sha256"]:
                return None
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return None
    return dict(manifest)
