"""Which rows to review next: those the model is least sure of, unlike one another, and a random share of all.

The random share is drawn by a hash of seed and row number, from all rows that are not reviewed yet: the frequencies of
stances, and how often the model is right, can be estimated from it. They cannot from the others, which are chosen
because they are hard. Of the others, near-duplicates are left out, and then each is taken whose uncertainty times its
distance to the nearest one taken is largest: the greedy k-center rule (Sener and Savarese 2018, "Active learning for
convolutional neural networks: a core-set approach") on TF-IDF vectors, weighed.
"""

import hashlib
import heapq
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer

from models.labels import STANCES
from training.near_duplicates import NearDuplicates, words_of
from training.scored_rows import ScoredRow

POOL_FACTOR: Final = 10
"""How many times as many uncertain rows are compared as are wanted: enough to choose among, few enough to compare."""
RANDOM, UNCERTAIN = "random", "uncertain"


def margin(scored: ScoredRow) -> float:
    """1 where the two likeliest stances are equally probable, 0 where one is sure."""
    first, second = sorted(scored.probabilities, reverse=True)[:2]
    return 1 - (first - second)


def entropy(scored: ScoredRow) -> float:
    """The entropy of the probabilities, as a share of the largest possible."""
    terms = (probability * math.log(probability) for probability in scored.probabilities if probability > 0)
    return max(0.0, -sum(terms)) / math.log(len(STANCES))


def set_size(scored: ScoredRow) -> float:
    """How many stances cannot be ruled out, as a share of all; among rows with as many, the entropy decides."""
    return (scored.set_size - 1 + entropy(scored)) / len(STANCES)


MEASURES: Final[Mapping[str, Callable[[ScoredRow], float]]] = {"margin": margin, "entropy": entropy, "set": set_size}


@dataclass(frozen=True, slots=True)
class Pick:
    """A row to review: why it was drawn, how unsure the model is, and where it stands in the order of review."""

    scored: ScoredRow
    drawn: str
    uncertainty: float
    draw: int


@dataclass
class Sampler:
    """Rows in, one after the other, in memory for the pool alone; then the picks."""

    n_random: int
    n_uncertain: int
    seed: int
    measure: Callable[[ScoredRow], float] = margin
    reviewed: NearDuplicates = field(default_factory=NearDuplicates)
    n_seen: int = 0
    n_reviewed: int = 0
    _random: list[tuple[int, Pick]] = field(default_factory=list)
    _pool: list[tuple[float, int, Pick]] = field(default_factory=list)

    def add(self, scored: ScoredRow) -> None:
        """Consider a row; one whose very words were reviewed already is counted and left out."""
        if self.reviewed.have_words(scored.text):
            self.n_reviewed += 1
            return
        self.n_seen += 1
        draw, uncertainty = self._draw(scored), self.measure(scored)
        _keep(self._random, (-draw, Pick(scored, RANDOM, uncertainty, draw)), self.n_random)
        # The pool holds as many more as the random share may take out of it.
        size = POOL_FACTOR * self.n_uncertain + self.n_random
        _keep(self._pool, (uncertainty, draw, Pick(scored, UNCERTAIN, uncertainty, draw)), size)

    def picks(self) -> list[Pick]:
        """The rows to review, in an order that does not tell why each was drawn. The same rows and seed, the same."""
        chosen = [pick for _, pick in self._random]
        taken = {pick.scored.row.number for pick in chosen}
        pool = [pick for *_, pick in sorted(self._pool, reverse=True) if pick.scored.row.number not in taken]
        pool = self._without_repeats(pool, of=chosen)[: POOL_FACTOR * self.n_uncertain]
        chosen += [pool[index] for index in spread_out(pool, chosen, n=self.n_uncertain)]
        return sorted(chosen, key=lambda pick: pick.draw)

    def _without_repeats(self, pool: Iterable[Pick], *, of: Sequence[Pick]) -> list[Pick]:
        known = NearDuplicates(pick.scored.text for pick in of)
        kept = []
        for pick in pool:
            if not known.have(pick.scored.text) and not self.reviewed.have(pick.scored.text):
                known.add(pick.scored.text)
                kept.append(pick)
        return kept

    def _draw(self, scored: ScoredRow) -> int:
        name = f"{self.seed} {scored.row.file or ''} {scored.row.number}"
        return int.from_bytes(hashlib.sha256(name.encode("utf-8", "surrogatepass")).digest()[:8])


def spread_out(pool: Sequence[Pick], chosen: Sequence[Pick], *, n: int) -> list[int]:
    """The places in ``pool`` of ``n`` picks that are uncertain and far from ``chosen`` and from one another."""
    if len(pool) <= n or n < 1:
        return list(range(len(pool)))[: max(n, 0)]
    vectors = TfidfVectorizer(sublinear_tf=True, analyzer=words_of).fit_transform(
        [pick.scored.text for pick in (*pool, *chosen)]
    )
    mine, others = vectors[: len(pool)], vectors[len(pool) :]
    nearness = np.zeros(len(pool))
    for index in range(others.shape[0]):
        nearness = np.maximum(nearness, (mine @ others[index].T).toarray().ravel())
    uncertainty = np.array([pick.uncertainty for pick in pool]) + 1e-6  # where all are sure, distance decides
    found: list[int] = []
    free = np.ones(len(pool), dtype=bool)
    for _ in range(n):
        merit = np.where(free, uncertainty * np.clip(1 - nearness, 1e-6, 1), -1.0)
        best = int(merit.argmax())  # the first of equals: the more uncertain
        found.append(best)
        free[best] = False
        nearness = np.maximum(nearness, (mine @ mine[best].T).toarray().ravel())
    return found


def _keep(heap: list, item: tuple, size: int) -> None:  # type: ignore[type-arg]  # of either kind of tuple
    """Add an item to a heap that holds the ``size`` largest."""
    if len(heap) < size:
        heapq.heappush(heap, item)
    elif size and item[:-1] > heap[0][:-1]:
        heapq.heapreplace(heap, item)
