"""Label Studio's JSON both ways: tasks with the model's predictions out, annotations of people in.

Source: https://labelstud.io/guide/predictions and https://labelstud.io/guide/task_format. Written are tasks of ``data``
and ``predictions``, each with ``model_version``, ``score`` and ``result``; read is the export named JSON, a list of
tasks whose ``annotations`` hold results of the same shape. CONFIG is the labelling interface that both stand on.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from models.labels import STANCES, Stance
from training.rows import InputError

STANCE, NOTE, TEXT = "stance", "note", "text"
CONFIG: Final = f"""<View>
  <Text name="{TEXT}" value="${TEXT}"/>
  <Choices name="{STANCE}" toName="{TEXT}" choice="single" required="true">
{chr(10).join(f'    <Choice value="{stance}"/>' for stance in STANCES)}
  </Choices>
  <TextArea name="{NOTE}" toName="{TEXT}" rows="2" maxSubmissions="1"/>
</View>
"""
"""Settings, Labeling Interface, Code in a project of Label Studio."""


def to_task(
    data: Mapping[str, Any], *, text: str, stance: Stance, confidence: float, model: str | None
) -> dict[str, Any]:
    """One task: everything known of a row, and the model's stance as a prediction that a person confirms or changes."""
    choice = {
        "from_name": STANCE,
        "to_name": TEXT,
        "type": "choices",
        "value": {"choices": [str(stance)]},
    }
    prediction = {"model_version": model or "", "score": confidence, "result": [choice]}
    return {"data": {**data, TEXT: text}, "predictions": [prediction]}


@dataclass(frozen=True, slots=True)
class Annotation:
    """What one person said of one task; ``stances`` has one member where it is as it should be."""

    stances: tuple[str, ...]
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
        note="\n".join(notes) or None,
        annotator=None if who is None else str(who),
        was_skipped=bool(annotation.get("was_cancelled")),
        updated=str(annotation.get("updated_at") or annotation.get("created_at") or ""),
    )


def _values(result: Any, name: str, key: str) -> tuple[str, ...]:
    """The values of the control of that name: a string or a list of them."""
    found = [item["value"][key] for item in result if item["from_name"] == name]
    return tuple(str(value) for values in found for value in (values if isinstance(values, list) else [values]))
