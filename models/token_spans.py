"""From what is known of each token to stretches of the text: shared by every head that marks words."""

import math
from collections.abc import Sequence
from enum import IntEnum

import numpy as np

from models.decision import FloatArray


class Tag(IntEnum):
    """Where a token stands to a span. The order is the order of the logits."""

    OUTSIDE = 0
    BEGIN = 1
    INSIDE = 2


def likeliest(belongs: FloatArray, *, entry_cost: float, favour: float = 0.0) -> list[bool]:
    """Which tokens are in a span, on the likeliest way through the text on which each span costs ``entry_cost`` nats.

    ``favour``, in nats, is added for every token inside.

    Source: Viterbi 1967, "Error bounds for convolutional codes", with two states. Shapes: [W] -> W.
    """
    inside = (np.log(np.clip(belongs, 1e-9, 1)) + favour).tolist()
    outside = np.log(np.clip(1 - belongs, 1e-9, 1)).tolist()
    best_out, best_in = 0.0, -math.inf  # before the first token: outside
    came: list[tuple[bool, bool]] = []  # for each token: was the one before it inside, if this one is outside, inside
    for gain_out, gain_in in zip(outside, inside, strict=True):
        from_inside = best_in > best_out, best_in >= best_out - entry_cost
        came.append(from_inside)
        best_out, best_in = (
            gain_out + (best_in if from_inside[0] else best_out),
            gain_in + (best_in if from_inside[1] else best_out - entry_cost),
        )
    state = best_in > best_out
    path: list[bool] = []
    for from_inside in reversed(came):
        path.append(state)
        state = from_inside[state]
    return path[::-1]


def runs(inside: Sequence[bool]) -> list[tuple[int, int]]:
    """The first and the last place of each unbroken run of True."""
    found: list[tuple[int, int]] = []
    for place, is_inside in enumerate(inside):
        if is_inside and found and found[-1][1] == place - 1:
            found[-1] = (found[-1][0], place)
        elif is_inside:
            found.append((place, place))
    return found


def whole_words(text: str, start: int, end: int) -> tuple[int, int]:
    """The stretch grown to whole words, then without what is no letter or digit at its ends, but closing brackets.

    What hyphens join is one word.
    """
    while _is_in_word(text, start):
        start -= 1
    while _is_in_word(text, end):
        end += 1
    while start < end and not (text[start].isalnum() or text[start] in "([$€£#@"):
        start += 1
    while end > start and not (text[end - 1].isalnum() or text[end - 1] in ")]%"):
        end -= 1
    return start, end


def _is_in_word(text: str, place: int) -> bool:
    """Whether a place is inside of a word: between two letters, or beside a hyphen between two."""
    if not 0 < place < len(text):
        return False
    before, after = text[place - 1], text[place]
    if after == "-":
        return before.isalnum() and text[place + 1 : place + 2].isalnum()
    if before == "-":
        return after.isalnum() and text[max(0, place - 2) : place - 1].isalnum()
    return before.isalnum() and after.isalnum()
