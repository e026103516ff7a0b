"""The bytes of a file, decompressed where its suffix says .gz, .zst or .zstd."""

import io
from types import TracebackType
from typing import BinaryIO, Final, Self, cast

import pyarrow as pa

from training.places import Place
from training.rows import InputError

COMPRESSIONS: Final = {".gz": "gzip", ".zst": "zstd", ".zstd": "zstd"}
MAGIC: Final = {".gz": b"\x1f\x8b", ".zst": b"\x28\xb5\x2f\xfd"}
"""The first bytes of each. Source: RFC 1952 and RFC 8878."""
BUFFER_BYTES: Final = 2**18


class ByteStream:
    """An open file whose bytes are read through ``file``. A compressed one that was cut off raises OSError."""

    def __init__(self, path: Place) -> None:
        self._raw = path.open("rb")
        self._size = path.stat().st_size
        kind = COMPRESSIONS.get(path.suffix.lower())
        self.file: BinaryIO = self._raw
        if kind and self._size:
            # pyarrow reads both kinds, several streams in one file too, and it is here for Parquet anyway
            stream = cast(io.RawIOBase, pa.CompressedInputStream(self._raw, kind))
            self.file = cast(BinaryIO, io.BufferedReader(stream, BUFFER_BYTES))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.file.close()
        self._raw.close()

    def share_read(self) -> float:
        """The share of the file's bytes that were read, between 0 and 1; 1 when it is closed."""
        return 1.0 if self._raw.closed else self._raw.tell() / max(self._size, 1)


def stem_suffix(path: Place) -> str:
    """The suffix that names the format, below the one of a compression: ``.csv`` of ``a.csv.gz``."""
    inner = path.with_suffix("") if path.suffix.lower() in COMPRESSIONS else path
    return inner.suffix.lower()


def check_encoding(path: Place) -> None:
    """Raise InputError for UTF-16, which Excel calls Unicode text, and for a compressed file whose suffix hides it.

    Raises: InputError, OSError.
    """
    with ByteStream(path) as stream:
        start = stream.file.read(4)
    if start[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise InputError(f"{path}: the file is in UTF-16; save it as UTF-8")
    suffix = next((suffix for suffix, magic in MAGIC.items() if start.startswith(magic)), None)
    if suffix is not None:
        raise InputError(f"{path}: the file is compressed; give it the suffix {suffix} behind that of its format")
