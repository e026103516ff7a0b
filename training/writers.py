"""Streaming writers for CSV, JSONL and Parquet.

Pass-through columns keep their order and come first. What a format cannot hold as it is (a list in CSV, two types in
one Parquet column, a date in JSON) is kept as text, and the writer's ``notes`` say in which column.
"""

import base64
import contextlib
import csv
import datetime
import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, BinaryIO, Final, Protocol

import pyarrow as pa
import pyarrow.parquet as pq

from training.rows import InputError, OutputError, Row, Source, quoted
from training.scoring import ANSWER_COLUMNS, Answer, Scored

ROW_GROUP_ROWS: Final = 2**15
ROW_GROUP_BYTES: Final = 64 * 2**20
"""A row group is written when either is reached: small groups cost readers time, large ones cost memory here."""
ARROW_TYPES: Final = {str: pa.string(), float: pa.float64(), bool: pa.bool_(), int: pa.int64()}

AnswerOf = Callable[[Scored], Mapping[str, Answer]]


class Writer(Protocol):
    """Turns scored rows into the bytes of one file."""

    notes: dict[str, str]  # by column: what had to be kept in another form, and why

    def write(self, scored: Sequence[Scored]) -> None:
        """Append rows, in order."""
        ...

    def finish(self) -> None:
        """Write what is still held back; the file itself is the caller's to close."""
        ...

    def abandon(self) -> None:
        """Let go of a file that nobody will read; write nothing when the writer is collected later."""
        ...


def open_writer(file: BinaryIO, source: Source, *, format: str, answer_of: AnswerOf, prefix: str = "") -> Writer:
    """The writer for rows of ``source`` in that format. ``prefix`` is the one that ``answer_of`` puts before names."""
    match format:
        case "csv":
            return CsvWriter(file, source, answer_of=answer_of, prefix=prefix)
        case "jsonl":
            return JsonlWriter(file, answer_of=answer_of)
        case _:
            return ParquetWriter(file, source, answer_of=answer_of, prefix=prefix)


class CsvWriter:
    """UTF-8, commas, one header line, lines that end in a line feed. Null is an empty cell, a boolean true or false."""

    def __init__(self, file: BinaryIO, source: Source, *, answer_of: AnswerOf, prefix: str = "") -> None:
        self.notes: dict[str, str] = {}
        self._columns = tuple(source.columns)
        self._answer_of = answer_of
        # the writer quotes the characters of its line terminator, so it needs \r\n to quote a lone \r inside a cell
        self._csv = csv.writer(_LineFeeds(file), lineterminator="\r\n")
        self._csv.writerow([*self._columns, *(prefix + name for name, _ in ANSWER_COLUMNS)])

    def write(self, scored: Sequence[Scored]) -> None:
        """Append rows."""
        for item in scored:
            values = _known(item.row, self._columns)
            cells = [self._cell(name, values.get(name)) for name in self._columns]
            self._csv.writerow([*cells, *(self._cell(name, value) for name, value in self._answer_of(item).items())])

    def finish(self) -> None:
        """Nothing is held back."""

    def abandon(self) -> None:
        """Nothing is held back."""

    def _cell(self, column: str, value: object) -> str:
        match value:
            case None:
                return ""
            case str():
                return value
            case bool():
                return "true" if value else "false"
            case list() | tuple() | dict():
                self.notes[column] = "lists and objects are kept as JSON text"
                return json.dumps(as_json(value), ensure_ascii=False)
            case bytes():
                self.notes[column] = "bytes are kept as base64"
        return str(as_json(value))


