"""Where reviews come from: scored files with a column of corrections, exports of Label Studio, the feedback store.

The codes that it gives to rows which are not used: bad_text, empty_text, text_too_long, unreadable_text,
unknown_stance, bad_conditions, no_prediction, no_choice, bad_task, text_not_found.
"""

import argparse
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from models.errors import TextError
from models.feedback import Correction, FeedbackError, read_corrections, text_sha256
from models.given_conditions import ConditionError, GivenCondition, plain
from models.labels import Stance
from models.text import check
from training.examples import Condition
from training.input import open_source, read_rows
from training.label_studio import Annotation, Task, in_code_points, read_tasks
from training.review_conditions import CONFIRMED, place_in_example, read_conditions
from training.reviews import Review, folded
from training.rows import BadRow, InputError, Row, excerpt, quoted, refuse

STANCE_NAMES: Final = ", ".join(Stance)

Found = Review | BadRow | None
"""A review, a row that cannot be used, or a row that nobody has reviewed."""


@dataclass(frozen=True, slots=True)
class ReviewColumns:
    """How the columns are called."""

    text: str = "text"
    correction: str = "correction"
    conditions: str = "correct_conditions"
    note: str = "note"
    reviewer: str = "reviewer"
    id: str = "id"
    prefix: str = ""

    @classmethod
    def of(cls, flags: argparse.Namespace) -> "ReviewColumns":
        """The names that the options give."""
        names = (flags.text_column, flags.correction_column, flags.conditions_column)
        others = (flags.note_column, flags.reviewer_column, flags.id_column)
        return cls(*names, *others, flags.prefix)


def read_reviews(path: Path, columns: ReviewColumns, *, reviewer: str | None) -> Iterator[Found]:
    """What stands in a reviewed file, row by row, or annotation by annotation. Raises: InputError.

    ``reviewer``: whose the rows are that name nobody.
    """
    if path.suffix.lower() == ".json":
        for task in read_tasks(path):
            yield from _of_task(task, str(path), columns)
        return
    source = open_source(path)
    if missing := [name for name in (columns.text, columns.correction) if name not in source.columns]:
        raise InputError(f"{path}: there is no column {quoted(missing)}; the columns are {quoted(source.columns)}")
    for row in read_rows(source, str(path)):
        yield _in(str(path), row if isinstance(row, BadRow) else _of_row(row, str(path), columns, reviewer))


def _of_row(row: Row, file: str, columns: ReviewColumns, reviewer: str | None) -> Found:
    said = _word(row.values.get(columns.correction))
    if said is None:
        return None
    predicted = _stance(row.values.get(columns.prefix + "stance"))
    stance = predicted if said.lower() == CONFIRMED else _stance(said)
    if stance is None:
        if said.lower() == CONFIRMED:
            return refuse(row, column=None, code="no_prediction", cause=f"{said!r} confirms a stance that is not there")
        return refuse(row, column=None, code="unknown_stance", cause=f"{excerpt(said)!r} is none of {STANCE_NAMES}")
    text = row.values.get(columns.text)
    if fault := _fault(text):
        return refuse(row, column=None, code=fault[0], cause=fault[1])
    confirmed = row.values.get(columns.prefix + "conditions")
    try:
        given = read_conditions(row.values.get(columns.conditions), confirmed=confirmed)
        conditions = place_in_example(given, text=str(text), stance=stance)
    except ConditionError as error:
        return refuse(row, column=None, code="bad_conditions", cause=f"{columns.conditions}: {error}")
    return Review(
        text=str(text),
        stance=stance,
        conditions=conditions,
        file=file,
        number=row.number,
        line=row.line,
        reviewer=_word(row.values.get(columns.reviewer)) or reviewer,
        note=_word(row.values.get(columns.note)),
        predicted=predicted,
        model=_word(row.values.get(columns.prefix + "model")),
        drawn=_word(row.values.get("drawn")),
    )


def _of_task(task: Task | tuple[int, Any], file: str, columns: ReviewColumns) -> Iterator[Found]:
    if not isinstance(task, Task):
        number, value = task
        cause = "not a task with data and annotations, as an export in the format JSON has"
        yield BadRow(number, None, None, "bad_task", cause, excerpt(value), {"task": value}, file)
        return
    given = [annotation for annotation in task.annotations if not annotation.was_skipped]
    if not given:
        yield None
    for annotation in given:
        yield _of_annotation(annotation, task, file, columns)


def _of_annotation(annotation: Annotation, task: Task, file: str, columns: ReviewColumns) -> Review | BadRow:
    row = Row(task.number, {**task.data, "annotation": annotation.stances}, file=file)
    text = task.data.get(columns.text, task.data.get("text"))
    stances = [_stance(name) for name in annotation.stances]
    if len(stances) != 1:
        return refuse(row, column=None, code="no_choice", cause=f"{len(stances)} stances where one is needed")
    if stances[0] is None:
        name = excerpt(annotation.stances[0])
        return refuse(row, column=None, code="unknown_stance", cause=f"{name!r} is none of {STANCE_NAMES}")
    if fault := _fault(text):
        return refuse(row, column=None, code=fault[0], cause=fault[1])
    try:
        conditions = _of_spans(annotation, str(text), stances[0])
    except ConditionError as error:
        return refuse(row, column=None, code="bad_conditions", cause=str(error))
    return Review(
        text=str(text),
        stance=stances[0],
        conditions=conditions,
        file=file,
        number=task.number,
        reviewer=annotation.annotator,
        note=annotation.note,
        predicted=_stance(task.predicted),
        model=_word(task.model),
        drawn=_word(task.data.get("drawn")),
    )


