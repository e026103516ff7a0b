"""Fit the decision rule of a model on the calibration split: one temperature and one conformal floor per stance."""

import math
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize_scalar
from scipy.special import logsumexp

from models.decision import Decision, FloatArray, softmax
from models.labels import STANCES
from training.examples import CorpusError

IntVector = npt.NDArray[np.integer[Any]]

DEFAULT_COVERAGE: Final = 0.9
TEMPERATURE_RANGE: Final = (0.05, 20.0)
"""Where the temperature is looked for: wider than any seen, yet separable data cannot send it to 0."""
ROUNDING: Final = 1e-9
"""Keeps (9 + 1) * (1 - 0.9) from being 0.9999999999999998 and so from losing a whole rank."""


def fit_decision(logits: FloatArray, labels: IntVector, *, coverage: float = DEFAULT_COVERAGE) -> Decision:
    """The decision rule that is calibrated on held-out logits. Shapes: logits [N, L], labels [N] (indices of STANCES).

    **Temperature.** The one T > 0 that minimises the mean negative log-likelihood of softmax(logits / T). The loss is
    convex in 1/T, hence has a single minimum in log T, which a bounded scalar search finds. It leaves the order of the
    stances, and with it accuracy and F1, as they are. Source: Guo et al. 2017, "On calibration of modern neural
    networks".

    **Floors.** One per stance y, by class-conditional split conformal prediction (Vovk 2012): let p_1 <= ... <= p_n be
    the calibrated probabilities of y on the n calibration statements whose stance is y, and
    k = floor((n + 1) * (1 - coverage)). The floor is p_k, or 0 when k < 1. A new statement of stance y, exchangeable
    with those n, has a rank among the n + 1 that is uniform (ties only help). It misses the set exactly when its p lies
    below p_k, that is when its rank is k or less: a chance of at most k / (n + 1) <= 1 - coverage. So each stance is
    covered at ``coverage`` or more for every n, not only in the limit; with fewer than 1 / (1 - coverage) - 1 members
    there is no k, and the stance is in every set. Adding the most probable stance to the set can only raise coverage.

    The temperature is fitted on the same statements. That costs exact exchangeability, but one number fitted on
    hundreds of statements moves a floor far less than the next rank would; the evaluation report measures coverage.

    Raises: CorpusError when there is nothing to fit on, or shapes, labels, logits or coverage make no sense.
    """
    logits, labels = np.asarray(logits, dtype=np.float64), np.asarray(labels)
    _check(logits, labels, coverage=coverage)
    temperature = fit_temperature(logits, labels)
    probabilities = softmax(logits / temperature)
    return Decision(temperature, conformal_floors(probabilities, labels, coverage=coverage), coverage)


def fit_temperature(logits: FloatArray, labels: IntVector) -> float:
    """The temperature of least negative log-likelihood. Shapes: logits [N, L], labels [N]."""

    def loss(log_temperature: float) -> float:
        return negative_log_likelihood(logits / math.exp(log_temperature), labels)

    low, high = map(math.log, TEMPERATURE_RANGE)
    return math.exp(minimize_scalar(loss, bounds=(low, high), method="bounded", options={"xatol": 1e-6}).x)


def negative_log_likelihood(logits: FloatArray, labels: IntVector) -> float:
    """The mean of -log softmax(logits)[label], in nats. Shapes: logits [N, L], labels [N]."""
    return float(np.mean(logsumexp(logits, axis=-1) - logits[np.arange(len(labels)), labels]))


def conformal_floors(probabilities: FloatArray, labels: IntVector, *, coverage: float) -> tuple[float, ...]:
    """The floor of each stance, in the order of STANCES; derived at ``fit_decision``. Shapes: [N, L], [N] -> L."""
    floors = []
    for stance in range(len(STANCES)):
        own = np.sort(probabilities[labels == stance, stance])
        rank = math.floor((len(own) + 1) * (1 - coverage) + ROUNDING)
        floors.append(float(own[rank - 1]) if rank >= 1 else 0.0)
    return tuple(floors)


def _check(logits: FloatArray, labels: IntVector, *, coverage: float) -> None:
    if not 0 < coverage < 1:
        raise CorpusError(f"calibration: coverage must lie between 0 and 1, not be {coverage}")
    if labels.ndim != 1 or not len(labels):
        raise CorpusError("calibration: there are no labelled statements to calibrate on")
    if logits.shape != (len(labels), len(STANCES)):
        raise CorpusError(f"calibration: logits of shape {logits.shape}, expected {(len(labels), len(STANCES))}")
    if not np.isfinite(logits).all():
        raise CorpusError("calibration: some logits are not finite")
    if labels.min() < 0 or labels.max() >= len(STANCES):
        raise CorpusError(f"calibration: labels must be between 0 and {len(STANCES) - 1}")
