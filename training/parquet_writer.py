"""Parquet: columns typed as the source says; rows that came from Parquet are copied as Arrow, so that no type changes.

A part is an Arrow stream and not a Parquet file: row groups are made when the parts are merged, as large as readers
like them, however small the chunks were.
"""

import contextlib
import io
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, BinaryIO, Final

import pyarrow as pa
import pyarrow.parquet as pq

from training.answers import Scored
from training.layout import Layout
from training.places import Place
from training.rows import OutputError, Row

ROW_GROUP_ROWS: Final = 2**15
ROW_GROUP_BYTES: Final = 16 * 2**20
"""A row group is written when either is reached: small groups cost readers time, large ones four times their size in
memory here."""


class ParquetFormat:
    """Arrow streams as parts, one Parquet file as the whole."""

    part_suffix = ".arrow"

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._schema = pa.schema([*layout.schema, *layout.extra], metadata=layout.schema.metadata)

    def part(self, scored: Sequence[Scored]) -> tuple[bytes, dict[str, str]]:
        """The rows as an Arrow stream. Raises: OutputError."""
        why = "values of several types, or nested ones, are kept as JSON text"
        bytes_out = io.BytesIO()
        with _arrow_errors(), pa.ipc.new_stream(bytes_out, self._schema, options=_options()) as stream:
            if scored:
                stream.write_table(self._table(scored))
        return bytes_out.getvalue(), dict.fromkeys(sorted(self._layout.as_json), why)

    def merge(self, parts: Iterable[Place], file: BinaryIO) -> None:
        """The rows of every part in row groups, and the footer. Raises: OSError, OutputError."""
        with _arrow_errors(), pq.ParquetWriter(file, self._schema) as parquet:
            waiting: list[pa.Table] = []
            for part in parts:
                with part.open("rb") as source, pa.ipc.open_stream(source) as stream:
                    waiting.append(stream.read_all())
                n_rows = sum(table.num_rows for table in waiting)
                if n_rows >= ROW_GROUP_ROWS or sum(table.nbytes for table in waiting) >= ROW_GROUP_BYTES:
                    parquet.write_table(_taken(waiting))
            if any(table.num_rows for table in waiting):
                parquet.write_table(_taken(waiting))

    def _table(self, scored: Sequence[Scored]) -> pa.Table:
        values = [self._layout.extra_values(item) for item in scored]
        extra = [pa.array([row[field.name] for row in values], type=field.type) for field in self._layout.extra]
        columns = [*self._passed_through([item.row for item in scored]), *extra]
        return pa.Table.from_arrays(columns, schema=self._schema).combine_chunks()

    def _passed_through(self, rows: Sequence[Row]) -> list[pa.ChunkedArray]:
        records = [row.record for row in rows if row.record is not None]
        if len(records) == len(rows):
            table = pa.Table.from_batches(records).select(list(self._layout.columns))
            return list(table.combine_chunks().columns)
        values = [self._layout.passed(row) for row in rows]
        return [pa.chunked_array([self._array(field, values)], type=field.type) for field in self._layout.schema]

    def _array(self, field: pa.Field, rows: Sequence[Mapping[str, Any]]) -> pa.Array:
        values = [row.get(field.name) for row in rows]
        if field.name in self._layout.as_json:
            values = [None if value is None else json.dumps(value, ensure_ascii=False) for value in values]
        return pa.array(values, type=field.type)


def _taken(waiting: list[pa.Table]) -> pa.Table:
    """The tables as one; the list is emptied, so that they need no room while a row group is made of it."""
    table = pa.concat_tables(waiting).combine_chunks()
    waiting.clear()
    return table


def _options() -> pa.ipc.IpcWriteOptions:
    return pa.ipc.IpcWriteOptions(compression="zstd", unify_dictionaries=True)


@contextlib.contextmanager
def _arrow_errors() -> Iterator[None]:
    """What Arrow raises, as an error of the run; an error of the disk stays what it is."""
    try:
        yield
    except OSError:
        raise
    except pa.ArrowException as error:
        raise OutputError(f"Parquet cannot hold these rows: {error}") from error
