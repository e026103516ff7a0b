"""Condition spans: from token logits to whole words of the caller's text, in order and apart."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.conditions import KINDS, find_conditions
from models.labels import ConditionKind
from models.speech import N_TOKEN_LOGITS
from models.token_spans import Tag

TEXT = "Only if the sanctions are lifted, and our prisoners freed, will we talk."
OUTSIDE, BEGIN, INSIDE = Tag


def words_of(text: str) -> list[tuple[int, int]]:
    """Offsets of a marker, of each word and punctuation mark by itself, and of another marker."""
    found, start = [(0, 0)], 0
    for index, character in enumerate([*text, " "]):
        if not character.isalnum():
            if index > start:
                found.append((start, index))
            if character != " ":
                found.append((index, index + 1))
            start = index + 1
    return [*found, (0, 0)]


def logits_of(tags: list[Tag], kind: ConditionKind = ConditionKind.PRECONDITION) -> np.ndarray:
    """Sure logits for these tags, all of one kind. Shapes: T tags -> [T, K]."""
    logits = np.zeros((len(tags), N_TOKEN_LOGITS))
    logits[np.arange(len(tags)), tags] = 8
    logits[:, len(Tag) + KINDS.index(kind)] = 8
    return logits


def tags_for(*stretches: str) -> list[Tag]:
    """The tags that mark these stretches of TEXT."""
    tags = []
    for start, end in words_of(TEXT):
        spans = [(TEXT.index(s), TEXT.index(s) + len(s)) for s in stretches]
        inside = [span for span in spans if end > start and span[0] <= start < span[1]]
        tags.append((BEGIN if inside[0][0] == start else INSIDE) if inside else OUTSIDE)
    return tags


@pytest.mark.parametrize("kind", ConditionKind)
def test_a_span_is_its_words_with_its_kind(kind: ConditionKind) -> None:
    """The marked words come back as characters of the text, with the kind that the tokens tell."""
    (span,) = find_conditions(logits_of(tags_for("the sanctions are lifted"), kind), words_of(TEXT), text=TEXT)
    assert (span.text, span.kind) == ("the sanctions are lifted", kind)
    assert TEXT[span.start : span.end] == span.text
    assert 0.9 < span.probability <= 1


def test_what_a_hyphen_joins_is_one_word() -> None:
    """A span that begins or ends in the middle of a hyphened word has all of it; a dash between words joins nothing."""
    text = "if the Delta-led talks bring a last-ditch deal - or none"
    first, last = text.index("led"), text.index("last") + 4
    tags = [BEGIN if start == first else INSIDE if first < start < last else OUTSIDE for start, _ in words_of(text)]
    (span,) = find_conditions(logits_of(tags), words_of(text), text=text)
    assert span.text == "Delta-led talks bring a last-ditch"


def test_two_spans_stay_two() -> None:
    """Spans with a gap of sure tokens between them are two."""
    tags = tags_for("the sanctions are lifted", "our prisoners freed")
    apart = find_conditions(logits_of(tags), words_of(TEXT), text=TEXT)
    assert [span.text for span in apart] == ["the sanctions are lifted", "our prisoners freed"]


def test_a_doubtful_token_breaks_no_span() -> None:
    """A token that is a little likelier outside, inside of a sure span, is part of it; a sure one is not."""
    for doubt, n_spans in ((0.5, 1), (8.0, 2)):
        logits = logits_of(tags_for("the sanctions are lifted"))
        place = words_of(TEXT).index((TEXT.index("are"), TEXT.index("are") + 3))
        logits[place, :3] = (doubt, 0, 0)
        assert len(find_conditions(logits, words_of(TEXT), text=TEXT)) == n_spans


def test_a_doubtful_token_apart_is_no_span() -> None:
    """One token that is a little likelier inside is no span beside a sure one; where nothing else is found, it is."""
    for stretches, found in ((["our prisoners freed"], ["our prisoners freed"]), ([], ["lifted"])):
        logits = logits_of(tags_for(*stretches))
        place = words_of(TEXT).index((TEXT.index("lifted"), TEXT.index("lifted") + 6))
        logits[place, :3] = (0, 0, 0.5)
        assert [span.text for span in find_conditions(logits, words_of(TEXT), text=TEXT)] == found


def test_no_likely_token_is_no_span() -> None:
    """Where every token is likelier outside, nothing is found; neither is in a text without tokens."""
    assert find_conditions(logits_of([OUTSIDE] * len(words_of(TEXT))), words_of(TEXT), text=TEXT) == ()
    assert find_conditions(np.zeros((0, N_TOKEN_LOGITS)), [], text="") == ()


def test_a_piece_of_a_word_stands_for_the_word() -> None:
    """A span that begins or ends inside a word is grown to the whole word, and pieces never split one."""
    text, offsets = "once disarmament ends", [(0, 0), (0, 4), (5, 8), (8, 16), (17, 21), (0, 0)]
    for tags in (
        [OUTSIDE, OUTSIDE, OUTSIDE, BEGIN, OUTSIDE, OUTSIDE],
        [OUTSIDE, OUTSIDE, BEGIN, BEGIN, OUTSIDE, OUTSIDE],
    ):
        (span,) = find_conditions(logits_of(tags), offsets, text=text)
        assert span.text == "disarmament"


def test_punctuation_at_the_ends_is_left_out() -> None:
    """A comma or stop at the edge of what was marked is not part of the demand."""
    tags = tags_for("the sanctions are lifted,")
    (span,) = find_conditions(logits_of(tags), words_of(TEXT), text=TEXT)
    assert span.text == "the sanctions are lifted"


@given(st.text(alphabet="ab ,.'“é😀", max_size=40), st.integers(0, 2**32 - 1))
def test_whatever_the_logits_spans_are_in_order_and_apart(text: str, seed: int) -> None:
    """Any logits on any text give spans inside it, none empty, none overlapping, each with the text that it names."""
    offsets = words_of(text)
    logits = np.random.default_rng(seed).normal(scale=3, size=(len(offsets), N_TOKEN_LOGITS))
    found = find_conditions(logits, offsets, text=text)
    for span in found:
        assert 0 <= span.start < span.end <= len(text)
        assert text[span.start : span.end] == span.text
    assert all(one.end <= other.start for one, other in pairwise(found))
