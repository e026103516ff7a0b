"""Where inputs and outputs are: a path of this machine, or an object in a store, such as s3://bucket/key.

RemotePath has as much of pathlib's interface as scoring needs, so that the same code reads and writes both. pyarrow
knows s3:// and gs://; any other scheme is fsspec's, when the package that it asks for is installed. Credentials,
regions and endpoints are found where the stores' own programs find them (AWS_*, ~/.aws,
GOOGLE_APPLICATION_CREDENTIALS); what follows a question mark is for pyarrow (?endpoint_override=...&scheme=http).
"""

import io
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import BinaryIO, Final, NamedTuple, Self, cast

import pyarrow as pa
from pyarrow import fs

from training.rows import InputError

NATIVE: Final = ("s3", "gs", "gcs")
"""Schemes that pyarrow has a file system of its own for."""
BUFFER_BYTES: Final = 4 * 2**20
"""Read at a time: a request to a store takes as long as some megabytes."""


class Stat(NamedTuple):
    """Size and time of the last change, under pathlib's names."""

    st_size: int
    st_mtime_ns: int


@dataclass(frozen=True)
class RemotePath:
    """An object in a store, or the start of the names of several. Picklable: it connects where it is used."""

    scheme: str
    key: str  # the bucket and the object's name
    query: str = ""

    def __str__(self) -> str:
        """The address without its query, which may hold what is nobody's business."""
        return f"{self.scheme}://{self.key}"

    def __lt__(self, other: Self) -> bool:
        """By name, as paths are sorted."""
        return self.key < other.key

    def __truediv__(self, name: str) -> Self:
        return replace(self, key=f"{self.key.rstrip('/')}/{name}")

    @property
    def name(self) -> str:
        """What follows the last slash."""
        return PurePosixPath(self.key).name

    @property
    def suffix(self) -> str:
        """What follows the name's last dot, with the dot."""
        return PurePosixPath(self.key).suffix

    @property
    def parent(self) -> Self:
        """What precedes the last slash."""
        return replace(self, key=self.key.rstrip("/").rpartition("/")[0])

    def with_name(self, name: str) -> Self:
        """The neighbour of this name."""
        return self.parent / name

    def with_suffix(self, suffix: str) -> Self:
        """The neighbour with another suffix."""
        return self.with_name(PurePosixPath(self.key).with_suffix(suffix).name)

    def resolve(self) -> Self:
        """Itself."""
        return self

    def samefile(self, other: object) -> bool:
        """Whether the other is the same object."""
        return self == other

    def relative_to(self, other: Self) -> PurePosixPath:
        """The name below another one."""
        return PurePosixPath(self.key).relative_to(other.key)

    def exists(self) -> bool:
        """Whether there is such an object, or any below it. Raises: OSError."""
        return bool(self._info.type != fs.FileType.NotFound)

    def is_file(self) -> bool:
        """Whether there is such an object. Raises: OSError."""
        return bool(self._info.type == fs.FileType.File)

    def is_dir(self) -> bool:
        """Whether there are objects below it. Raises: OSError."""
        return bool(self._info.type == fs.FileType.Directory)

    def stat(self) -> Stat:
        """Size and time. Raises: FileNotFoundError, OSError."""
        info = self._info
        if info.type != fs.FileType.File:
            raise FileNotFoundError(2, "no such object", str(self))
        return Stat(info.size, info.mtime_ns or 0)

    def open(self, mode: str = "rb") -> BinaryIO:
        """The object, to be read. Raises: FileNotFoundError, OSError."""
        if mode != "rb":
            raise ValueError(f"an object in a store is written whole and read as bytes, not opened as {mode!r}")
        raw = cast(io.RawIOBase, self.filesystem.open_input_file(self.path))
        return cast(BinaryIO, io.BufferedReader(raw, BUFFER_BYTES))

    def read_bytes(self) -> bytes:
        """The whole object. Raises: FileNotFoundError, OSError."""
        with self.open() as file:
            return file.read()

    def read_text(self, encoding: str) -> str:
        """The whole object as text. Raises: FileNotFoundError, OSError, UnicodeDecodeError."""
        return self.read_bytes().decode(encoding)

    def write_bytes(self, data: bytes) -> None:
        """Have the object hold these bytes: all of them, or what it held before. Raises: OSError."""
        with self.filesystem.open_output_stream(self.path) as stream:
            stream.write(data)

    def unlink(self, *, missing_ok: bool = False) -> None:
        """Remove the object. Raises: FileNotFoundError, OSError."""
        try:
            self.filesystem.delete_file(self.path)
        except FileNotFoundError:
            if not missing_ok:
                raise

    def iterdir(self) -> Iterator[Self]:
        """What is directly below. Raises: OSError."""
        yield from self._below(recursive=False)

    def rglob(self, _: str) -> Iterator[Self]:
        """Every object below. Raises: OSError."""
        yield from self._below(recursive=True)

    def matching(self) -> Iterator[Self]:
        """The objects that this name stands for as a pattern, such as s3://bucket/wire-*.jsonl. Raises: OSError."""
        from fsspec.implementations.arrow import ArrowFSWrapper

        n_stripped = len(self.path) - len(self.key)  # what the file system puts before names, such as a slash
        yield from (replace(self, key=found[n_stripped:]) for found in ArrowFSWrapper(self.filesystem).glob(self.path))

    @property
    def filesystem(self) -> fs.FileSystem:
        """The file system that holds the object. Raises: InputError for a scheme that nothing knows."""
        return _connect(self.scheme, self.key.partition("/")[0], self.query)

    @property
    def path(self) -> str:
        """The object's name in its file system."""
        return self.key if self.scheme in NATIVE else str(self.filesystem.handler.fs._strip_protocol(str(self)))

    @property
    def _info(self) -> fs.FileInfo:
        return self.filesystem.get_file_info(self.path)

    def _below(self, *, recursive: bool) -> Iterator[Self]:
        selector = fs.FileSelector(self.path, allow_not_found=True, recursive=recursive)
        n_own = len(self.path.rstrip("/"))
        for info in self.filesystem.get_file_info(selector):
            if info.path.rstrip("/") != self.path.rstrip("/"):
                yield replace(self, key=self.key.rstrip("/") + info.path.rstrip("/")[n_own:])


Place = Path | RemotePath
"""Anything that can be read, or written whole."""


def locate(name: str) -> Place:
    """The place of that name: an address such as s3://bucket/key, or a path. Raises: InputError."""
    scheme, separator, rest = name.partition("://")
    if not separator:
        return Path(name)
    if scheme == "file":
        return Path(rest)
    key, _, query = rest.partition("?") if scheme in NATIVE else (rest, "", "")
    if "@" in key.partition("/")[0]:
        raise InputError(f"{scheme}://...: credentials do not belong in an address; set them in the environment")
    return RemotePath(scheme, key.rstrip("/"), query)


@lru_cache(maxsize=16)
def _connect(scheme: str, bucket: str, query: str) -> fs.FileSystem:
    try:
        if scheme in NATIVE:
            return fs.FileSystem.from_uri(f"{scheme}://{bucket}{'?' if query else ''}{query}")[0]
        import fsspec

        return fs.PyFileSystem(fs.FSSpecHandler(fsspec.filesystem(scheme)))
    except (pa.ArrowInvalid, ValueError, ImportError) as error:
        raise InputError(f"{scheme}://{bucket}: cannot be opened: {str(error).splitlines()[0]}") from error
