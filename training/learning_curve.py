"""Train on growing shares of the training data and write curve.json for the evaluation report.

    python -m training.learning_curve --output runs/curve --seed 0

Shares are of groups (documents, settings) and nested: what is in a smaller share is in every larger one. The same
statements go to the TF-IDF baseline. Both are scored on the validation split. Shares that curve.json already has are
not trained again, so a run that was cut off goes on where it stopped.
"""

import argparse
import json
import logging
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Final

from training import finetune
from training.base import BaseError
from training.baselines import Baseline, TfidfLogistic
from training.config import TrainingConfig
from training.corpus import read_corpus
from training.examples import DATA, CorpusError, Example, labels_of
from training.metrics import macro_f1
from training.program import make_parser

SHARES: Final = (0.125, 0.25, 0.5, 1.0)
CURVE: Final = "curve.json"


def baseline_score(baseline: Baseline, *, train: Sequence[Example], validation: Sequence[Example]) -> float:
    """The macro-F1 on ``validation`` of a baseline fitted on ``train``. Raises: CorpusError where either is empty."""
    if not validation:
        raise CorpusError("learning curve: the validation split is empty")
    baseline.fit(train)
    predicted = baseline.probabilities([example.text or "" for example in validation]).argmax(axis=1)
    return macro_f1(labels_of(validation), predicted)


def read_points(path: Path, config: TrainingConfig) -> list[dict[str, Any]]:
    """The points that an earlier run left. Raises: CorpusError when they were made with another configuration."""
    if not path.is_file():
        return []
    try:
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        same, points = found["config"] == asdict(config), list(found["points"])
    except (ValueError, KeyError, TypeError) as error:
        raise CorpusError(f"{path}: not a learning curve: {type(error).__name__}: {error}") from error
    if not same:
        raise CorpusError(f"{path}: made with another configuration; choose another --output")
    return points


def write_points(path: Path, config: TrainingConfig, *, points: Sequence[Mapping[str, Any]]) -> None:
    """Write curve.json in one step; a run that dies leaves the old file."""
    partial = path.with_name(f".{path.name}.partial")
    record = {"measured_on": "validation", "config": asdict(config), "points": points}
    partial.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    partial.replace(path)


def run(
    config: TrainingConfig,
    *,
    output: Path,
    data: Path,
    train: Callable[..., float] = finetune.run,
    make_baseline: Callable[[], Baseline] = TfidfLogistic,
) -> list[dict[str, Any]]:
    """The points of the curve, by growing share; ``train`` has the signature of training.finetune.run.

    Raises: RunError, CorpusError, BaseError.
    """
    output.mkdir(parents=True, exist_ok=True)
    path = output / CURVE
    points = read_points(path, config)
    corpus = read_corpus(data)
    for share in SHARES:
        if any(point["share"] == share for point in points):
            continue
        shared = replace(config, train_share=share)
        examples = finetune.used_for_training(corpus, shared)
        logging.info("share %s: %d statements", share, len(examples))
        baseline = baseline_score(make_baseline(), train=examples, validation=corpus.validation)
        folder = output / f"share-{share}"
        score = train(shared, output=folder, data=data, resume=finetune.has_checkpoint(folder))
        points.append({"share": share, "n_train": len(examples), "model": score, "tfidf_logistic": baseline})
        write_points(path, config, points=points)
    return points


def make_flags() -> argparse.ArgumentParser:
    """The program's options: its own, and those of a fine-tuning run."""
    parser = make_parser("training.learning_curve", __doc__)
    parser.add_argument("--output", type=Path, required=True, metavar="DIR", help="where curve.json and checkpoints go")
    parser.add_argument("--data", type=Path, default=DATA, metavar="DIR", help="the corpus folder")
    TrainingConfig.add_flags(parser)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """The program; returns its exit status."""
    flags = make_flags().parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    try:
        points = run(TrainingConfig.from_flags(flags), output=flags.output, data=flags.data)
    except (finetune.RunError, CorpusError, BaseError) as error:
        print(f"learning_curve: {error}", file=sys.stderr)
        return 2
    scores = ", ".join(f"{point['n_train']}: {point['model']:.3f}" for point in points)
    print(f"{flags.output / CURVE}: {scores}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
