"""The columns that scoring adds: which, in what shape, under what names."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from typing import Any, Final

import pyarrow as pa

from models.conditions import ConditionSpan
from models.labels import STANCES, Stance
from models.prediction import Prediction
from training.rows import InputError, Row, quoted

Answer = str | float | bool | int | None | list[Any] | dict[str, Any]

ANSWERS: Final = (
    "stance",
    "confidence",
    "probabilities",
    "certain",
    "prediction_set",
    "conditions",
    "truncated",
    "n_tokens",
    "language",
    "model",
)
"""What can be chosen, in the order in which it is written unless the caller chooses another."""
CONDITION: Final = pa.struct([("start", pa.int64()), ("end", pa.int64()), ("text", pa.string()), ("kind", pa.string())])
FLAT: Final = {
    "stance": pa.string(),
    "confidence": pa.float64(),
    **{f"probability_{stance}": pa.float64() for stance in STANCES},
    "certain": pa.bool_(),
    "prediction_set": pa.string(),
    "conditions": pa.string(),
    "truncated": pa.bool_(),
    "n_tokens": pa.int64(),
    "language": pa.string(),
    "model": pa.string(),
}
"""The flat columns and their types, all that there are. Only ``language`` may be null."""
NESTED: Final = {
    "probabilities": pa.struct([(str(stance), pa.float64()) for stance in STANCES]),
    "prediction_set": pa.list_(pa.string()),
    "conditions": pa.list_(CONDITION),
}
"""The columns that have another type when nested: one struct and two lists."""


@dataclass(frozen=True, slots=True)
class Scored:
    """A row with its prediction. ``language`` is the code of a foreign language, None when the text is English."""

    row: Row
    prediction: Prediction
    language: str | None


Reader = Callable[[Scored], Answer]
"""What gives one column's value for a row."""


@dataclass(frozen=True)
class AnswerColumns:
    """The chosen columns. ``nested``: probabilities as one struct, sets and conditions as lists, not as text."""

    names: tuple[str, ...] = ANSWERS
    nested: bool = False
    prefix: str = ""

    def __post_init__(self) -> None:
        """Raises: InputError for a name that does not exist or comes twice."""
        wrong = [name for name in self.names if name not in ANSWERS]
        if wrong or not self.names or len(set(self.names)) != len(self.names):
            said = f"there is no {quoted(wrong)} to add" if wrong else "each column once, please"
            raise InputError(f"--columns: {said}; choose from {', '.join(ANSWERS)}")

    @property
    def schema(self) -> pa.Schema:
        """The columns and their types, prefix included."""
        fields = []
        for name in self.names:
            if self.nested and name in NESTED:
                fields.append((self.prefix + name, NESTED[name]))
            elif name == "probabilities":
                fields += [(f"{self.prefix}probability_{stance}", pa.float64()) for stance in STANCES]
            else:
                fields.append((self.prefix + name, FLAT[name]))
        return pa.schema(fields)

    def values(self, scored: Scored, *, model: str) -> dict[str, Answer]:
        """The columns of one row, in the order of ``schema``."""
        answer = {column: read(scored) for column, read in _readers(self.names, self.nested, self.prefix)}
        if "model" in self.names:
            answer[self.prefix + "model"] = model
        return answer

    def check_clash(self, columns: Sequence[str]) -> None:
        """Raise when a column of the input would be overwritten. Raises: InputError, which suggests a prefix."""
        ours = set(self.schema.names)
        clash = [name for name in columns if name in ours]
        if clash:
            raise InputError(
                f"the input already has {quoted(clash)}, which scoring would add; "
                f"give the new columns another start, such as --prefix new_{self.prefix}"
            )


def listed(conditions: Sequence[ConditionSpan]) -> list[Any]:
    """The conditions as plain objects, which every format can hold in some form."""
    return [{"start": c.start, "end": c.end, "text": c.text, "kind": str(c.kind)} for c in conditions]


@cache
def _readers(names: tuple[str, ...], nested: bool, prefix: str) -> tuple[tuple[str, Reader], ...]:
    """What reads each column off a scored row; worked out once, as it is asked for every row."""
    found: list[tuple[str, Reader]] = []
    for name in names:
        if name == "probabilities" and not nested:
            found += [(f"{prefix}probability_{stance}", partial(_probability, stance)) for stance in STANCES]
        else:
            found.append((prefix + name, (_NESTED if nested and name in NESTED else _FLAT)[name]))
    return tuple(found)


def _probability(stance: Stance, scored: Scored) -> Answer:
    return scored.prediction.probabilities[stance]


def _conditions(scored: Scored) -> Answer:
    found = scored.prediction.conditions
    return json.dumps(listed(found), ensure_ascii=False) if found else "[]"  # most rows have none


_FLAT: Final[Mapping[str, Reader]] = {
    "stance": lambda scored: str(scored.prediction.stance),
    "confidence": lambda scored: scored.prediction.confidence,
    "certain": lambda scored: scored.prediction.certain,
    "prediction_set": lambda scored: ";".join(scored.prediction.prediction_set),
    "conditions": _conditions,
    "truncated": lambda scored: scored.prediction.truncated,
    "n_tokens": lambda scored: scored.prediction.n_tokens,
    "language": lambda scored: scored.language,
    "model": lambda _: None,  # the same for all rows; it is put in behind
}
_NESTED: Final[Mapping[str, Reader]] = {
    "probabilities": lambda scored: {str(stance): scored.prediction.probabilities[stance] for stance in STANCES},
    "prediction_set": lambda scored: [str(stance) for stance in scored.prediction.prediction_set],
    "conditions": lambda scored: listed(scored.prediction.conditions),
}
