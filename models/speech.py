"""From token logits to who speaks: the words that name a statement's source, and those that say it speaks, the cue."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from models.conditions import N_CONDITION_LOGITS
from models.decision import FloatArray, softmax
from models.token_spans import Tag, likeliest, runs, whole_words

N_SPEECH_LOGITS: Final = 2 * len(Tag)
"""The attribution head's logits of one token: the tags of sources, then those of cues."""
N_TOKEN_LOGITS: Final = N_CONDITION_LOGITS + N_SPEECH_LOGITS
"""K: the logits of one token, the condition head's first, then the attribution head's."""
ENTRY_COST: Final = 1.0
"""Nats that it costs to begin a span: half of what conditions pay, for sources are short. Not tuned."""
FAVOUR: Final = 2.5
"""Nats that are added for each token where faint spans are looked for: one token alone needs a probability of 0.18."""


@dataclass(frozen=True, slots=True)
class SpeechSpan:
    """Characters ``start`` to ``end`` (exclusive) of the statement's text and these characters.

    ``probability`` is the mean over the span's tokens of the probability that they belong to one; not calibrated.
    """

    start: int
    end: int
    text: str
    probability: float


@dataclass(frozen=True, slots=True)
class SpeechSpans:
    """The words of one statement that name who speaks, and those that say that somebody does, in its order.

    The faint ones are improbable by themselves: evidence for a reading that something else speaks for too.
    """

    sources: tuple[SpeechSpan, ...] = ()
    cues: tuple[SpeechSpan, ...] = ()
    faint_sources: tuple[SpeechSpan, ...] = ()
    faint_cues: tuple[SpeechSpan, ...] = ()


def find_speech(token_logits: FloatArray, offsets: Sequence[tuple[int, int]], *, text: str) -> SpeechSpans:
    """The sources and cues of one text; none from an artifact without an attribution head.

    Shapes: token_logits [T, K], offsets T pairs of characters of ``text``, (0, 0) for markers, which belong to none.
    """
    words = [token for token, (start, end) in enumerate(offsets) if end > start]
    if not words or token_logits.shape[1] < N_TOKEN_LOGITS:
        return SpeechSpans()
    places = [offsets[token] for token in words]
    logits = token_logits[words, N_CONDITION_LOGITS:N_TOKEN_LOGITS].astype(np.float64)  # [W, 6]
    halves = np.split(logits, 2, axis=1)
    sources, cues = (_spans(half, places, text=text) for half in halves)
    faint_sources, faint_cues = (
        () if found else _spans(half, places, text=text, favour=FAVOUR)
        for half, found in zip(halves, (sources, cues), strict=True)
    )
    return SpeechSpans(sources, cues, faint_sources, faint_cues)


def _spans(
    logits: FloatArray, places: Sequence[tuple[int, int]], *, text: str, favour: float = 0.0
) -> tuple[SpeechSpan, ...]:
    """The spans of one kind. Shapes: logits [W, 3], places W pairs of characters."""
    belongs = 1 - softmax(logits)[:, Tag.OUTSIDE]  # [W]
    spans: list[SpeechSpan] = []
    for first, last in runs(likeliest(belongs, entry_cost=ENTRY_COST, favour=favour)):
        start, end = whole_words(text, places[first][0], places[last][1])
        if end > start and not (spans and start < spans[-1].end):
            spans.append(SpeechSpan(start, end, text[start:end], float(belongs[first : last + 1].mean())))
    return tuple(spans)
