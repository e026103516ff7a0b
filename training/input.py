"""Finds the files to score and opens them by their names, or by the format that the caller gives."""

import glob
import os
import zlib
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path, PurePath, PurePosixPath
from typing import Final

import pyarrow as pa

from training.byte_stream import COMPRESSIONS, stem_suffix
from training.csv_source import CsvSource
from training.jsonl_source import JsonlSource
from training.many_source import ManySource
from training.parquet_source import ParquetSource
from training.places import Place, RemotePath, locate
from training.rows import BadRow, InputError, Row, Source

FORMATS: Final = ("csv", "jsonl", "parquet")
SUFFIXES: Final = {".csv": "csv", ".tsv": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl", ".parquet": "parquet"}
OURS: Final = (".errors.jsonl", ".manifest.json", ".run")
"""What a run leaves beside its output, by the end of its name; never an input that is found in a directory."""


def format_of(path: Place, *, override: str | None = None) -> str:
    """The format that the override, or else the suffix, says. Raises: InputError for a suffix that says nothing."""
    suffix = stem_suffix(path)
    found = override or SUFFIXES.get(suffix)
    if found is None:
        raise InputError(f"{path}: the suffix {suffix!r} is not one of {', '.join(SUFFIXES)}; name the format")
    if found == "parquet" and path.suffix.lower() in COMPRESSIONS:
        raise InputError(f"{path}: Parquet compresses its own pages; decompress the file around them")
    return found


def find_inputs(named: Sequence[str], *, output: Place) -> tuple[list[Place], bool]:
    """The files that were named, by themselves, by a directory or by a pattern, and whether there can be several.

    Directories are searched to the bottom for files with a known suffix, hidden ones, the output and what belongs to it
    left out. Each file comes once, sorted within what named it. Raises: InputError.
    """
    found: dict[Place, None] = {}
    several = len(named) > 1
    for name in named:
        path = locate(name)
        inside = _inside(path, output)
        if inside is None:
            found[path] = None
            continue
        several = True
        if not inside:
            raise InputError(f"{name}: no file to score; looked for {', '.join(SUFFIXES)}, .gz and .zst of them")
        found.update(dict.fromkeys(inside))
    return list(found), several


def _inside(path: Place, output: Place) -> list[Place] | None:
    """The files that a directory or a pattern stands for; None for the name of one file. Raises: InputError."""
    try:
        if isinstance(path, RemotePath):
            if path.is_dir():
                below = ((item.relative_to(path), item) for item in path.rglob("*"))
                return [*sorted(item for relative, item in below if _is_input(relative, item, output))]
            if not path.exists() and glob.has_magic(path.key):
                return [*sorted(item for item in path.matching() if item.is_file())]
            return None
        if path.is_dir():
            inside = ((item.relative_to(path), item) for item in path.rglob("*"))
            return [*sorted(item for relative, item in inside if _is_input(relative, item, output))]
        if not path.exists() and glob.has_magic(str(path)):
            return [*sorted(Path(item) for item in glob.glob(str(path), recursive=True) if Path(item).is_file())]
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {_cause(error)}") from error
    return None


def _is_input(relative: PurePath, item: Place, output: Place) -> bool:
    if any(part.startswith((".", "_")) or part.endswith(OURS) for part in relative.parts):
        return False
    return stem_suffix(item) in SUFFIXES and item.is_file() and item.resolve() != output.resolve()


def open_source(
    path: Place,
    *,
    format: str | None = None,
    delimiter: str | None = None,
    limit: int | None = None,
    only: Collection[str] | None = None,
) -> Source:
    """The file at ``path``, its columns found. Raises: InputError.

    ``limit``: look no further than this many rows. ``only``: columns that are needed, where leaving others saves work.
    """
    try:
        match format_of(path, override=format):
            case "csv":
                tab = "\t" if stem_suffix(path) == ".tsv" else None
                return CsvSource(path, delimiter=delimiter or tab)
            case "jsonl":
                return JsonlSource(path, limit=limit)
            case _:
                return ParquetSource(path, only=only)
    except (OSError, EOFError, zlib.error, pa.ArrowException) as error:
        raise InputError(f"{path}: cannot be read: {_cause(error)}") from error


def open_sources(
    paths: Sequence[Place],
    *,
    source_column: str | None,
    format: str | None = None,
    delimiter: str | None = None,
    limit: int | None = None,
    only: Collection[str] | None = None,
) -> Source:
    """One source over the files, in order. With ``source_column``, each row says its file in it. Raises: InputError."""
    formats = {path: format_of(path, override=format) for path in paths}
    first = formats[paths[0]]
    other = next((path for path, found in formats.items() if found != first), None)
    if other is not None:
        raise InputError(f"{other} is {formats[other]} and {paths[0]} is {first}; score files of one format together")
    sources = {path: open_source(path, format=format, delimiter=delimiter, limit=limit, only=only) for path in paths}
    if source_column is None:
        return sources[paths[0]]
    return ManySource(dict(zip(names_of(paths), sources.values(), strict=True)), source_column=source_column)


def names_of(paths: Sequence[Place]) -> list[str]:
    """How each file is called in the output: its path below the deepest directory that holds them all.

    Raises: InputError where none does.
    """
    stores = {path.scheme if isinstance(path, RemotePath) else "" for path in paths}
    if len(stores) > 1:
        raise InputError("the inputs are in several kinds of stores; score those of one together")
    whole = [PurePosixPath(path.key) if isinstance(path, RemotePath) else path.resolve() for path in paths]
    top = os.path.commonpath([path.parent for path in whole])
    return [path.relative_to(top).as_posix() for path in whole]


def read_rows(source: Source, name: str, *, after: int = 0) -> Iterator[Row | BadRow]:
    """The rows of a source, its disk's errors and a damaged file told apart from the output's. Raises: InputError."""
    n_read = after
    try:
        for row in source.rows(after=after):
            yield row
            n_read += 1
    except (OSError, EOFError, zlib.error, pa.ArrowException) as error:
        raise InputError(f"{name}: damaged or cut off after row {n_read}: {_cause(error)}") from error


def _cause(error: Exception) -> str:
    return str(getattr(error, "strerror", None) or error).split("\n")[0]
