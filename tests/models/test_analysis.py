"""The assembly of an article's answer: statements in place, actors with what they say, and whom they address."""

from typing import Final

import pytest

from models.analysis import Analysis, assemble
from models.conditions import ConditionSpan
from models.labels import STANCES, ConditionKind, Stance
from models.prediction import Prediction
from models.segmentation import segment

TEXT: Final = (
    "The boat lay at the quay.\n\nAnara Doln said she would sign if the boats left. "
    "Doln urged the Island Front to talk. “Never,” said Ilan Peshko."
)
GIVEN: Final = (Stance.NONE, Stance.CONDITIONAL, Stance.CONCILIATORY, Stance.HOSTILE)


def prediction(stance: Stance, confidence: float = 0.9, conditions: tuple[ConditionSpan, ...] = ()) -> Prediction:
    """A prediction of a stance."""
    shares = {one: confidence if one is stance else (1 - confidence) / 3 for one in STANCES}
    return Prediction(stance, shares, (stance,), False, 9, conditions)


@pytest.fixture
def analysis() -> Analysis:
    """An article of four statements by two persons."""
    words = "if the boats left"
    second = TEXT[27:]
    start = second.index(words)
    condition = ConditionSpan(start, start + len(words), words, ConditionKind.PRECONDITION, 0.8)
    predictions = [prediction(stance) for stance in GIVEN]
    predictions[1] = prediction(Stance.CONDITIONAL, conditions=(condition,))
    return assemble(TEXT, segment(TEXT), predictions)


def test_every_statement_is_listed(analysis: Analysis) -> None:
    """Statements come in order with their prediction, those without a stance and a speaker too."""
    assert [one.index for one in analysis.statements] == [0, 1, 2, 3]
    assert tuple(one.stance for one in analysis.statements) == GIVEN
    assert [one.speaker for one in analysis.statements] == [None, "Anara Doln", "Anara Doln", "Ilan Peshko"]
    assert analysis.n_unknown == 0


def test_conditions_stand_in_the_whole_text(analysis: Analysis) -> None:
    """A condition's place counts in the article, for the statement and for its actor, in its own words."""
    (condition,) = analysis.statements[1].conditions
    assert TEXT[condition.start : condition.end] == condition.text == "if the boats left"
    doln = next(actor for actor in analysis.actors if actor.name == "Anara Doln")
    assert [(one.statement, one.condition) for one in doln.conditions] == [(1, condition)]


def test_actors_are_counted(analysis: Analysis) -> None:
    """Each actor has counts, mentions, a leaning and most certain statements; whoever has most stances is first."""
    first = analysis.actors[0]
    assert (first.name, first.n_statements, first.n_mentions) == ("Anara Doln", 2, 2)
    assert first.counts == {**dict.fromkeys(STANCES, 0), Stance.CONDITIONAL: 1, Stance.CONCILIATORY: 1}
    assert first.most_certain == {Stance.CONCILIATORY: 2, Stance.CONDITIONAL: 1}
    assert first.leaning is not None
    assert first.leaning.value == 0.5


def test_whoever_is_only_addressed_is_an_actor(analysis: Analysis) -> None:
    """Who is addressed and says nothing is listed without statements and without a leaning."""
    front = next(actor for actor in analysis.actors if actor.name == "Island Front")
    assert (front.n_statements, front.leaning) == (0, None)
    (pair,) = analysis.addressed
    assert (pair.speaker, pair.addressee, pair.n_statements) == ("Anara Doln", "Island Front", 1)


def test_the_most_certain_statement_has_the_highest_probability() -> None:
    """Of two statements of one stance, the one with the higher probability is named."""
    text = "Anara Doln said no. Doln said never."
    found = assemble(text, segment(text), [prediction(Stance.HOSTILE, 0.6), prediction(Stance.HOSTILE, 0.95)])
    assert found.actors[0].most_certain == {Stance.HOSTILE: 1}


def test_every_segment_needs_a_prediction() -> None:
    """Fewer predictions than segments are refused."""
    with pytest.raises(ValueError, match="shorter"):
        assemble(TEXT, segment(TEXT), [prediction(Stance.NONE)])


def test_nothing_is_an_empty_answer() -> None:
    """A text without statements has an analysis without statements and actors."""
    assert assemble("", (), []) == Analysis((), (), (), 0)


def test_what_two_do_together_counts_for_each() -> None:
    """A statement of two actors names both, the first as its speaker, and is counted and addressed for each."""
    text = "Teel and Osmir accused Varr of lying. Osmir is small, and Teel is not."
    found = assemble(text, segment(text), [prediction(Stance.HOSTILE), prediction(Stance.NONE)])
    assert (found.statements[0].speaker, found.statements[0].speakers) == ("Teel", ("Teel", "Osmir"))
    assert found.statements[1].speakers == ()
    counted = {actor.name: (actor.counts[Stance.HOSTILE], actor.n_mentions) for actor in found.actors}
    assert counted == {"Teel": (1, 2), "Osmir": (1, 2), "Varr": (0, 1)}
    assert [(pair.speaker, pair.addressee) for pair in found.addressed] == [("Teel", "Varr"), ("Osmir", "Varr")]
