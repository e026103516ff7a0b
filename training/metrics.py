"""Measures of a classifier, each a pure function of labels and probabilities.

Shape letters: N statements, L stances in the order of STANCES, R weightings. Every measure that gets an interval exists
in a weighted form, ``weights`` [R, N] -> [R]: a weighting of ones is the estimate, and one that says how often a
statement was drawn is a bootstrap draw (training.intervals). So estimate and interval come from the same code.
"""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from models.decision import FloatArray
from models.labels import STANCES

IntVector = npt.NDArray[np.integer[Any]]
BoolArray = npt.NDArray[np.bool_]

N_BINS: Final = 15
"""Bins of the calibration error. Source: Guo et al. 2017, "On calibration of modern neural networks"."""


def _once(n: int) -> FloatArray:
    return np.ones((1, n))


def _ratio(numerator: FloatArray, denominator: FloatArray) -> FloatArray:
    """The quotient, and NaN (nothing to measure) where the denominator is 0."""
    empty: FloatArray = np.full(np.shape(numerator), np.nan)
    np.divide(numerator, denominator, out=empty, where=np.asarray(denominator) > 0)
    return empty


# ---------------------------------------------------------------------------------------------- right or wrong


def accuracies(labels: IntVector, predicted: IntVector, *, weights: FloatArray) -> FloatArray:
    """The share of weight on statements that are right. Shapes: [N], [N], weights [R, N] -> [R]."""
    return _ratio(weights @ (labels == predicted), weights.sum(axis=1))


def accuracy(labels: IntVector, predicted: IntVector) -> float:
    """The share of statements that are right; NaN for none. Shapes: [N], [N]."""
    return float(accuracies(labels, predicted, weights=_once(len(labels)))[0])


def confusions(labels: IntVector, predicted: IntVector, *, weights: FloatArray) -> FloatArray:
    """Weight by label (rows) and predicted stance (columns). Shapes: [N], [N], weights [R, N] -> [R, L, L]."""
    size = len(STANCES)
    cells = np.eye(size * size)[np.asarray(labels) * size + np.asarray(predicted)]  # [N, L * L]
    return (weights @ cells).reshape(-1, size, size)


def confusion(labels: IntVector, predicted: IntVector) -> npt.NDArray[np.int64]:
    """How many statements of each label (rows) got each stance (columns). Shapes: [N], [N] -> [L, L]."""
    counts: npt.NDArray[np.int64] = confusions(labels, predicted, weights=_once(len(labels)))[0].astype(np.int64)
    return counts


def f1_of(counts: FloatArray) -> FloatArray:
    """The F1 of each stance; 0 for one that neither occurs nor is predicted. Shapes: counts [..., L, L] -> [..., L]."""
    hits = np.diagonal(counts, axis1=-2, axis2=-1)
    return np.nan_to_num(_ratio(2 * hits, counts.sum(axis=-1) + counts.sum(axis=-2)))


def per_class_f1(labels: IntVector, predicted: IntVector) -> list[float]:
    """The F1 of each stance, by STANCES; 0 for one that neither occurs nor is predicted. Shapes: [N], [N] -> L."""
    return [float(score) for score in f1_of(confusion(labels, predicted).astype(np.float64))]


def macro_f1(labels: IntVector, predicted: IntVector) -> float:
    """The plain mean of the four F1 scores. Shapes: labels [N], predicted [N]."""
    return float(np.mean(per_class_f1(labels, predicted)))


def macro_f1_of_present(counts: FloatArray) -> FloatArray:
    """The mean F1 of the stances that occur among the labels; NaN for no statements.

    For slices: in a slice without a stance, the plain mean could not reach 1. Shapes: confusion [..., L, L] -> [...].
    """
    present = counts.sum(axis=-1) > 0
    return _ratio((f1_of(counts) * present).sum(axis=-1), present.sum(axis=-1))


# -------------------------------------------------------------------------------------------------- calibration


@dataclass(frozen=True, slots=True)
class Bin:
    """Statements whose top probability lies in (lower, upper]; without any, confidence and accuracy are None."""

    lower: float
    upper: float
    n: int
    confidence: float | None
    accuracy: float | None


def _bins_of(confidence: FloatArray) -> IntVector:
    """The index of each statement's bin; 0 counts to the first. Shapes: [N] -> [N]."""
    return np.clip(np.ceil(confidence * N_BINS).astype(np.int64) - 1, 0, N_BINS - 1)


def eces(labels: IntVector, probabilities: FloatArray, *, weights: FloatArray) -> FloatArray:
    """The expected calibration error. Shapes: [N], [N, L], weights [R, N] -> [R].

    The mean gap between top probability and accuracy over equal-width bins, weighted by their statements. A resampled
    set has more noise in each bin than the set itself, so the intervals of this measure sit a little high.
    """
    confidence = probabilities.max(axis=1)
    gap = confidence - (probabilities.argmax(axis=1) == labels)
    by_bin = np.eye(N_BINS)[_bins_of(confidence)] * gap[:, None]  # [N, bins]
    return _ratio(np.abs(weights @ by_bin).sum(axis=1), weights.sum(axis=1))


