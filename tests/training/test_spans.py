"""Measures of condition spans, by hand, and the rules that stand beside the model."""

import numpy as np
import pytest

from models.conditions import ConditionSpan
from models.labels import ConditionKind, Stance
from training import spans
from training.examples import Condition, Example, Origin

PRECONDITION, EXCHANGE = ConditionKind.PRECONDITION, ConditionKind.EXCHANGE


def gold(*ends: tuple[int, int]) -> list[Condition]:
    """Annotated spans, all preconditions."""
    return [Condition(start, end, PRECONDITION) for start, end in ends]


def found(*ends: tuple[int, int], kind: ConditionKind = PRECONDITION) -> list[ConditionSpan]:
    """Found spans of one kind."""
    return [ConditionSpan(start, end, "x" * (end - start), kind, 1.0) for start, end in ends]


def score(*pairs: tuple[list[Condition], list[ConditionSpan]]) -> dict[str, float]:
    """The measures of statements given as annotated and found spans."""
    return {name: float(value[0]) for name, value in spans.scores([spans.count(*pair) for pair in pairs]).items()}


def test_what_is_right_scores_one() -> None:
    """The same spans with the same kinds score 1 on every measure."""
    assert score((gold((3, 9), (12, 20)), found((3, 9), (12, 20)))) == dict.fromkeys(spans.MEASURES, 1.0)


def test_measures_by_hand() -> None:
    """One exact span, one touched by half of its characters, one missed and one too many."""
    measured = score((gold((0, 10), (20, 30), (40, 50)), found((0, 10), (25, 35), (60, 70))))
    assert measured["exact_f1"] == pytest.approx(1 / 3)
    assert measured["overlap_f1"] == pytest.approx(2 / 3)
    assert measured["character_f1"] == pytest.approx(15 / 30)
    assert measured["kind_accuracy"] == 1.0


def test_a_kind_counts_where_a_span_was_touched() -> None:
    """Kinds are compared on touched spans alone, with the kind of the longest overlap."""
    assert score((gold((0, 10)), found((0, 9), kind=EXCHANGE)))["kind_accuracy"] == 0.0
    both = [*found((0, 2), kind=EXCHANGE), *found((3, 10))]
    assert score((gold((0, 10), (50, 60)), both))["kind_accuracy"] == 1.0


def test_an_unsaid_condition_wants_no_span() -> None:
    """Where the condition is unsaid, nothing found is no loss, and what is found is wrong."""
    said = (gold((0, 10)), found((0, 10)))
    assert score(said, (gold((5, 5)), []))["exact_f1"] == 1.0
    assert score(said, (gold((5, 5)), found((0, 4))))["exact_f1"] == pytest.approx(2 / 3)


def test_a_weighting_counts_statements_as_often_as_drawn() -> None:
    """Weights of a bootstrap draw give what the drawn statements would."""
    counts = [spans.count(gold((0, 10)), found((0, 10))), spans.count(gold((0, 10)), [])]
    drawn = spans.scores(counts, weights=np.array([[2.0, 0.0], [0.0, 2.0], [1.0, 1.0]]))
    assert drawn["exact_f1"].tolist() == pytest.approx([1.0, 0.0, 2 / 3])


@pytest.mark.parametrize(
    ("text", "stretches"),
    [
        ("We will talk only if the siege ends, not before.", ["the siege ends"]),
        ("Unless wages rise, we walk; once they rise, we stay", ["wages rise", "they rise"]),
        ("Ten prisoners in exchange for the two pilots.", ["the two pilots"]),
        ("We are ready to talk at any time.", []),
    ],
)
def test_the_rules_find_the_clause_behind_a_marker(text: str, stretches: list[str]) -> None:
    """The baseline gives the clause behind each marker, in the text's order."""
    assert [span.text for span in spans.marked_conditions(text)] == stretches


def test_served_spans_need_the_stance() -> None:
    """As served, a conditional statement whose stance was missed has no spans; other statements do not count."""
    common = {"origin": Origin.WRITTEN, "group": "g", "votes": {}}
    examples = [
        Example(id="a", label=Stance.CONDITIONAL, text="if it ends", conditions=tuple(gold((3, 10))), **common),
        Example(id="b", label=Stance.HOSTILE, text="if it ends", **common),
    ]
    answers = [found((3, 10)), found((0, 2))]
    measured = spans.measure(examples, answers, predicted=np.array([1, 2]), draws=5)
    assert measured is not None
    assert measured["n"] == measured["n_spans"] == 1
    exact = {name: one["exact_f1"].value for name, one in measured["systems"].items()}
    assert exact == {"model, given the stance": 1.0, "model, as served": 0.0, "rules": 1.0}
    assert spans.measure(examples[1:], answers[1:], predicted=np.array([2]), draws=5) is None
