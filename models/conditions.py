"""From token logits to condition spans: what a conditional statement demands, in characters of the caller's text."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from models.decision import FloatArray, softmax
from models.labels import ConditionKind
from models.token_spans import Tag, likeliest, runs, whole_words

KINDS: Final[tuple[ConditionKind, ...]] = tuple(ConditionKind)


N_CONDITION_LOGITS: Final = len(Tag) + len(KINDS)
"""The condition head's logits of one token, its tag's first, then its kind's; the first of the K of all heads."""
ENTRY_COST: Final = 2.0
"""Nats that it costs to begin a span: without it, a condition falls to pieces at every doubtful token. Chosen on the
validation split. Source: docs/log.md, "Condition spans"."""

FAVOUR: Final = 1.5
"""Nats in favour of each token's being inside when nothing was found at first: spans are asked for where the stance is
conditional, and nearly every such statement says its condition. Chosen and logged as ENTRY_COST."""

IntVector = npt.NDArray[np.integer[Any]]


@dataclass(frozen=True, slots=True)
class ConditionSpan:
    """Characters ``start`` to ``end`` (exclusive) of the caller's text, these characters, and which kind they demand.

    ``probability`` is the mean over the span's tokens of the probability that they belong to one; not calibrated.
    """

    start: int
    end: int
    text: str
    kind: ConditionKind
    probability: float


def find_conditions(
    token_logits: FloatArray, offsets: Sequence[tuple[int, int]], *, text: str
) -> tuple[ConditionSpan, ...]:
    """The condition spans of one text, in its order; none where outside is by far likelier than any span.

    Spans never overlap, hold whole words and begin and end with one. Shapes: token_logits [T, K], offsets T pairs of
    characters of ``text``, (0, 0) for markers, which belong to no span.
    """
    words = [token for token, (start, end) in enumerate(offsets) if end > start]
    tags = softmax(token_logits[words, : len(Tag)].astype(np.float64))  # [W, 3]
    kinds = softmax(token_logits[words, len(Tag) : N_CONDITION_LOGITS].astype(np.float64))  # [W, 4]
    belongs = 1 - tags[:, Tag.OUTSIDE]  # [W]
    spans: list[ConditionSpan] = []
    found = runs(likeliest(belongs, entry_cost=ENTRY_COST))
    for first, last in found or runs(likeliest(belongs, entry_cost=ENTRY_COST, favour=FAVOUR)):
        start, end = whole_words(text, offsets[words[first]][0], offsets[words[last]][1])
        kind = KINDS[int(kinds[first : last + 1].sum(axis=0).argmax())]
        if end > start and not (spans and start < spans[-1].end):
            probability = float(belongs[first : last + 1].mean())
            spans.append(ConditionSpan(start, end, text[start:end], kind, probability))
    return tuple(spans)
