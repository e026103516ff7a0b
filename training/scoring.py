"""Rows in, scored or refused rows out, and the bytes of a chunk. Pure: a chunk can be done anywhere, and again."""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from models.errors import EngineFailed, TextError
from models.language import foreign_language
from models.prediction import Classifier
from models.text import check
from training.answers import Scored
from training.layout import Layout
from training.rows import BadRow, Row, refuse
from training.tally import Tally
from training.writers import as_json, open_format


@dataclass(frozen=True)
class Job:
    """What is to be done with every chunk of a run; picklable."""

    text_column: str
    layout: Layout

    @property
    def wants_language(self) -> bool:
        """Whether languages must be detected: a tenth of the whole work, for one column."""
        return "language" in self.layout.answers.names


@dataclass(frozen=True)
class Part:
    """What a chunk gives: the bytes of its scored rows, the lines of its refused ones, and the account."""

    data: bytes
    errors: bytes
    tally: Tally
    notes: dict[str, str] = field(default_factory=dict)


def score_chunk(classifier: Classifier, rows: Sequence[Row | BadRow], *, job: Job) -> Part:
    """The part that these rows give; the same rows give the same bytes. Raises: InputError, OutputError."""
    results = score_rows(classifier, rows, text_column=job.text_column, languages=job.wants_language)
    scored = [result for result in results if isinstance(result, Scored)]
    refused = [result for result in results if isinstance(result, BadRow)]
    data, notes = open_format(job.layout).part(scored)
    tally = Tally(
        Counter(str(item.prediction.stance) for item in scored),
        Counter(str(item.prediction.stance) for item in scored if item.prediction.certain),
        Counter(bad.code for bad in refused),
    )
    return Part(data, b"".join(map(error_line, refused)), tally, notes)


def score_rows(
    classifier: Classifier, rows: Sequence[Row | BadRow], *, text_column: str, languages: bool = True
) -> list[Scored | BadRow]:
    """One result for each row, in order; bad rows pass through, and rows without a readable text become bad rows.

    The rows are the window in which the classifier sorts texts by length: each is tokenised once, and the forward
    passes are of one width each.
    """
    checked = [row if isinstance(row, BadRow) else _checked(row, text_column) for row in rows]
    good = [row for row in checked if isinstance(row, Row)]
    scored = iter(_score(classifier, good, text_column, languages) if good else ())
    return [row if isinstance(row, BadRow) else next(scored) for row in checked]


def error_line(bad: BadRow) -> bytes:
    """A refused row as one line of JSON; whatever its values hold, the line is UTF-8."""
    record = {
        **({} if bad.file is None else {"file": bad.file}),
        "number": bad.number,
        "line": bad.line,
        "column": bad.column,
        "code": bad.code,
        "cause": bad.cause,
        "raw": bad.raw,
        "values": as_json(dict(bad.values)),
    }
    try:
        return (json.dumps(record, ensure_ascii=False) + "\n").encode("utf-8")
    except UnicodeEncodeError:  # an unpaired surrogate: only an escape can carry it
        return (json.dumps(record) + "\n").encode("ascii")


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


def _score(classifier: Classifier, rows: Sequence[Row], column: str, languages: bool) -> list[Scored | BadRow]:
    """One result for each row. What fails is halved and tried again, so that one poisonous row fails alone."""
    try:
        return list(_predict(classifier, rows, column, languages))
    except (EngineFailed, TextError) as error:
        if len(rows) > 1:
            half = len(rows) // 2
            parts = (rows[:half], rows[half:])
            return [result for part in parts for result in _score(classifier, part, column, languages)]
        if isinstance(error, TextError):
            return [refuse(rows[0], column=column, code=error.code, cause=str(error))]
        cause = f"the engine failed on this text: {error}"
        return [refuse(rows[0], column=column, code="engine_failed", cause=cause)]


def _predict(classifier: Classifier, rows: Sequence[Row], column: str, languages: bool) -> list[Scored]:
    texts: list[str] = [row.values[column] for row in rows]
    predictions = classifier.predict(texts)
    found = [foreign_language(text) if languages else None for text in texts]
    return [
        Scored(row, prediction, language.code if language else None)
        for row, prediction, language in zip(rows, predictions, found, strict=True)
    ]