def ece(labels: IntVector, probabilities: FloatArray) -> tuple[float, list[Bin]]:
    """The expected calibration error, and the bins of the reliability diagram. Shapes: [N], [N, L]."""
    confidence, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == labels
    index, bins = _bins_of(confidence), []
    for number in range(N_BINS):
        inside = index == number
        n = int(inside.sum())
        means = (float(confidence[inside].mean()), float(right[inside].mean())) if n else (None, None)
        bins.append(Bin(number / N_BINS, (number + 1) / N_BINS, n, *means))
    return float(eces(labels, probabilities, weights=_once(len(labels)))[0]), bins


def briers(labels: IntVector, probabilities: FloatArray, *, weights: FloatArray) -> FloatArray:
    """The multi-class Brier score, from 0 (sure and right) to 2. Shapes: [N], [N, L], weights [R, N] -> [R]."""
    squares = ((probabilities - np.eye(len(STANCES))[labels]) ** 2).sum(axis=1)
    return _ratio(weights @ squares, weights.sum(axis=1))


def brier(labels: IntVector, probabilities: FloatArray) -> float:
    """The multi-class Brier score; four equal probabilities score 0.75. Shapes: [N], [N, L]."""
    return float(briers(labels, probabilities, weights=_once(len(labels)))[0])


# ------------------------------------------------------------------------------------------------- risk-coverage


@dataclass(frozen=True, slots=True)
class RiskCoverage:
    """Error rate by share of statements answered, surest first: one point for each threshold one could set.

    ``area`` is the mean risk over the statements, each at its own threshold: 0 is perfect, the overall error rate is
    what a confidence that says nothing gets. Source: Geifman and El-Yaniv 2017, "Selective classification".
    """

    coverage: FloatArray  # G, rising to 1
    risk: FloatArray  # G
    area: float


def _risks(labels: IntVector, probabilities: FloatArray, *, weights: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Weight answered, and errors in it, at each distinct confidence. Shapes: [N], [N, L], [R, N] -> [R, G] twice."""
    confidence = probabilities.max(axis=1)
    order = np.argsort(-confidence, kind="stable")
    starts = np.flatnonzero(np.diff(confidence[order], prepend=np.inf))  # statements of equal confidence go together
    ordered = weights[:, order]
    wrong = (probabilities.argmax(axis=1) != labels)[order]
    answered = np.add.reduceat(ordered, starts, axis=1).cumsum(axis=1)
    return answered, np.add.reduceat(ordered * wrong, starts, axis=1).cumsum(axis=1)


def risk_coverage_areas(labels: IntVector, probabilities: FloatArray, *, weights: FloatArray) -> FloatArray:
    """The area under the risk-coverage curve. Shapes: [N], [N, L], weights [R, N] -> [R]."""
    if not len(labels):
        return np.full(len(weights), np.nan)
    answered, errors = _risks(labels, probabilities, weights=weights)
    risk = np.nan_to_num(_ratio(errors, answered))
    return _ratio((np.diff(answered, axis=1, prepend=0) * risk).sum(axis=1), answered[:, -1])


def risk_coverage(labels: IntVector, probabilities: FloatArray) -> RiskCoverage:
    """The risk-coverage curve and its area. Shapes: [N], [N, L]; N must be at least 1."""
    weights = _once(len(labels))
    answered, errors = _risks(labels, probabilities, weights=weights)
    area = float(risk_coverage_areas(labels, probabilities, weights=weights)[0])
    return RiskCoverage(answered[0] / len(labels), errors[0] / answered[0], area)


# ------------------------------------------------------------------------------------------------ prediction sets


@dataclass(frozen=True, slots=True)
class ConformalCoverage:
    """How often the prediction set holds the label, and how large it is; None for a stance that does not occur."""

    overall: float
    per_class: tuple[float | None, ...]  # L
    mean_set_size: float
    single_share: float  # share of the sets with one stance only


def coverages(labels: IntVector, members: BoolArray, *, weights: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Coverage overall and by stance (NaN where it does not occur). Shapes: [N], [N, L], [R, N] -> [R], [R, L]."""
    covered = members[np.arange(len(labels)), labels]
    own = np.eye(len(STANCES))[labels]  # [N, L]
    overall = _ratio(weights @ covered, weights.sum(axis=1))
    return overall, _ratio(weights @ (own * covered[:, None]), weights @ own)


def conformal_coverage(labels: IntVector, members: BoolArray) -> ConformalCoverage:
    """Coverage and size of prediction sets. Shapes: labels [N], members [N, L]."""
    overall, by_class = coverages(labels, members, weights=_once(len(labels)))
    sizes = members.sum(axis=1)
    per_class = tuple(None if np.isnan(share) else float(share) for share in by_class[0])
    return ConformalCoverage(float(overall[0]), per_class, float(sizes.mean()), float((sizes == 1).mean()))
