"""Parquet, streamed as rows that keep their Arrow form. The code that it gives: invalid_utf8."""

from collections.abc import Collection, Iterator, Sequence
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from training.places import Place, RemotePath
from training.rows import BadRow, InputError, Row, check_columns, excerpt

PARQUET_BATCH_ROWS: Final = 256
"""Rows decoded at a time; bounds memory when cells are large."""


class ParquetSource:
    """A Parquet file; its schema goes through as it is."""

    as_json: frozenset[str] = frozenset()

    def __init__(self, path: Place, *, only: Collection[str] | None = None) -> None:
        """``only``: read no other columns. Raises: InputError."""
        self._path = path
        with self._open() as file:
            whole = file.schema_arrow
            self.n_rows: int | None = file.metadata.num_rows
            self._group_rows = [file.metadata.row_group(index).num_rows for index in range(file.num_row_groups)]
        check_columns(whole.names, path)
        wanted = [field for field in whole if only is None or field.name in only]
        self.schema = pa.schema(wanted, metadata=whole.metadata)
        self.columns: Sequence[str] = self.schema.names
        self.added: Sequence[str] = ()
        self._projection = None if only is None else list(self.columns)
        self._n_read = 0

    def rows(self, *, after: int = 0) -> Iterator[Row | BadRow]:
        """Every record of every row group, but the first ``after``; whole groups among these are not read."""
        groups = list(range(len(self._group_rows)))
        number = 0
        while groups and number + self._group_rows[groups[0]] <= after:
            number += self._group_rows[groups.pop(0)]
        try:
            with self._open() as file:
                batches = file.iter_batches(PARQUET_BATCH_ROWS, row_groups=groups, columns=self._projection)
                for batch in batches:
                    skipped = min(max(after - number, 0), batch.num_rows)
                    yield from self._batch_rows(batch.slice(skipped), first=number + skipped + 1)
                    self._n_read = number = number + batch.num_rows
        except (pa.ArrowException, OSError) as error:
            raise InputError(f"{self._path}: damaged after row {number}: {_first_line(error)}") from error

    def share_read(self) -> float:
        """The share of the rows that were read."""
        return self._n_read / self.n_rows if self.n_rows else 1.0

    def _open(self) -> pq.ParquetFile:
        try:
            if isinstance(self._path, RemotePath):
                return pq.ParquetFile(self._path.path, filesystem=self._path.filesystem)
            return pq.ParquetFile(self._path)
        except pa.ArrowException as error:
            raise InputError(f"{self._path}: not a whole Parquet file (cut off?): {_first_line(error)}") from error

    def _batch_rows(self, batch: pa.RecordBatch, *, first: int) -> Iterator[Row | BadRow]:
        columns = [_values(column) for column in batch.columns]
        for index in range(batch.num_rows):
            values = {name: column[index] for name, column in zip(self.columns, columns, strict=True)}
            broken = next((name for name, value in values.items() if isinstance(value, UnicodeDecodeError)), None)
            if broken is None:
                yield Row(first + index, values, record=batch.slice(index, 1))
                continue
            others = {name: value for name, value in values.items() if not isinstance(value, UnicodeDecodeError)}
            raw = excerpt(values[broken].object.decode("utf-8", "backslashreplace"))
            cause = f"column {broken!r} is not UTF-8"
            yield BadRow(first + index, None, broken, "invalid_utf8", cause, raw, others)


def _values(column: pa.Array) -> list[Any]:
    """The values as Python's own; as text where it has none; an error in place of what is not UTF-8."""
    try:
        return list(column.to_pylist())
    except (ValueError, OverflowError, pa.ArrowException):
        return [_value(scalar) for scalar in column]


def _value(scalar: pa.Scalar) -> Any:
    try:
        return scalar.as_py()
    except UnicodeDecodeError as error:
        return error
    except (ValueError, OverflowError, pa.ArrowException):  # a time that Python's datetime cannot hold
        return str(scalar.cast(pa.string()).as_py())


def _first_line(error: Exception) -> str:
    return str(error).split("\n")[0]
