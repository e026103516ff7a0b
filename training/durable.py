"""Writing that survives a crash at any instant: whole files or none, whole lines or none.

A file is written under another name, forced to the disk and renamed; the rename is forced to the disk too. A line is
appended and forced to the disk; a torn last line is recognised by its missing line feed and cut off.
"""

import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, Final

PARTIAL: Final = ".partial"
"""The end of the name of a file that is being written; whatever has it can be deleted."""


def write_whole(path: Path, write: Callable[[BinaryIO], object]) -> None:
    """Have ``path`` hold what ``write`` writes, or be as it was. Raises: OSError."""
    partial = path.with_name(path.name + PARTIAL)
    with partial.open("wb") as file:
        write(file)
        sync(file)
    os.replace(partial, path)
    sync_directory(path.parent)


def append_line(path: Path, line: bytes) -> None:
    """Append a line to a file. Raises: OSError, after which the file may end in a torn line."""
    with path.open("ab") as file:
        file.write(line + b"\n")
        sync(file)


def cut_torn_line(path: Path) -> None:
    """Cut off what follows the last line feed: the start of a line whose writing was interrupted."""
    content = path.read_bytes()
    whole = content.rfind(b"\n") + 1
    if whole < len(content):
        os.truncate(path, whole)


def sync(file: BinaryIO) -> None:
    """Force what was written to the disk."""
    file.flush()
    os.fsync(file.fileno())


def sync_directory(path: Path) -> None:
    """Force a directory's names to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sha256_of(path: Path) -> str:
    """The sha256 of a file, in hexadecimal digits. Raises: OSError."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
