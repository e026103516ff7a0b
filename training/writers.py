"""How scored rows become the bytes of one part of an output, and how parts become the whole file.

Pass-through columns keep their order and come first. What a format cannot hold as it is (a list in CSV, two types in
one Parquet column, a date in JSON) is kept as text, and the notes say in which column. A part depends on its rows and
the layout alone, and the whole on the parts alone, so that any of it can be done again, anywhere, with the same bytes.
"""

import base64
import csv
import datetime
import io
import json
import math
import shutil
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, BinaryIO, Final, Protocol

from training.answers import Scored
from training.layout import Layout
from training.parquet_writer import ParquetFormat
from training.places import Place

COPY_BYTES: Final = 2**20

Notes = dict[str, str]
"""By column: what had to be kept in another form, and why."""


class Format(Protocol):
    """One of the three kinds of file."""

    part_suffix: str

    def part(self, scored: Sequence[Scored]) -> tuple[bytes, Notes]:
        """The bytes of these rows, in order, and what had to be kept in another form."""
        ...

    def merge(self, parts: Iterable[Place], file: BinaryIO) -> None:
        """Write the whole file from its parts, in order. Raises: OSError, OutputError."""
        ...


def open_format(layout: Layout) -> Format:
    """The format that the layout names."""
    match layout.format:
        case "csv":
            return CsvFormat(layout)
        case "jsonl":
            return JsonlFormat(layout)
        case _:
            return ParquetFormat(layout)


class CsvFormat:
    """UTF-8, commas, one header line, lines that end in a line feed. Null is an empty cell, a boolean true or false."""

    part_suffix = ".csv"

    def __init__(self, layout: Layout) -> None:
        self._layout = layout

    def part(self, scored: Sequence[Scored]) -> tuple[bytes, Notes]:
        """The records of these rows, without the header."""
        notes: Notes = {}
        return _records(self._cells(item, notes) for item in scored), notes

    def merge(self, parts: Iterable[Place], file: BinaryIO) -> None:
        """The header, then the records of every part."""
        file.write(_records([[*self._layout.columns, *self._layout.extra.names]]))
        concatenate(parts, file)

    def _cells(self, item: Scored, notes: Notes) -> list[str]:
        values = self._layout.passed(item.row)
        named = [(name, values.get(name)) for name in self._layout.columns]
        named += self._layout.extra_values(item).items()
        return [value if type(value) is str else _cell(name, value, notes) for name, value in named]


class JsonlFormat:
    """One JSON object a line, UTF-8. A row keeps exactly the names it came with."""

    part_suffix = ".jsonl"

    def __init__(self, layout: Layout) -> None:
        self._layout = layout

    def part(self, scored: Sequence[Scored]) -> tuple[bytes, Notes]:
        """The lines of these rows."""
        notes: Notes = {}
        written = io.BytesIO()
        for item in scored:
            line = _line({**self._passed(item), **self._layout.extra_values(item)}, notes)
            written.write(line.encode("utf-8"))
        return written.getvalue(), notes

    def merge(self, parts: Iterable[Place], file: BinaryIO) -> None:
        """The lines of every part."""
        concatenate(parts, file)

    def _passed(self, item: Scored) -> Mapping[str, Any]:
        values = self._layout.passed(item.row)
        if self._layout.all_kept:
            return values
        return {name: values[name] for name in self._layout.columns if name in values}


def concatenate(parts: Iterable[Place], file: BinaryIO) -> None:
    """Copy the parts to the file, one after the other."""
    for part in parts:
        with part.open("rb") as source:
            shutil.copyfileobj(source, file, COPY_BYTES)


class _LineFeeds(io.BytesIO):
    """What csv.writer writes to: it ends each record with a line feed. No record is held twice, however large."""

    def write(self, record: str) -> int:  # type: ignore[override] # csv.writer writes text
        return super().write((record.removesuffix("\r\n") + "\n").encode("utf-8"))


def _records(rows: Iterable[Sequence[str]]) -> bytes:
    lines = _LineFeeds()
    # the writer quotes the characters of its line terminator, so it needs \r\n to quote a lone \r inside a cell
    csv.writer(lines, lineterminator="\r\n").writerows(rows)
    return lines.getvalue()


def _cell(column: str, value: object, notes: Notes) -> str:
    match value:
        case None:
            return ""
        case str():
            return value
        case bool():
            return "true" if value else "false"
        case float() if math.isfinite(value):
            return repr(value)
        case list() | tuple() | dict():
            notes[column] = "lists and objects are kept as JSON text"
            return json.dumps(as_json(value), ensure_ascii=False)
        case bytes():
            notes[column] = "bytes are kept as base64"
    return str(as_json(value))


def _line(record: Mapping[str, object], notes: Notes) -> str:
    try:
        return json.dumps(record, ensure_ascii=False, allow_nan=False) + "\n"
    except (TypeError, ValueError):
        plain = {name: as_json(value) for name, value in record.items()}
        for name, value in record.items():
            if plain[name] != value:
                notes[name] = "values that JSON does not know are kept as strings"
        return json.dumps(plain, ensure_ascii=False) + "\n"


def as_json(value: object) -> Any:
    """The value in terms of JSON: dates in ISO 8601, decimals as strings, bytes in base64, NaN as "NaN"."""
    match value:
        case None | bool() | int() | str():
            return value
        case float():
            return value if math.isfinite(value) else json.dumps(value)
        case list() | tuple():
            return [as_json(item) for item in value]
        case dict():
            return {str(name): as_json(item) for name, item in value.items()}
        case datetime.datetime() | datetime.date() | datetime.time():
            return value.isoformat()
        case bytes():
            return base64.b64encode(value).decode("ascii")
    return str(value)
