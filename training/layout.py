"""The columns of an output, in order: those passed through, those that reading added, those that scoring adds."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import pyarrow as pa

from training.answers import Answer, AnswerColumns, Scored
from training.rows import InputError, Row, Source, quoted


@dataclass(frozen=True)
class Layout:
    """What an output holds; small and picklable, so that a chunk can be written anywhere."""

    format: str
    columns: tuple[str, ...]  # passed through
    schema: pa.Schema  # their types
    as_json: frozenset[str]  # those that a columnar file can only hold as JSON text
    known: frozenset[str]  # every column of the input, those that are left out too
    added: tuple[str, ...]
    answers: AnswerColumns
    all_kept: bool = True
    model: str = ""  # the name and version that answers carry

    @classmethod
    def of(cls, source: Source, *, format: str, answers: AnswerColumns, keep: Sequence[str] | None = None) -> Self:
        """The layout for rows of a source; ``keep``: pass no other columns through. Raises: InputError."""
        missing = [name for name in keep or () if name not in source.columns]
        if missing:
            raise InputError(f"--keep: there is no column {quoted(missing)}; there is {quoted(source.columns)}")
        columns = tuple(source.columns if keep is None else keep)
        schema = pa.schema([source.schema.field(name) for name in columns], metadata=source.schema.metadata)
        as_json = frozenset(columns) & source.as_json
        answers.check_clash([*columns, *source.added])
        known = frozenset(source.columns)
        return cls(format, columns, schema, as_json, known, tuple(source.added), answers, keep is None)

    @property
    def extra(self) -> pa.Schema:
        """The columns behind those that are passed through, and their types."""
        return pa.schema([*((name, pa.string()) for name in self.added), *self.answers.schema])

    def extra_values(self, scored: Scored) -> dict[str, Answer]:
        """The values of ``extra`` for one row."""
        return {**scored.row.added, **self.answers.values(scored, model=self.model)}

    def passed(self, row: Row) -> Mapping[str, Any]:
        """The row's values. Raises: InputError for a column that was not there when the input was opened."""
        if not row.values.keys() <= self.known:
            unknown = quoted(sorted(row.values.keys() - self.known))
            raise InputError(f"row {row.number} has a new column, {unknown}: did the file change?")
        return row.values
