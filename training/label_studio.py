"""Label Studio's JSON both ways: tasks with the model's predictions out, annotations of people in.

Source: https://labelstud.io/guide/predictions and https://labelstud.io/guide/task_format. Written are tasks of ``data``
and ``predictions``, each with ``model_version``, ``score`` and ``result``; read is the export named JSON, a list of
tasks whose ``annotations`` hold results of the same shape. CONFIG is the labelling interface that both stand on.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from models.given_conditions import GivenCondition, PlacedCondition
from models.labels import STANCES, ConditionKind, Stance
from training.rows import InputError

STANCE, CONDITIONS, NOTE, TEXT = "stance", "conditions", "note", "text"
CONFIG: Final = f"""<View>
  <Style>.htx-text{{ white-space: pre-wrap; }}</Style>
  <Text name="{TEXT}" value="${TEXT}"/>
  <Choices name="{STANCE}" toName="{TEXT}" choice="single" required="true">
{chr(10).join(f'    <Choice value="{stance}"/>' for stance in STANCES)}
  </Choices>
  <Labels name="{CONDITIONS}" toName="{TEXT}">
{chr(10).join(f'    <Label value="{kind}"/>' for kind in ConditionKind)}
  </Labels>
  <TextArea name="{NOTE}" toName="{TEXT}" rows="2" maxSubmissions="1"/>
</View>
"""
"""Settings, Labeling Interface, Code in a project of Label Studio. The style keeps blanks, which places count."""


def to_task(
    data: Mapping[str, Any],
    *,
    text: str,
    stance: Stance,
    conditions: Sequence[PlacedCondition],
    confidence: float,
    model: str | None,
) -> dict[str, Any]:
    """One task: all that is known of a row, and the model's stance and conditions, to be confirmed or changed."""
    choice = {
        "from_name": STANCE,
        "to_name": TEXT,
        "type": "choices",
        "value": {"choices": [str(stance)]},
    }
    spans = [
        {
            "id": f"{CONDITIONS}-{number}",
            "from_name": CONDITIONS,
            "to_name": TEXT,
            "type": "labels",
            "value": {"start": one.start, "end": one.end, "text": text[one.start : one.end], "labels": [str(one.kind)]},
        }
        for number, one in enumerate(conditions)
    ]
    prediction = {"model_version": model or "", "score": confidence, "result": [choice, *spans]}
    return {"data": {**data, TEXT: text}, "predictions": [prediction]}


@dataclass(frozen=True, slots=True)
class Annotation:
    """What one person said of one task; ``stances`` has one member where it is as it should be."""

    stances: tuple[str, ...]
    spans: tuple[Mapping[str, Any], ...]  # of the conditions: kind, text, start and end as they stand there
    note: str | None
    annotator: str | None
    was_skipped: bool
    updated: str


@dataclass(frozen=True, slots=True)
class Task:
    """One task of an export: its data, what the model predicted, and what people said, oldest first."""

    number: int  # from 1, in the file
    data: Mapping[str, Any]
    predicted: str | None
    model: str | None
    annotations: tuple[Annotation, ...]


def read_tasks(path: Path) -> Iterator[Task | tuple[int, Any]]:
    """Each task of an export, or its number and what stands there instead. Raises: InputError."""
    try:
        tasks = json.loads(path.read_bytes().decode("utf-8-sig"))
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: not readable as JSON: {error}") from error
    if not isinstance(tasks, list):
        raise InputError(f"{path}: not a list of tasks; export the project as JSON")
    for number, task in enumerate(tasks, start=1):
        try:
            yield _task(number, task)
        except (TypeError, KeyError, ValueError, AttributeError):
            yield number, task


def _task(number: int, task: Mapping[str, Any]) -> Task:
    data = task["data"]
    if not isinstance(data, dict):
        raise TypeError
    predictions = [one for one in task.get("predictions") or () if isinstance(one, dict)]  # or ids, in short exports
    predicted = _values(predictions[0]["result"], STANCE, "choices") if predictions else ()
    model = predictions[0].get("model_version") if predictions else None
    annotations = sorted(map(_annotation, task["annotations"]), key=lambda annotation: annotation.updated)
    return Task(number, data, predicted[0] if predicted else None, model or data.get("model"), tuple(annotations))


def _annotation(annotation: Mapping[str, Any]) -> Annotation:
    notes = _values(annotation["result"], NOTE, "text")
    who = annotation.get("completed_by")
    if isinstance(who, dict):
        who = who.get("email") or who.get("id")
    return Annotation(
        stances=_values(annotation["result"], STANCE, "choices"),
        spans=tuple(_span(item["value"]) for item in annotation["result"] if item["from_name"] == CONDITIONS),
        note="\n".join(notes) or None,
        annotator=None if who is None else str(who),
        was_skipped=bool(annotation.get("was_cancelled")),
        updated=str(annotation.get("updated_at") or annotation.get("created_at") or ""),
    )


def _span(value: Mapping[str, Any]) -> dict[str, Any]:
    """A region as a condition: its places are strings at times, and of its labels there must be one."""
    (kind,) = value["labels"]
    return {"kind": kind, "text": value.get("text"), "start": int(value["start"]), "end": int(value["end"])}


def in_code_points(span: GivenCondition, text: str) -> GivenCondition:
    """The same span counted in code points, where its own words show that it was counted in UTF-16, as browsers do."""
    if span.text is None or span.start is None or span.end is None or text[span.start : span.end] == span.text:
        return span
    units = text.encode("utf-16-le")
    start, end = (len(units[: 2 * place].decode("utf-16-le", "ignore")) for place in (span.start, span.end))
    return replace(span, start=start, end=end) if text[start:end] == span.text else span


def _values(result: Any, name: str, key: str) -> tuple[str, ...]:
    """The values of the control of that name: a string or a list of them."""
    found = [item["value"][key] for item in result if item["from_name"] == name]
    return tuple(str(value) for values in found for value in (values if isinstance(values, list) else [values]))
