"""From token logits to condition spans: what a conditional statement demands, in characters of the caller's text."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from models.decision import FloatArray, softmax
from models.labels import ConditionKind

KINDS: Final[tuple[ConditionKind, ...]] = tuple(ConditionKind)


class Tag(IntEnum):
    """Where a token stands to a span. The order is the order of the logits."""

    OUTSIDE = 0
    BEGIN = 1
    INSIDE = 2


N_TOKEN_LOGITS: Final = len(Tag) + len(KINDS)
"""K: the logits of one token, its tag's first, then its kind's."""
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
    kinds = softmax(token_logits[words, len(Tag) :].astype(np.float64))  # [W, 4]
    belongs = 1 - tags[:, Tag.OUTSIDE]  # [W]
    spans: list[ConditionSpan] = []
    for first, last in _runs(_likeliest(belongs)) or _runs(_likeliest(belongs, favour=FAVOUR)):
        start, end = _whole_words(text, offsets[words[first]][0], offsets[words[last]][1])
        kind = KINDS[int(kinds[first : last + 1].sum(axis=0).argmax())]
        if end > start and not (spans and start < spans[-1].end):
            probability = float(belongs[first : last + 1].mean())
            spans.append(ConditionSpan(start, end, text[start:end], kind, probability))
    return tuple(spans)


def _likeliest(belongs: FloatArray, *, favour: float = 0.0) -> list[bool]:
    """Which tokens are in a span, on the likeliest way through the text on which each span costs ENTRY_COST.

    ``favour``, in nats, is added for every token inside.

    Source: Viterbi 1967, "Error bounds for convolutional codes", with two states. Shapes: [W] -> W.
    """
    inside = (np.log(np.clip(belongs, 1e-9, 1)) + favour).tolist()
    outside = np.log(np.clip(1 - belongs, 1e-9, 1)).tolist()
    best_out, best_in = 0.0, -math.inf  # before the first token: outside
    came: list[tuple[bool, bool]] = []  # for each token: was the one before it inside, if this one is outside, inside
    for gain_out, gain_in in zip(outside, inside, strict=True):
        from_inside = best_in > best_out, best_in >= best_out - ENTRY_COST
        came.append(from_inside)
        best_out, best_in = (
            gain_out + (best_in if from_inside[0] else best_out),
            gain_in + (best_in if from_inside[1] else best_out - ENTRY_COST),
        )
    state = best_in > best_out
    path: list[bool] = []
    for from_inside in reversed(came):
        path.append(state)
        state = from_inside[state]
    return path[::-1]


def _runs(inside: Sequence[bool]) -> list[tuple[int, int]]:
    """The first and the last place of each unbroken run of True."""
    runs: list[tuple[int, int]] = []
    for place, is_inside in enumerate(inside):
        if is_inside and runs and runs[-1][1] == place - 1:
            runs[-1] = (runs[-1][0], place)
        elif is_inside:
            runs.append((place, place))
    return runs


def _whole_words(text: str, start: int, end: int) -> tuple[int, int]:
    """The stretch grown to whole words, then without what is no letter or digit at its ends, but closing brackets."""
    while start > 0 and text[start - 1].isalnum() and text[start].isalnum():
        start -= 1
    while end < len(text) and text[end].isalnum() and text[end - 1].isalnum():
        end += 1
    while start < end and not (text[start].isalnum() or text[start] in "([$€£#@"):
        start += 1
    while end > start and not (text[end - 1].isalnum() or text[end - 1] in ")]%"):
        end -= 1
    return start, end
