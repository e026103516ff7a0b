"""Where the parts of a run are kept. A part can be written by whoever made it, on whatever machine, and again."""

import hashlib
from dataclasses import dataclass

from training.durable import sha256_of, write_whole
from training.journal import ChunkRecord
from training.places import Place, RemotePath
from training.scoring import Part


@dataclass(frozen=True)
class Parts:
    """The files of the finished chunks of a run; picklable."""

    folder: Place
    suffix: str

    @property
    def reachable(self) -> bool:
        """Whether any machine can write them: in an object store, but not on the disk of one machine."""
        return isinstance(self.folder, RemotePath)

    def data(self, number: int) -> Place:
        """Where the scored rows of a chunk are."""
        return self.folder / f"part-{number:08d}{self.suffix}"

    def errors(self, number: int) -> Place:
        """Where its refused rows are, where there are any."""
        return self.folder / f"part-{number:08d}.errors"

    def write(self, number: int, part: Part) -> ChunkRecord:
        """Write a chunk's files; the record that the journal is to hold. Raises: OSError."""
        write_whole(self.data(number), lambda file: file.write(part.data))
        if part.errors:
            write_whole(self.errors(number), lambda file: file.write(part.errors))
        sums = (_sha256(part.data), len(part.data), _sha256(part.errors) if part.errors else None)
        return ChunkRecord(number, part.tally, *sums, part.notes)

    def is_whole(self, record: ChunkRecord) -> bool:
        """Whether a chunk's files are what its record says. Raises: OSError."""
        wanted = [(self.data(record.number), record.sha256), (self.errors(record.number), record.errors_sha256)]
        return all(path.is_file() and sha256_of(path) == sha256 for path, sha256 in wanted if sha256 is not None)


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
