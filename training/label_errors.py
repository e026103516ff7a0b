"""List the labels that a quick model disagrees with most, for re-reading; changes nothing.

    python -m training.label_errors --output runs/suspicious.jsonl --top 500

TF-IDF and logistic regression answer for every statement out of fold, documents and settings kept whole. A label is
suspicious where another stance is as probable as it is, on average, for the statements that have that label, and more
probable than the given one (confident learning: Northcutt, Jiang and Chuang 2021, "Confident learning: estimating
uncertainty in dataset labels"). A line of the output is an id, its label, the other stance and both probabilities, the
widest gap first. Disagreement is no error: the model is weaker than the annotators, so read before you change a label.
"""

import json
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from tqdm import tqdm

from models.decision import FloatArray
from models.labels import STANCES
from training.baselines import Baseline, TfidfLogistic
from training.corpus import read_corpus
from training.examples import DATA, CorpusError, Example, labels_of
from training.metrics import IntVector
from training.program import make_parser
from training.splits import position

N_FOLDS: Final = 5


def out_of_fold(
    examples: Sequence[Example], *, n_folds: int = N_FOLDS, make_model: Callable[[], Baseline] = TfidfLogistic
) -> FloatArray:
    """The probabilities for each example by a model that saw nothing of its group. Shapes: N -> [N, L].

    Raises: CorpusError where there are too few groups for that many folds.
    """
    folds = np.array([int(position(f"fold of {example.group}") * n_folds) for example in examples])
    if len(set(folds.tolist())) < n_folds:
        raise CorpusError(f"label errors: too few documents for {n_folds} folds")
    found = np.zeros((len(examples), len(STANCES)))
    for fold in tqdm(range(n_folds), desc="folds", disable=None):
        model = make_model()
        model.fit([example for example, own in zip(examples, folds, strict=True) if own != fold])
        rows = np.flatnonzero(folds == fold).tolist()
        found[rows] = model.probabilities([examples[row].text or "" for row in rows])
    return found


def suspicious(labels: IntVector, probabilities: FloatArray) -> list[tuple[int, int]]:
    """Rows whose label is suspicious, each with the likelier stance; widest gap first. Shapes: [N], [N, L].

    A stance that no example has is never suggested.
    """
    n_stances = probabilities.shape[1]
    means = [probabilities[labels == stance, stance] for stance in range(n_stances)]
    thresholds = np.array([own.mean() if len(own) else np.inf for own in means])
    rows = np.arange(len(labels))
    confident = np.where(probabilities >= thresholds, probabilities, -1.0)
    confident[rows, labels] = -1.0
    other = confident.argmax(axis=1)
    gap = confident[rows, other] - probabilities[rows, labels]
    order = np.argsort(-gap, kind="stable")
    return [(int(row), int(other[row])) for row in order if confident[row, other[row]] >= 0 and gap[row] > 0]


def listing(examples: Sequence[Example], probabilities: FloatArray) -> list[dict[str, Any]]:
    """The suspicious labels by id, without a word of the texts. Shapes: N, [N, L]."""
    labels = labels_of(examples)
    return [
        {
            "id": examples[row].id,
            "label": str(examples[row].label),
            "suggested": str(STANCES[other]),
            "probability_of_label": round(float(probabilities[row, labels[row]]), 4),
            "probability_of_suggested": round(float(probabilities[row, other]), 4),
            "source": examples[row].source,
            "confidence": examples[row].confidence,
        }
        for row, other in suspicious(labels, probabilities)
    ]


def main(arguments: Sequence[str] | None = None, *, make_model: Callable[[], Baseline] = TfidfLogistic) -> int:
    """The program; returns its exit status."""
    parser = make_parser("training.label_errors", __doc__)
    parser.add_argument("--output", type=Path, required=True, metavar="FILE", help="JSONL of suspicious labels")
    parser.add_argument("--data", type=Path, default=DATA, metavar="DIR", help="the corpus folder")
    parser.add_argument("--top", type=int, default=500, help="labels to list at most (default: 500)")
    parser.add_argument("--folds", type=int, default=N_FOLDS, help=f"folds (default: {N_FOLDS})")
    flags = parser.parse_args(arguments)
    if flags.top < 1 or flags.folds < 2:
        parser.error("--top must be at least 1 and --folds at least 2")
    try:
        corpus = read_corpus(flags.data)
        examples = [*corpus.train, *corpus.validation, *corpus.calibration, *corpus.contrast]
        found = listing(examples, out_of_fold(examples, n_folds=flags.folds, make_model=make_model))
        flags.output.parent.mkdir(parents=True, exist_ok=True)
        lines = [json.dumps(entry, ensure_ascii=False) + "\n" for entry in found[: flags.top]]
        flags.output.write_text("".join(lines), encoding="utf-8")
    except (CorpusError, OSError) as error:
        print(f"label_errors: {error}", file=sys.stderr)
        return 2
    print(f"{flags.output}: {len(lines):,} of {len(found):,} suspicious labels among {len(examples):,}")
    for (label, suggested), n in Counter((entry["label"], entry["suggested"]) for entry in found).most_common():
        print(f"  {label} -> {suggested}: {n:,}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
