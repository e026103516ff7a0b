"""Train on growing shares of the training data and write curve.json for the evaluation report.

    python -m training.learning_curve --output runs/curve --seed 0

Shares are of groups (documents, settings) and nested: what is in a smaller share is in every larger one. The same
statements go to the TF-IDF baseline. Both are scored on the validation split. Shares that curve.json already has are
not trained again, so a run that was cut off goes on where it stopped.
"""

import argparse
import logging
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from training import finetune
from training.base import BaseError
from training.baselines import Baseline, TfidfLogistic
from training.config import TrainingConfig
from training.corpus import read_corpus
from training.examples import DATA, CorpusError
from training.program import make_parser
from training.series import baseline_score, read_points, write_points

SHARES: Final = (0.125, 0.25, 0.5, 1.0)
CURVE: Final = "curve.json"


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
        baseline = baseline_score(make_baseline(), train=examples, test=corpus.validation)
        folder = output / f"share-{share}"
        score = train(shared, output=folder, data=data, resume=finetune.has_checkpoint(folder))
        points.append({"share": share, "n_train": len(examples), "model": score, "tfidf_logistic": baseline})
        write_points(path, config, points=points, measured_on="validation")
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