def _of_spans(annotation: Annotation, text: str, stance: Stance) -> tuple[Condition, ...] | None:
    """The spans of a conditional statement; those of the model, there beforehand, mean nothing beside another stance.

    Raises: ConditionError.
    """
    if stance is not Stance.CONDITIONAL or not annotation.spans:
        return None
    given = [GivenCondition.of(span) for span in annotation.spans]
    return place_in_example([in_code_points(one, text) for one in given], text=text, stance=stance)


@dataclass
class Texts:
    """Texts that were not sent with their corrections, found in scored files by prediction id or by sha256."""

    ids: set[str]
    sums: set[str]
    by_id: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    by_sum: dict[str, Mapping[str, Any]] = field(default_factory=dict)

    def look_into(self, paths: Sequence[Path], columns: ReviewColumns) -> None:
        """Read the files and keep the rows that are wanted. Raises: InputError."""
        for path in paths:
            source = open_source(path)
            if columns.text not in source.columns:
                raise InputError(f"{path}: there is no column {columns.text!r}; there is {quoted(source.columns)}")
            for row in read_rows(source, str(path)):
                text = row.values.get(columns.text)
                if isinstance(row, BadRow) or not isinstance(text, str):
                    continue
                name = _word(row.values.get(columns.id))
                if name in self.ids:
                    self.by_id.setdefault(str(name), row.values)
                for one in {text, folded(text)}:
                    if (digest := text_sha256(one)) in self.sums:
                        self.by_sum.setdefault(digest, row.values)

    def row_of(self, correction: Correction) -> Mapping[str, Any] | None:
        """The row that a correction is about: by the sha256 where it has one, as ids can be given twice."""
        if correction.text_sha256 is not None:
            return self.by_sum.get(correction.text_sha256)
        return self.by_id.get(correction.prediction_id)


def read_feedback(path: Path, scored: Sequence[Path], columns: ReviewColumns) -> Iterator[Found]:
    """The corrections of a store of the service, with their texts. Raises: InputError."""
    try:
        corrections = list(read_corrections(path))
    except FeedbackError as error:
        raise InputError(str(error)) from error
    ids = {correction.prediction_id for _, correction in corrections}
    texts = Texts(ids, {correction.text_sha256 for _, correction in corrections if correction.text_sha256})
    texts.look_into(scored, columns)
    for number, correction in corrections:
        yield _of_correction(number, correction, str(path), texts, columns)


def _of_correction(number: int, correction: Correction, file: str, texts: Texts, columns: ReviewColumns) -> Found:
    known = texts.row_of(correction) or {}
    text = correction.text if correction.text is not None else known.get(columns.text)
    fields = {name: getattr(correction, name) for name in Correction.__slots__}
    plainly = {"stance": str(correction.stance), "conditions": plain(correction.conditions or ())}
    row = Row(number, {**fields, **plainly}, file=file)
    if text is None:
        cause = "its text was not sent and stands in no file of --scored, neither by its id nor by its sha256"
        return refuse(row, column=None, code="text_not_found", cause=cause)
    if fault := _fault(text):
        return refuse(row, column=None, code=fault[0], cause=fault[1])
    try:
        conditions = place_in_example(correction.conditions, text=text, stance=correction.stance)
    except ConditionError as error:
        return refuse(row, column=None, code="bad_conditions", cause=str(error))
    return Review(
        text=text,
        stance=correction.stance,
        conditions=conditions,
        file=file,
        number=number,
        reviewer=correction.reviewer,
        note=correction.note,
        predicted=_stance(known.get(columns.prefix + "stance")),
        model=correction.model or _word(known.get(columns.prefix + "model")),
        drawn=None,  # who corrects what is nobody's random draw
        prediction_id=correction.prediction_id,
    )


def _fault(text: object) -> tuple[str, str] | None:
    """Code and cause where this is no text that a model could be trained on."""
    if not isinstance(text, str):
        return "bad_text", "there is no text"
    try:
        check(text)
    except TextError as error:
        return error.code, str(error)
    return None


def _stance(value: object) -> Stance | None:
    """The stance of that name; only a string has one, as Python's None would read like ``none``."""
    try:
        return Stance(value.strip().lower()) if isinstance(value, str) else None
    except ValueError:
        return None


def _word(value: object) -> str | None:
    """What stands in a cell without the blanks around it; None where there is nothing."""
    return None if value is None else str(value).strip() or None


def _in(file: str, found: Found) -> Found:
    """The same, with the file's name on a refused row, as several files share one report."""
    if not isinstance(found, BadRow):
        return found
    return BadRow(found.number, found.line, found.column, found.code, found.cause, found.raw, found.values, file)
