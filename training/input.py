"""Opens a file for scoring by its name or by the format that the caller gives."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from training.csv_source import CsvSource
from training.jsonl_source import JsonlSource
from training.parquet_source import ParquetSource
from training.rows import BadRow, InputError, Row, Source

FORMATS: Final = ("csv", "jsonl", "parquet")


def format_of(path: Path, *, override: str | None = None) -> str:
    """The format that the override, or else the suffix, says. Raises: InputError for a suffix that says nothing."""
    found = override or path.suffix.lower().removeprefix(".")
    if found not in FORMATS:
        raise InputError(f"{path}: the suffix {path.suffix!r} is not one of .csv, .jsonl, .parquet; name the format")
    return found


def open_source(
    path: Path, *, format: str | None = None, delimiter: str | None = None, limit: int | None = None
) -> Source:
    """The file at ``path``, its columns found. ``limit``: look no further than this many rows. Raises: InputError."""
    try:
        match format_of(path, override=format):
            case "csv":
                return CsvSource(path, delimiter=delimiter)
            case "jsonl":
                return JsonlSource(path, limit=limit)
            case _:
                return ParquetSource(path)
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror or error}") from error


def read_rows(source: Source, path: Path) -> Iterator[Row | BadRow]:
    """The rows of a source opened at ``path``, its disk's errors told apart from the output's. Raises: InputError."""
    try:
        yield from source.rows()
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror or error}") from error
