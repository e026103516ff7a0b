"""Rows in, scored or refused rows out: pure, so that a chunk can be scored anywhere and again."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from models.conditions import ConditionSpan
from models.errors import EngineFailed, TextError
from models.labels import STANCES
from models.language import foreign_language
from models.prediction import Classifier, Prediction
from models.text import check
from training.rows import BadRow, InputError, Row, quoted, refuse

Answer = str | float | bool | int | None
ANSWER_COLUMNS: Final[tuple[tuple[str, type], ...]] = (
    ("stance", str),
    ("confidence", float),
    *((f"probability_{stance}", float) for stance in STANCES),
    ("certain", bool),
    ("prediction_set", str),
    ("conditions", str),
    ("truncated", bool),
    ("n_tokens", int),
    ("language", str),
    ("model", str),
)
"""The columns that scoring adds, in order, with their Python types. Only ``language`` may be null."""


@dataclass(frozen=True, slots=True)
class Scored:
    """A row with its prediction. ``language`` is the code of a foreign language, None when the text is English."""

    row: Row
    prediction: Prediction
    language: str | None


def score_rows(classifier: Classifier, rows: Sequence[Row | BadRow], *, text_column: str) -> list[Scored | BadRow]:
    """One result for each row, in order; bad rows pass through, and rows without a readable text become bad rows."""
    checked = [row if isinstance(row, BadRow) else _checked(row, text_column) for row in rows]
    scored = iter(_score(classifier, [row for row in checked if isinstance(row, Row)], text_column))
    return [row if isinstance(row, BadRow) else next(scored) for row in checked]


def answer_of(scored: Scored, *, model: str, prefix: str = "") -> dict[str, Answer]:
    """The columns that scoring adds to a row, in the order of ANSWER_COLUMNS."""
    prediction = scored.prediction
    answer: tuple[Answer, ...] = (
        str(prediction.stance),
        prediction.confidence,
        *(prediction.probabilities[stance] for stance in STANCES),
        prediction.certain,
        ";".join(prediction.prediction_set),
        conditions_json(prediction.conditions),
        prediction.truncated,
        prediction.n_tokens,
        scored.language,
        model,
    )
    return {prefix + name: value for (name, _), value in zip(ANSWER_COLUMNS, answer, strict=True)}


def conditions_json(conditions: Sequence[ConditionSpan]) -> str:
    """The conditions as the JSON text of a list, which every format can hold; ``[]`` where there are none."""
    listed = [{"start": c.start, "end": c.end, "text": c.text, "kind": str(c.kind)} for c in conditions]
    return json.dumps(listed, ensure_ascii=False)


def check_clash(columns: Iterable[str], *, prefix: str) -> None:
    """Raise when a column of the input would be overwritten. Raises: InputError, which suggests a prefix."""
    ours = {prefix + name for name, _ in ANSWER_COLUMNS}
    clash = [name for name in columns if name in ours]
    if clash:
        raise InputError(
            f"the input already has {quoted(clash)}, which scoring would add; "
            f"give the new columns another start, such as --prefix new_{prefix}"
        )


def _checked(row: Row, text_column: str) -> Row | BadRow:
    if text_column not in row.values:
        return refuse(row, column=text_column, code="missing_text", cause=f"there is no {text_column!r} in this row")
    text = row.values[text_column]
    if text is None:
        return refuse(row, column=text_column, code="null_text", cause="the text is null")
    if not isinstance(text, str):
        cause = f"the text is of type {type(text).__name__}, not a string"
        return refuse(row, column=text_column, code="not_text", cause=cause)
    try:
        check(text)
    except TextError as error:
        return refuse(row, column=text_column, code=error.code, cause=str(error))
    return row


def _score(classifier: Classifier, rows: Sequence[Row], text_column: str) -> list[Scored | BadRow]:
    """One result for each row. A chunk that fails is tried row by row, once, so that one poisonous row fails alone."""
    try:
        return list(_predict(classifier, rows, text_column))
    except (EngineFailed, TextError):
        return [_score_alone(classifier, row, text_column) for row in rows]


def _score_alone(classifier: Classifier, row: Row, text_column: str) -> Scored | BadRow:
    try:
        return _predict(classifier, [row], text_column)[0]
    except EngineFailed as error:
        return refuse(row, column=text_column, code="engine_failed", cause=f"the engine failed on this text: {error}")
    except TextError as error:
        return refuse(row, column=text_column, code=error.code, cause=str(error))


def _predict(classifier: Classifier, rows: Sequence[Row], text_column: str) -> list[Scored]:
    if not rows:
        return []
    texts: list[str] = [row.values[text_column] for row in rows]
    predictions = classifier.predict(texts)
    languages = [foreign_language(text) for text in texts]
    return [
        Scored(row, prediction, language.code if language else None)
        for row, prediction, language in zip(rows, predictions, languages, strict=True)
    ]
