"""Explanations: groups that hold every word once, readable remainders, drops of the predicted stance."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.classifier import StanceClassifier
from models.encoding import Encoding
from models.explanation import MAX_GROUPS, NOTHING, Span, contributions, occlude, without, word_groups
from models.labels import STANCES, Stance
from models.prediction import Prediction

TEXT = "We will return to the talks only once the sanctions are lifted."


def split(text: str) -> list[str]:
    """The texts of the groups."""
    return [text[slice(*group)] for group in word_groups(text)]


def prediction(*probabilities: float) -> Prediction:
    """A prediction of the most probable stance."""
    by_stance = dict(zip(STANCES, probabilities, strict=True))
    stance = max(by_stance, key=lambda one: by_stance[one])
    return Prediction(stance, by_stance, (stance,), truncated=False, n_tokens=3)


@pytest.mark.parametrize(
    ("text", "groups"),
    [
        (TEXT, ["We will return", "to the talks", "only once the sanctions are lifted."]),
        ("There will be no talks with them, not now and not ever.",
         ["There will be no talks with them,", "not now", "and not ever."]),
        ("Mr. Smith said: “We will not talk,” he added,\r\nbut U.S. envoys – who came – left.",
         ["Mr. Smith said:", "“We will not talk,”", "he added,", "but U.S. envoys –", "who came –", "left."]),
        ("— Talks are off. \U0001f600", ["— Talks", "are", "off. \U0001f600"]),
        ("No negotiations", ["No", "negotiations"]),
        ("No.", ["No."]),
        ("", []),
    ],
)  # fmt: skip
def test_groups_are_clauses_and_their_parts(text: str, groups: list[str]) -> None:
    """The text falls apart at punctuation and before conjunctions; a short one into fewer words, one word stays one."""
    assert split(text) == groups


def test_a_long_clause_is_halved_before_a_preposition() -> None:
    """Where a clause is long, it is cut between its parts."""
    text = "The chair handed her revised proposal to both of the delegations yesterday, it said."
    assert split(text) == ["The chair handed her revised proposal", "to both of the delegations yesterday,", "it said."]


def test_there_are_never_too_many_groups() -> None:
    """Many clauses are merged until there are MAX_GROUPS, the weakest boundaries first."""
    groups = split("If so, we go and they come. " * 20)
    assert len(groups) == MAX_GROUPS
    assert all(group.endswith(".") for group in groups)


@given(st.text(alphabet='ab1 ,.;!-–\u00a0\r\n\u0301\u200d\U0001f91d“"(éß', max_size=300))
def test_every_word_is_in_exactly_one_group(text: str) -> None:
    """Groups are in order, apart and not empty, and hold everything but white space, whatever the text."""
    groups = word_groups(text)
    assert len(groups) <= MAX_GROUPS
    assert all(0 <= start < end <= len(text) for start, end in groups)
    assert all(one.end <= other.start for one, other in pairwise(groups))
    inside = {index for group in groups for index in range(*group)}
    assert all(character.isspace() for index, character in enumerate(text) if index not in inside)
    for start, end in groups:
        assert not text[start].isspace()
        assert not text[end - 1].isspace()
        assert start == 0 or text[start - 1].isspace()  # no word, emoji or accent is cut
        assert end == len(text) or text[end].isspace()


@pytest.mark.parametrize(
    ("text", "removed", "remainder"),
    [
        (TEXT, "only once the sanctions are lifted.", "We will return to the talks."),
        (TEXT, "to the talks", "We will return only once the sanctions are lifted."),
        (TEXT, "We will return", "to the talks only once the sanctions are lifted."),
        ("We came,  and left.", "and left.", "We came."),
        ("He said: “We came, and left.” They wept.", "and left.”", "He said: “We came.” They wept."),
        ("Never!", "Never!", NOTHING),
    ],
)
def test_what_remains_can_be_read(text: str, removed: str, remainder: str) -> None:
    """One space at the gap, the end of the sentence kept; something remains even of a single group."""
    start = text.index(removed)
    assert without(text, Span(start, start + len(removed))) == remainder


def test_only_what_the_model_reads_is_explained() -> None:
    """Of a text that is cut, groups and remainders end where reading ends; else they reach to its end."""
    offsets = ((0, 0), *((index, index + 1) for index in range(20)), (0, 0))
    groups, remainders = occlude(TEXT, Encoding((1,) * 22, offsets, truncated=True, text=TEXT))
    assert groups[-1].end == 20
    assert not any("talks" in remainder for remainder in remainders)
    groups, remainders = occlude(TEXT, Encoding((1,) * 22, offsets, truncated=False, text=TEXT))
    assert groups[-1].end == len(TEXT)
    assert len(remainders) == len(groups)


def test_a_drop_is_of_the_stance_of_the_whole() -> None:
    """A drop compares the same stance, whatever is likeliest without the group; it may be negative."""
    whole = prediction(0.1, 0.1, 0.7, 0.1)
    found = contributions(
        TEXT,
        word_groups(TEXT)[:2],
        whole=whole,
        remainders=[prediction(0.6, 0.1, 0.2, 0.1), prediction(0, 0, 0.9, 0.1)],
    )
    assert [one.drop for one in found] == pytest.approx([0.5, -0.2])
    assert [(one.text, TEXT[one.start : one.end]) for one in found] == [(one.text, one.text) for one in found]


def test_the_released_model_points_at_the_condition(classifier: StanceClassifier) -> None:
    """Asked about a plain condition, the model's answer stands on the clause that states it."""
    (encoding,) = classifier.encoder.encode([TEXT])
    groups, remainders = occlude(TEXT, encoding)
    whole, *others = classifier.predict([TEXT, *remainders])
    assert whole.stance is Stance.CONDITIONAL
    top = max(contributions(TEXT, groups, whole=whole, remainders=others), key=lambda one: one.drop)
    assert top.text == "only once the sanctions are lifted."
