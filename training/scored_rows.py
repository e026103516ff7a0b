"""Rows of a scored file, as far as a review needs them: the text, what the model said of it, and how sure it was."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from models.given_conditions import ConditionError, PlacedCondition, place_conditions
from models.labels import STANCES, Stance
from training.input import read_rows
from training.review_conditions import read_conditions
from training.rows import BadRow, InputError, Row, Source, quoted, refuse

SUM_TOLERANCE: Final = 0.02
"""How far four probabilities may be from summing to 1: files are rounded to few digits at times."""


@dataclass(frozen=True, slots=True)
class ScoredRow:
    """A row with its prediction, read back from a file that training.score wrote, or one with the same columns."""

    row: Row
    text: str
    stance: Stance
    probabilities: tuple[float, ...]  # L, in the order of STANCES
    set_size: int  # members of the prediction set; 1 where the file does not say
    model: str | None
    conditions: tuple[PlacedCondition, ...] = ()  # none where the file does not say, or says what is not in the text


@dataclass(frozen=True, slots=True)
class ScoredColumns:
    """The names of the columns that count; ``prefix`` is that of training.score."""

    text: str = "text"
    prefix: str = ""

    @property
    def flat(self) -> tuple[str, ...]:
        """The columns of the probabilities where each has its own."""
        return tuple(f"{self.prefix}probability_{stance}" for stance in STANCES)

    def check(self, columns: Sequence[str]) -> None:
        """Raise where a file has no text or no probabilities. Raises: InputError, with the columns there are."""
        if self.text not in columns:
            raise InputError(f"there is no column {self.text!r}; the columns are {quoted(columns)}")
        if f"{self.prefix}probabilities" not in columns and not set(self.flat) <= set(columns):
            wanted = f"{self.flat[0]} and its like, or {self.prefix}probabilities"
            raise InputError(f"there are no {wanted}, which training.score adds; the columns are {quoted(columns)}")


def read_scored(source: Source, name: str, columns: ScoredColumns) -> Iterator[ScoredRow | BadRow]:
    """Each row with its prediction, or as refused: bad_text, bad_prediction. Raises: InputError."""
    columns.check(source.columns)
    for row in read_rows(source, name):
        yield row if isinstance(row, BadRow) else _scored(row, columns)


def _scored(row: Row, columns: ScoredColumns) -> ScoredRow | BadRow:
    text = row.values.get(columns.text)
    if not isinstance(text, str) or not text.strip():
        return refuse(row, column=None, code="bad_text", cause=f"{columns.text!r} holds no text")
    try:
        probabilities, size = _probabilities(row.values, columns), _set_size(row.values, columns)
    except (TypeError, ValueError, KeyError):
        cause = "its probabilities are not four that sum to 1, or its prediction set cannot be read"
        return refuse(row, column=None, code="bad_prediction", cause=cause)
    stance = STANCES[max(range(len(STANCES)), key=probabilities.__getitem__)]
    model = row.values.get(columns.prefix + "model")
    try:
        conditions = place_conditions(read_conditions(row.values.get(columns.prefix + "conditions")) or (), text)
    except ConditionError:
        conditions = ()
    return ScoredRow(row, text, stance, probabilities, size, str(model) if model else None, conditions)


def _probabilities(values: Mapping[str, Any], columns: ScoredColumns) -> tuple[float, ...]:
    nested = values.get(f"{columns.prefix}probabilities")
    if isinstance(nested, str):  # a CSV cell that holds a list or an object has it as JSON
        nested = json.loads(nested)
    found = tuple(
        float(values[name] if nested is None else nested[stance])
        for name, stance in zip(columns.flat, STANCES, strict=True)
    )
    if not all(0 <= probability <= 1 for probability in found) or abs(sum(found) - 1) > SUM_TOLERANCE:
        raise ValueError
    return found


def _set_size(values: Mapping[str, Any], columns: ScoredColumns) -> int:
    members = values.get(f"{columns.prefix}prediction_set")
    if isinstance(members, str) and members.startswith("["):  # a list in a CSV cell
        members = json.loads(members)
    elif isinstance(members, str):
        members = [name for name in members.split(";") if name.strip()]
    return max(1, len(members)) if isinstance(members, list) else 1
