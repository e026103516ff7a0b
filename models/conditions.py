"""From token logits to condition spans: what a conditional statement demands, in characters of the caller's text."""

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
MIN_PROBABILITY: Final = 0.5
"""A token belongs to a span when it is likelier in one than outside. Source: docs/log.md, "Condition spans"."""

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
    """The condition spans of one text, in its order; none where no token is likelier in a span than outside.

    Spans never overlap, hold whole words and begin and end with one. Shapes: token_logits [T, K], offsets T pairs of
    characters of ``text``, (0, 0) for markers, which belong to no span.
    """
    tags = softmax(token_logits[:, : len(Tag)].astype(np.float64))  # [T, 3]
    kinds = softmax(token_logits[:, len(Tag) :].astype(np.float64))  # [T, 4]
    belongs = 1 - tags[:, Tag.OUTSIDE]  # [T]
    runs: list[list[int]] = []
    for token, (start, end) in enumerate(offsets):
        if start == end or belongs[token] < MIN_PROBABILITY:
            continue
        begins = tags[token, Tag.BEGIN] > tags[token, Tag.INSIDE]
        continues_word = start > 0 and text[start - 1].isalnum() and text[start].isalnum()
        if runs and runs[-1][-1] == token - 1 and (continues_word or not begins):
            runs[-1].append(token)
        else:
            runs.append([token])
    spans: list[ConditionSpan] = []
    for run in runs:
        start, end = _whole_words(text, offsets[run[0]][0], offsets[run[-1]][1])
        kind = KINDS[int(kinds[run].sum(axis=0).argmax())]
        if end > start and not (spans and start < spans[-1].end):
            spans.append(ConditionSpan(start, end, text[start:end], kind, float(belongs[run].mean())))
    return tuple(spans)


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
