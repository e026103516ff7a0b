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

import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from training.durable import PARTIAL, sha256_of, sync_directory, write_whole
from training.journal import FORMAT, ChunkRecord, Identity, Journal
from training.rows import OutputError
from training.scoring import Part
from training.tally import Tally
from training.writers import Format, concatenate


def errors_path(output: Path) -> Path:
    """Where the refused rows of an output go."""
    return output.with_name(output.name + ".errors.jsonl")


def manifest_path(output: Path) -> Path:
    """Where the manifest of an output goes."""
    return output.with_name(output.name + ".manifest.json")


def run_path(output: Path) -> Path:
    """Where the work under way is kept."""
    return output.with_name(output.name + ".run")


def check_place(output: Path, *, inputs: list[Path]) -> None:
    """Raise when a run could not write there, or would overwrite an input. Raises: OutputError."""
    if not output.parent.is_dir():
        raise OutputError(f"{output}: there is no directory {output.parent}")
    if not os.access(output.parent, os.W_OK):
        raise OutputError(f"{output}: the directory {output.parent} does not allow writing")
    for target in (output, errors_path(output), manifest_path(output)):
        if target.exists() and any(path.exists() and target.samefile(path) for path in inputs):
            raise OutputError(f"{target}: the input itself would be overwritten")
        if target.exists() and not target.is_file():
            raise OutputError(f"{target}: exists and is not a file")


class RunFolder:
    """The folder of one run; its lock is the caller's to hold."""

    def __init__(self, output: Path, format: Format) -> None:
        self.output = output
        self.path = run_path(output)
        self._format = format
        self.journal = Journal(self.path / JOURNAL)

    def open(self) -> None:
        """Read the journal and remove what was being written when the last run ended. Raises: OSError."""
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
        damaged = [number for number, record in records.items() if not self._is_whole(record)]
        for number in damaged:
            del records[number]
        return len(damaged)

    def keep(self, number: int, part: Part) -> ChunkRecord:
        """Write a chunk's files and enter it in the journal. Raises: OSError."""
        write_whole(self._part(number), lambda file: file.write(part.data))
        if part.errors:
            write_whole(self._errors(number), lambda file: file.write(part.errors))
        sums = (_sha256(part.data), len(part.data), _sha256(part.errors) if part.errors else None)
        record = ChunkRecord(number, part.tally, *sums, part.notes)
        self.journal.add(record)
        return record

    def errors_of(self, number: int) -> Iterator[dict[str, Any]]:
        """The refused rows of a finished chunk, as they stand in the report."""
        if self._errors(number).exists():
            with self._errors(number).open(encoding="utf-8") as lines:
                yield from map(json.loads, lines)

    def finish(self) -> None:
        """Make the output, its report and its manifest from the parts, then remove the folder. Raises: OSError."""
        numbers = range(1, (self.journal.n_chunks or 0) + 1)
        merged, errors = self.path / "merged", self.path / "merged.errors"
        write_whole(merged, lambda file: self._format.merge(map(self._part, numbers), file))
        refused = [self._errors(number) for number in numbers if self.journal.records[number].errors_sha256]
        write_whole(errors, lambda file: concatenate(refused, file))
        manifest = json.dumps(self._manifest(merged, errors if refused else None), indent=1) + "\n"
        write_whole(self.path / "manifest", lambda file: file.write(manifest.encode()))
        if refused:
            os.replace(errors, errors_path(self.output))
        else:
            errors_path(self.output).unlink(missing_ok=True)
        os.replace(merged, self.output)
        os.replace(self.path / "manifest", manifest_path(self.output))
        sync_directory(self.output.parent)
        self.clear()

    def clear(self) -> None:
        """Remove all work that is there but the lock's files; the journal first, as nothing counts without it."""
        (self.path / JOURNAL).unlink(missing_ok=True)
        sync_directory(self.path)
        for item in self.path.iterdir():
            if item.name not in LOCK_FILES:
                shutil.rmtree(item) if item.is_dir() else item.unlink()

    def _manifest(self, merged: Path, errors: Path | None) -> dict[str, Any]:
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

    def _is_whole(self, record: ChunkRecord) -> bool:
        wanted = [(self._part(record.number), record.sha256), (self._errors(record.number), record.errors_sha256)]
        return all(path.is_file() and sha256_of(path) == sha256 for path, sha256 in wanted if sha256 is not None)

    def _part(self, number: int) -> Path:
        return self.path / f"part-{number:08d}{self._format.part_suffix}"

    def _errors(self, number: int) -> Path:
        return self.path / f"part-{number:08d}.errors"


JOURNAL: Final = "journal.jsonl"
LOCK_FILES: Final = ("lock", "owner.json")


def finished(output: Path) -> dict[str, Any] | None:
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


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
