"""Several files as one source, each row with the name of its file in a column of its own."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import pyarrow as pa

from training.jsonl_source import JsonlSource, types_of
from training.rows import BadRow, InputError, Row, Source, quoted


class ManySource:
    """Files read one after the other. Columns that only some CSV or JSONL files have are empty in the others' rows."""

    def __init__(self, sources: Mapping[str, Source], *, source_column: str) -> None:
        """The files by name, in order. Raises: InputError where a column has the new one's name or Parquet differs."""
        self._sources = sources
        self._source_column = source_column
        self.added: Sequence[str] = (source_column,)
        parts = list(sources.values())
        self.columns: Sequence[str] = list(dict.fromkeys(name for part in parts for name in part.columns))
        if source_column in self.columns:
            raise InputError(f"the input already has {source_column!r}; name the column of files by --source-column")
        self.schema, self.as_json = self._types(parts)
        totals = [part.n_rows for part in parts]
        self.n_rows: int | None = sum(n for n in totals if n is not None) if None not in totals else None
        self._n_done = 0
        self._current: Source | None = None

    def rows(self, *, after: int = 0) -> Iterator[Row | BadRow]:
        """Every record of every file but the first ``after``; numbers and lines count within a file."""
        for n_done, (name, source) in enumerate(self._sources.items()):
            self._n_done = n_done
            self._current = source
            skipped = min(after, source.n_rows) if source.n_rows is not None else 0
            after -= skipped
            for row in source.rows(after=skipped):
                if after > 0:  # of a file whose rows are only counted by reading it
                    after -= 1
                elif isinstance(row, BadRow):
                    yield replace(row, file=name)
                else:
                    yield replace(row, file=name, added={self._source_column: name})

    def share_read(self) -> float:
        """The share of the files that were read, the one under way by its own share."""
        current = 0.0 if self._current is None else self._current.share_read()
        return (self._n_done + current) / len(self._sources)

    def _types(self, parts: Sequence[Source]) -> tuple[pa.Schema, frozenset[str]]:
        kinds: dict[str, set[str]] = {}
        for part in parts:
            for column, found in part.kinds.items() if isinstance(part, JsonlSource) else ():
                kinds.setdefault(column, set()).update(found)
        if kinds:
            return types_of(kinds)
        first = parts[0].schema
        if all(field.type == pa.string() for part in parts for field in part.schema):
            return pa.schema([(name, pa.string()) for name in self.columns], metadata=first.metadata), frozenset()
        for name, part in self._sources.items():
            if not part.schema.equals(first):
                ours = [f"{field.name}: {field.type}" for field in part.schema]
                theirs = [f"{field.name}: {field.type}" for field in first]
                raise InputError(f"{name} has the columns {quoted(ours)}, the first file {quoted(theirs)}")
        return first, frozenset()
