"""The rows of a chunk as they are sent to another machine."""

from dataclasses import dataclass, replace
from typing import Self

import pyarrow as pa

from training.rows import BadRow, Row


@dataclass(frozen=True)
class PackedRows:
    """The rows of a chunk, small to send: Arrow's form of all of them in one piece."""

    plain: list[Row | BadRow]
    has_record: list[bool]
    records: pa.RecordBatch | None

    @classmethod
    def of(cls, rows: list[Row | BadRow]) -> Self:
        """The rows, packed."""
        records = [row.record for row in rows if isinstance(row, Row) and row.record is not None]
        has_record = [isinstance(row, Row) and row.record is not None for row in rows]
        plain = [replace(row, record=None) if isinstance(row, Row) and row.record is not None else row for row in rows]
        joined = pa.Table.from_batches(records).combine_chunks().to_batches()[0] if records else None
        return cls(plain, has_record, joined)

    def rows(self) -> list[Row | BadRow]:
        """The rows as they were."""
        if self.records is None:
            return self.plain
        numbers = iter(range(self.records.num_rows))
        return [
            replace(row, record=self.records.slice(next(numbers), 1)) if has_record and isinstance(row, Row) else row
            for row, has_record in zip(self.plain, self.has_record, strict=True)
        ]
