"""How an actor leans, from conciliatory (1) to hostile (-1), with how little its few statements tell."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from models.labels import STANCES, Stance

N_DRAWS: Final = 1_000
"""Draws that the interval is read from: its ends move by about 0.02 with other draws."""
LEVEL: Final = 0.95
SEED: Final = 20_26
"""Fixed, so that one text has one answer."""
PRIOR: Final = 0.5
"""Jeffreys' prior of shares: half a statement of each stance."""

TAKEN: Final = tuple(stance for stance in STANCES if stance is not Stance.NONE)


@dataclass(frozen=True, slots=True)
class Leaning:
    """(conciliatory - hostile) / (all with a stance), between -1 and 1, and the ends of its 95 % interval.

    ``value`` counts the predicted stances, so that a reader can count along. The interval holds both doubts: what the
    model thinks of each statement, and that the statements are few.
    """

    value: float
    low: float
    high: float


def leaning(probabilities: Sequence[Mapping[Stance, float]], stances: Sequence[Stance]) -> Leaning | None:
    """The leaning that statements with these probabilities and predicted stances show; None when none takes a stance.

    In each draw every statement takes a stance by its probabilities, and the shares of the three stances are drawn from
    their posterior given these counts; the interval holds the middle 95 % of the differences, widened to ``value``.
    Source: Rubin 1987, "Multiple Imputation for Nonresponse in Surveys", ch. 3; Jeffreys' prior and the widening as in
    Brown, Cai and DasGupta 2001, "Interval Estimation for a Binomial Proportion", section 4.
    """
    n = [stances.count(stance) for stance in TAKEN]
    if not sum(n):
        return None
    value = (n[TAKEN.index(Stance.CONCILIATORY)] - n[TAKEN.index(Stance.HOSTILE)]) / sum(n)
    random = np.random.default_rng(SEED)
    each = np.array([[row[stance] for stance in (*TAKEN, Stance.NONE)] for row in probabilities])  # [N, 4]
    edges = np.cumsum(each / each.sum(axis=1, keepdims=True), axis=1)[:, :-1]  # [N, 3]
    counts = np.zeros((N_DRAWS, len(TAKEN) + 1))
    rows = np.arange(N_DRAWS)
    for edge in edges:  # one statement at a time: the memory of a long transcript stays small
        counts[rows, np.searchsorted(edge, random.random(N_DRAWS), side="right")] += 1
    shares = random.standard_gamma(counts[:, : len(TAKEN)] + PRIOR)
    shares /= shares.sum(axis=1, keepdims=True)
    drawn = shares[:, TAKEN.index(Stance.CONCILIATORY)] - shares[:, TAKEN.index(Stance.HOSTILE)]
    low, high = np.quantile(drawn, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Leaning(value, min(float(low), value), max(float(high), value))