class _LineFeeds:
    """What csv.writer writes to: it ends each record with a line feed."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def write(self, record: str) -> None:
        self._file.write((record.removesuffix("\r\n") + "\n").encode("utf-8"))


class JsonlWriter:
    """One JSON object a line, UTF-8. A row keeps exactly the names it came with."""

    def __init__(self, file: BinaryIO, *, answer_of: AnswerOf) -> None:
        self.notes: dict[str, str] = {}
        self._file = file
        self._answer_of = answer_of

    def write(self, scored: Sequence[Scored]) -> None:
        """Append rows."""
        for item in scored:
            record = {**item.row.values, **self._answer_of(item)}
            self._file.write(self._line(record).encode("utf-8"))

    def finish(self) -> None:
        """Nothing is held back."""

    def abandon(self) -> None:
        """Nothing is held back."""

    def _line(self, record: Mapping[str, object]) -> str:
        try:
            return json.dumps(record, ensure_ascii=False, allow_nan=False) + "\n"
        except (TypeError, ValueError):
            plain = {name: as_json(value) for name, value in record.items()}
            for name, value in record.items():
                if plain[name] != value:
                    self.notes[name] = "values that JSON does not know are kept as strings"
            return json.dumps(plain, ensure_ascii=False) + "\n"


class ParquetWriter:
    """Columns typed as the source says; rows that came from Parquet are copied as Arrow, so that no type changes."""

    def __init__(self, file: BinaryIO, source: Source, *, answer_of: AnswerOf, prefix: str = "") -> None:
        why = "values of several types, or nested ones, are kept as JSON text"
        self.notes = dict.fromkeys(sorted(source.as_json), why)
        self._source = source
        self._answer_of = answer_of
        self._answers = pa.schema([(prefix + name, ARROW_TYPES[kind]) for name, kind in ANSWER_COLUMNS])
        self._schema = pa.schema([*source.schema, *self._answers], metadata=source.schema.metadata)
        self._parquet = pq.ParquetWriter(file, self._schema)
        self._waiting: list[pa.Table] = []

    def write(self, scored: Sequence[Scored]) -> None:
        """Append rows; they reach the file in row groups. Raises: OutputError."""
        if not scored:
            return
        with _arrow_errors():
            self._append(scored)

    def _append(self, scored: Sequence[Scored]) -> None:
        answers = pa.Table.from_pylist([self._answer_of(item) for item in scored], schema=self._answers)
        columns = self._passed_through([item.row for item in scored]) + answers.columns
        self._waiting.append(pa.Table.from_arrays(columns, schema=self._schema))
        n_rows = sum(table.num_rows for table in self._waiting)
        if n_rows >= ROW_GROUP_ROWS or sum(table.nbytes for table in self._waiting) >= ROW_GROUP_BYTES:
            self._flush()

    def finish(self) -> None:
        """Write the last row group and the footer, without which there is no Parquet file. Raises: OutputError."""
        with _arrow_errors():
            self._flush()
            self._parquet.close()

    def abandon(self) -> None:
        """Close what pyarrow would otherwise close when it is collected, on a file that is closed by then."""
        with contextlib.suppress(OSError, ValueError, pa.ArrowException):
            self._parquet.close()

    def _flush(self) -> None:
        if self._waiting:
            self._parquet.write_table(pa.concat_tables(self._waiting).combine_chunks())
            self._waiting = []

    def _passed_through(self, rows: Sequence[Row]) -> list[pa.ChunkedArray]:
        records = [row.record for row in rows if row.record is not None]
        if len(records) == len(rows):
            return list(pa.Table.from_batches(records).combine_chunks().columns)
        values = [_known(row, self._source.columns) for row in rows]
        return [pa.chunked_array([self._array(field, values)], type=field.type) for field in self._source.schema]

    def _array(self, field: pa.Field, rows: Sequence[Mapping[str, Any]]) -> pa.Array:
        values = [row.get(field.name) for row in rows]
        if field.name in self._source.as_json:
            values = [None if value is None else json.dumps(value, ensure_ascii=False) for value in values]
        return pa.array(values, type=field.type)


@contextlib.contextmanager
def _arrow_errors() -> Iterator[None]:
    """What Arrow raises, as an error of the run; an error of the disk stays what it is."""
    try:
        yield
    except OSError:
        raise
    except pa.ArrowException as error:
        raise OutputError(f"Parquet cannot hold these rows: {error}") from error


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


def _known(row: Row, columns: Sequence[str]) -> Mapping[str, Any]:
    """The row's values. Raises: InputError for a column that was not there when the file was opened."""
    unknown = row.values.keys() - set(columns)
    if unknown:
        raise InputError(f"row {row.number} has a new column, {quoted(sorted(unknown))}: did the file change?")
    return row.values
