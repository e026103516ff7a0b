"""Who speaks: the attribution head's logits become words of the statement, or nothing where there is no such head."""

import numpy as np
import pytest

from models.conditions import N_CONDITION_LOGITS
from models.speech import N_TOKEN_LOGITS, SpeechSpans, find_speech
from models.token_spans import Tag

TEXT = "The ministry said it would wait."
OFFSETS = [(0, 0), (0, 3), (4, 12), (13, 17), (18, 20), (21, 26), (27, 31), (31, 32), (0, 0)]
OUTSIDE = [Tag.OUTSIDE] * len(OFFSETS)


def logits_of(sources: list[Tag], cues: list[Tag]) -> np.ndarray:
    """Logits of a head that is sure of these tags. Shapes: T, T -> [T, K]."""
    logits = np.zeros((len(sources), N_TOKEN_LOGITS))
    for half, tags in enumerate((sources, cues)):
        for token, tag in enumerate(tags):
            logits[token, N_CONDITION_LOGITS + half * len(Tag) + tag] = 9.0
    return logits


def tags_at(*tokens: int) -> list[Tag]:
    """Tags with one span over these tokens."""
    tags = list(OUTSIDE)
    for token in tokens:
        tags[token] = Tag.BEGIN if token == tokens[0] else Tag.INSIDE
    return tags


def test_source_and_cue_come_back_as_words() -> None:
    """Each span has its place in the text, its words and how probable it is."""
    spans = find_speech(logits_of(tags_at(1, 2), tags_at(3)), OFFSETS, text=TEXT)
    (source,), (cue,) = spans.sources, spans.cues
    assert (source.start, source.end, source.text) == (0, 12, "The ministry")
    assert (cue.start, cue.end, cue.text) == (13, 17, "said")
    assert source.probability == pytest.approx(1, abs=0.01)


def test_the_halves_do_not_mix() -> None:
    """A head that sees a cue alone gives no source."""
    spans = find_speech(logits_of(OUTSIDE, tags_at(3)), OFFSETS, text=TEXT)
    assert (spans.sources, len(spans.cues)) == ((), 1)


def test_a_model_without_the_head_names_nobody() -> None:
    """The logits of an artifact of format 2 end with the condition head's."""
    logits = logits_of(tags_at(1, 2), tags_at(3))[:, :N_CONDITION_LOGITS]
    assert find_speech(logits, OFFSETS, text=TEXT) == SpeechSpans()


def test_no_words_no_spans() -> None:
    """Nothing is found in a text of markers alone."""
    assert find_speech(logits_of([Tag.OUTSIDE], [Tag.OUTSIDE]), [(0, 0)], text="") == SpeechSpans()
