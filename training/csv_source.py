"""CSV, streamed as rows: a corrupt row costs one row, and no value is altered on the way.

The codes that it gives: malformed_csv, wrong_cell_count, invalid_utf8.
"""

import csv
import io
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import islice
from typing import Final, TextIO

import pyarrow as pa

from training.byte_stream import ByteStream, check_encoding
from training.places import Place
from training.rows import MAX_LINE_CHARS, BadRow, InputError, Row, check_columns, excerpt, printable

DELIMITERS: Final = ",;\t|"
SNIFF_CHARS: Final = 64 * 2**10


class CsvSource:
    """A CSV file with a header; its columns are strings. Quoting is strict, so that no value is altered silently."""

    def __init__(self, path: Place, *, delimiter: str | None = None) -> None:
        check_encoding(path)
        self._path = path
        self._stream: ByteStream | None = None
        self._delimiter = delimiter or self._sniff()
        header = next(self._records(), None)
        if header is None:
            raise InputError(f"{path}: the file is empty; its first line must name the columns")
        _, cells = header
        if isinstance(cells, BadRow) or any(printable(cell) != cell for cell in cells):
            cause = cells.cause if isinstance(cells, BadRow) else "it is not UTF-8"
            raise InputError(f"{path}: the first line, which must name the columns, cannot be read: {cause}")
        self.columns: Sequence[str] = cells
        check_columns(cells, path)
        self.schema = pa.schema([(name, pa.string()) for name in cells])
        self.as_json: frozenset[str] = frozenset()
        self.added: Sequence[str] = ()
        self.n_rows: int | None = None

    def rows(self, *, after: int = 0) -> Iterator[Row | BadRow]:
        """Every record below the header, but the first ``after``."""
        records = islice(self._records(), 1 + after, None)
        for number, (line, cells) in enumerate(records, start=after + 1):
            if isinstance(cells, BadRow):
                yield BadRow(number, line, None, cells.code, cells.cause, cells.raw)
            else:
                yield self._row(number, line, cells)

    def share_read(self) -> float:
        """The share of the file's bytes that were read."""
        return 1.0 if self._stream is None else self._stream.share_read()

    def _row(self, number: int, line: int, cells: list[str]) -> Row | BadRow:
        if len(cells) != len(self.columns):
            cause = f"{len(cells)} cells where the header has {len(self.columns)}"
            names = [*self.columns, *(f"cell {index + 1}" for index in range(len(self.columns), len(cells)))]
            values = {name: printable(cell) for name, cell in zip(names, cells, strict=False)}
            return BadRow(number, line, None, "wrong_cell_count", cause, excerpt(self._delimiter.join(cells)), values)
        values = dict(zip(self.columns, cells, strict=True))
        for column, cell in values.items():
            if not cell.isascii() and printable(cell) != cell:
                others = {name: printable(value) for name, value in values.items() if name != column}
                return BadRow(number, line, column, "invalid_utf8", _undecodable(cell, column), excerpt(cell), others)
        return Row(number, values, line)

    def _records(self) -> Iterator[tuple[int, list[str] | BadRow]]:
        """Each record's first line number, with its cells or why there are none; blank lines are no records."""
        csv.field_size_limit(max(csv.field_size_limit(), MAX_LINE_CHARS))
        with self._open() as file:
            lines = _Lines(file)
            reader = csv.reader(lines, delimiter=self._delimiter, strict=True)
            while True:
                line = lines.begin()
                try:
                    cells = next(reader, None)
                except csv.Error as error:
                    lines.give_back()
                    raw = excerpt(lines.taken[0].rstrip("\r\n"))
                    yield line, BadRow(0, line, None, "malformed_csv", f"not readable as CSV: {error}", raw)
                    continue
                if cells is None:
                    return
                if cells:
                    yield line, cells

    @contextmanager
    def _open(self) -> Iterator[TextIO]:
        with ByteStream(self._path) as self._stream:
            file = io.TextIOWrapper(self._stream.file, encoding="utf-8-sig", errors="surrogateescape", newline="")
            try:
                yield file
            finally:
                with suppress(ValueError):  # closed already, where a generator is collected after its file
                    file.detach()  # else it would close the stream when it is collected

    def _sniff(self) -> str:
        """The delimiter under which the header has several cells and most of the first records as many."""
        with self._open() as file:
            sample = file.read(SNIFF_CHARS)
        whole = len(sample) < SNIFF_CHARS

        def merit(delimiter: str) -> tuple[bool, float, int]:
            records = [cells for cells in csv.reader(io.StringIO(sample, newline=""), delimiter=delimiter) if cells]
            records = records if whole or len(records) < 2 else records[:-1]
            n_columns = len(records[0]) if records else 0
            alike = sum(len(cells) == n_columns for cells in records) / max(len(records), 1)
            return n_columns > 1, alike, n_columns

        return max(DELIMITERS, key=merit)  # the first of equals: the comma


class _Lines:
    """The lines of a file, with a way back: what a stray quote swallowed is read again, so that it costs one row."""

    def __init__(self, file: TextIO) -> None:
        self._file = file
        self._again: deque[str] = deque()
        self._number = 0
        self.taken: list[str] = []  # the lines of the record under way

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self._again.popleft() if self._again else self._file.readline(MAX_LINE_CHARS)
        if not line:
            raise StopIteration
        self._number += 1
        self.taken.append(line)
        if len(line) >= MAX_LINE_CHARS:
            rest = line
            while rest and not rest.endswith(("\n", "\r")):
                rest = self._file.readline(MAX_LINE_CHARS)
            raise csv.Error(f"a line of more than {MAX_LINE_CHARS:,} characters")
        return line

    def begin(self) -> int:
        """Start a record; its line number."""
        self.taken = []
        return self._number + 1

    def give_back(self) -> None:
        """Spend the first line of the record under way and hand out its other lines again."""
        self._again.extendleft(reversed(self.taken[1:]))
        self._number -= len(self.taken) - 1


def _undecodable(cell: str, column: str) -> str:
    position = next(index for index, character in enumerate(cell) if "\udc80" <= character <= "\udcff")
    byte = ord(cell[position]) - 0xDC00
    return f"the byte 0x{byte:02x} at character {position + 1} of column {column!r} is not UTF-8"
