"""Writing that survives a crash at any instant: whole files or none, whole lines or none.

A file is written under another name, forced to the disk and renamed; the rename is forced to the disk too. A line is
appended and forced to the disk; a torn last line is recognised by its missing line feed and cut off.

In an object store (training.places) an object is there whole or not at all, and is never appended to: what would be a
file of lines is an object for each line, below the file's name.
"""

import hashlib
import io
import os
import shutil
import time
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, Final, cast

from training.places import Place, RemotePath

PARTIAL: Final = ".partial"
"""The end of the name of a file that is being written; whatever has it can be deleted."""
MAX_COPY_BYTES: Final = 5 * 2**30
"""The largest object that S3 copies by itself; a larger one is sent again."""
N_REQUESTS: Final = 16
"""To a store at once, where many small objects are read."""


def write_whole(path: Place, write: Callable[[BinaryIO], object]) -> None:
    """Have ``path`` hold what ``write`` writes, or be as it was. Raises: OSError."""
    if isinstance(path, RemotePath):
        _write_object(path, write)
        return
    partial = path.with_name(path.name + PARTIAL)
    with partial.open("wb") as file:
        write(file)
        sync(file)
    os.replace(partial, path)
    sync_directory(path.parent)


def _write_object(path: RemotePath, write: Callable[[BinaryIO], object]) -> None:
    stream = path.filesystem.open_output_stream(path.path)
    try:
        write(cast(BinaryIO, stream))
    except BaseException:
        # a stream cannot be given up, only ended: what it made is taken away again
        with suppress(OSError):
            stream.close()
            path.unlink(missing_ok=True)
        raise
    stream.close()


def replace(source: Place, target: Place) -> None:
    """Have ``target`` be what ``source`` was. Raises: OSError."""
    if not isinstance(source, RemotePath) or not isinstance(target, RemotePath):
        os.replace(cast(Path, source), cast(Path, target))
    elif source.stat().st_size < MAX_COPY_BYTES:
        source.filesystem.move(source.path, target.path)
    else:
        with source.open() as file:
            write_whole(target, lambda copy: shutil.copyfileobj(file, copy, 2**23))
        source.unlink()


def remove(path: Place) -> None:
    """Have nothing at ``path``, nor below it. Raises: OSError."""
    if isinstance(path, RemotePath):
        if path.is_file():
            path.unlink(missing_ok=True)
        elif path.exists():
            for below in sorted(
                item for item in path.rglob("*") if item.is_file()
            ):  # the first line of a journal first
                below.unlink(missing_ok=True)
            with suppress(FileNotFoundError):  # where names with slashes are no more than that
                path.filesystem.delete_dir(path.path)
    elif path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def append_line(path: Place, line: bytes) -> None:
    """Append a line to a file. Raises: OSError, after which the file may end in a torn line."""
    if isinstance(path, RemotePath):
        # in order of time, as one run at a time appends
        (path / f"{time.time_ns():020d}-{uuid.uuid4().hex[:8]}").write_bytes(line + b"\n")
        return
    with path.open("ab") as file:
        file.write(line + b"\n")
        sync(file)


def read_lines(path: Place) -> list[bytes]:
    """The whole lines of a file, none where there is no file; a torn last one is cut off. Raises: OSError."""
    if isinstance(path, RemotePath):
        objects = sorted(item for item in path.iterdir() if item.is_file())
        with ThreadPoolExecutor(N_REQUESTS) as readers:
            return list(readers.map(RemotePath.read_bytes, objects))
    if not path.exists():
        return []
    cut_torn_line(path)
    return path.read_bytes().splitlines()


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


def sync_directory(path: Place) -> None:
    """Force a directory's names to the disk."""
    if isinstance(path, RemotePath):
        return  # what a store says it has, it has
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sha256_of(path: Place) -> str:
    """The sha256 of a file, in hexadecimal digits. Raises: OSError."""
    with path.open("rb") as file:
        return hashlib.file_digest(cast(io.BufferedReader, file), "sha256").hexdigest()
