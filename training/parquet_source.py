"""Parquet, streamed as rows that keep their Arrow form. The code that it gives: invalid_utf8."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from training.rows import BadRow, InputError, Row, check_columns, excerpt

PARQUET_BATCH_ROWS: Final = 256
"""Rows decoded at a time; bounds memory when cells are large."""


class ParquetSource:
    """A Parquet file; its schema goes through as it is."""

    as_json: frozenset[str] = frozenset()

    def __init__(self, path: Path) -> None:
        self._path = path
        with self._open() as file:
            self.schema = file.schema_arrow
            self.n_rows: int | None = file.metadata.num_rows
        self.columns: Sequence[str] = self.schema.names
        self._n_read = 0
        check_columns(self.columns, path)

    def rows(self) -> Iterator[Row | BadRow]:
        """Every record of every row group."""
        number = 0
        try:
            with self._open() as file:
                for batch in file.iter_batches(batch_size=PARQUET_BATCH_ROWS):
                    yield from self._batch_rows(batch, first=number + 1)
                    self._n_read = number = number + batch.num_rows
        except (pa.ArrowException, OSError) as error:
            raise InputError(f"{self._path}: damaged after row {number}: {_first_line(error)}") from error

    def share_read(self) -> float:
        """The share of the rows that were read."""
        return self._n_read / max(self.n_rows or 0, 1)

    def _open(self) -> pq.ParquetFile:
        try:
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
