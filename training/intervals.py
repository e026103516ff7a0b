"""Percentile bootstrap intervals of every measure, statements drawn with replacement."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.stats import binomtest

from models.decision import FloatArray
from models.labels import STANCES
from training import metrics
from training.metrics import BoolArray, IntVector

DRAWS: Final = 1_000
LEVEL: Final = 0.95
DRAWS_AT_ONCE: Final = 100
"""Draws held in memory together: 100 x N weights of 8 bytes, 5 MB for 6,000 statements."""

Statistics = Callable[[FloatArray], dict[str, FloatArray]]
"""Measures by name of each weighting of the statements: weights [R, N] -> [R] each."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """A measure with the ends of its interval; None where there was nothing to measure."""

    value: float | None
    low: float | None
    high: float | None


def resamples(n: int, *, draws: int, seed: int) -> Iterator[FloatArray]:
    """How often each of n statements was drawn, some draws at a time. Shapes: [R, N], R summing to ``draws``."""
    generator = np.random.default_rng(seed)
    for start in range(0, draws, DRAWS_AT_ONCE):
        rows = min(DRAWS_AT_ONCE, draws - start)
        cells = generator.integers(n, size=(rows, n)) + np.arange(rows)[:, None] * n
        yield np.bincount(cells.ravel(), minlength=rows * n).reshape(rows, n).astype(np.float64)


def bootstrap(statistics: Statistics, n: int, *, draws: int = DRAWS, seed: int = 0) -> dict[str, Estimate]:
    """Each statistic of n statements with its 95 % percentile interval; the same seed gives the same numbers.

    Statements are taken to be independent. Those of one document are not quite, so the true uncertainty about a new
    document is somewhat larger. Draws without a measure (of a stance that was not drawn) are left out of its interval.
    Source: Efron and Tibshirani 1993, "An introduction to the bootstrap", chapter 13.
    """
    if n == 0:
        return {}
    values = statistics(np.ones((1, n)))
    drawn: dict[str, list[FloatArray]] = {name: [] for name in values}
    for weights in resamples(n, draws=draws, seed=seed):
        for name, column in statistics(weights).items():
            drawn[name].append(column)
    return {name: _estimate(float(values[name][0]), np.concatenate(drawn[name])) for name in values}


def _estimate(value: float, drawn: FloatArray) -> Estimate:
    kept = drawn[~np.isnan(drawn)]
    if np.isnan(value) or not len(kept):
        return Estimate(None, None, None)
    low, high = np.quantile(kept, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Estimate(value, float(low), float(high))


def headline(labels: IntVector, probabilities: FloatArray, *, members: BoolArray | None = None) -> Statistics:
    """The statistics of an evaluation; with ``members`` [N, L] also of prediction sets. Shapes: labels [N], [N, L]."""
    predicted = probabilities.argmax(axis=1)

    def statistics(weights: FloatArray) -> dict[str, FloatArray]:
        scores = metrics.f1_of(metrics.confusions(labels, predicted, weights=weights))  # [R, L]
        found = {
            "accuracy": metrics.accuracies(labels, predicted, weights=weights),
            "macro_f1": scores.mean(axis=1),
            **{f"f1_{stance}": scores[:, index] for index, stance in enumerate(STANCES)},
            "ece": metrics.eces(labels, probabilities, weights=weights),
            "brier": metrics.briers(labels, probabilities, weights=weights),
            "risk_coverage_area": metrics.risk_coverage_areas(labels, probabilities, weights=weights),
        }
        if members is None:
            return found
        overall, by_class = metrics.coverages(labels, members, weights=weights)
        found["coverage"] = overall
        found.update({f"coverage_{stance}": by_class[:, index] for index, stance in enumerate(STANCES)})
        found["mean_set_size"] = weights @ members.sum(axis=1) / weights.sum(axis=1)
        return found

    return statistics


def of_slice(labels: IntVector, predicted: IntVector) -> Statistics:
    """The statistics of a slice: accuracy, and macro-F1 of the stances that occur in it. Shapes: [N], [N]."""

    def statistics(weights: FloatArray) -> dict[str, FloatArray]:
        counts = metrics.confusions(labels, predicted, weights=weights)
        return {
            "accuracy": metrics.accuracies(labels, predicted, weights=weights),
            "macro_f1": metrics.macro_f1_of_present(counts),
        }

    return statistics


def of_shares(hits: Mapping[str, FloatArray | BoolArray]) -> Statistics:
    """The share of hits of each name; a hit of one seed in three counts a third. Shapes: [N] each."""
    return lambda weights: {name: weights @ each / weights.sum(axis=1) for name, each in hits.items()}


def of_claim(
    labels: IntVector, seeds: Sequence[IntVector], *, baselines: Mapping[str, IntVector]
) -> tuple[Statistics, Statistics]:
    """What is claimed of a recipe: its F1 as the mean over the seeds, and its macro-F1 above that of each baseline.

    Differences are paired: both sides are scored on the same draw, so that what makes a draw hard for both cancels.
    The seeds are taken as given, so an interval is about other statements and not about other seeds. Shapes: [N] each.
    """

    def f1(predicted: IntVector, weights: FloatArray) -> FloatArray:
        return metrics.f1_of(metrics.confusions(labels, predicted, weights=weights))  # [R, L]

    def mean(weights: FloatArray) -> FloatArray:
        found: FloatArray = np.mean([f1(predicted, weights) for predicted in seeds], axis=0)
        return found

    def scores(weights: FloatArray) -> dict[str, FloatArray]:
        found = mean(weights)
        by_stance = {f"f1_{stance}": found[:, index] for index, stance in enumerate(STANCES)}
        return {"macro_f1": found.mean(axis=1), **by_stance}

    def differences(weights: FloatArray) -> dict[str, FloatArray]:
        ours = mean(weights).mean(axis=1)
        return {name: ours - f1(predicted, weights).mean(axis=1) for name, predicted in baselines.items()}

    return scores, differences


def wilson(n_hits: int, n: int) -> tuple[float, float]:
    """The ends of the 95 % interval of a share, (0, 1) where nothing was counted.

    Source: Wilson 1927, "Probable inference, the law of succession, and statistical inference".
    """
    if not n:
        return 0.0, 1.0
    interval = binomtest(n_hits, n).proportion_ci(confidence_level=LEVEL, method="wilson")
    return float(interval.low), float(interval.high)
