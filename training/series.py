"""What series of training runs share: points in one file that outlives a cut-off run, and the baseline beside them."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from training.baselines import Baseline
from training.config import TrainingConfig
from training.examples import CorpusError, Example, labels_of
from training.metrics import macro_f1


def baseline_score(baseline: Baseline, *, train: Sequence[Example], test: Sequence[Example]) -> float:
    """The macro-F1 on ``test`` of a baseline fitted on ``train``. Raises: CorpusError where either is empty."""
    if not test:
        raise CorpusError("there is nothing to measure on: the split is empty")
    baseline.fit(train)
    predicted = baseline.probabilities([example.text or "" for example in test]).argmax(axis=1)
    return macro_f1(labels_of(test), predicted)


def read_points(path: Path, config: TrainingConfig) -> list[dict[str, Any]]:
    """The points that an earlier run left. Raises: CorpusError when they were made with another configuration."""
    if not path.is_file():
        return []
    try:
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        same, points = found["config"] == asdict(config), list(found["points"])
    except (ValueError, KeyError, TypeError) as error:
        raise CorpusError(f"{path}: holds no points of runs: {type(error).__name__}: {error}") from error
    if not same:
        raise CorpusError(f"{path}: made with another configuration; choose another --output")
    return points


def write_points(
    path: Path, config: TrainingConfig, *, points: Sequence[Mapping[str, Any]], measured_on: str, **more: object
) -> None:
    """Write the points in one step; a run that dies leaves the old file. ``more`` goes into the file as well."""
    partial = path.with_name(f".{path.name}.partial")
    record = {"measured_on": measured_on, "config": asdict(config), "points": points, **more}
    partial.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    partial.replace(path)
