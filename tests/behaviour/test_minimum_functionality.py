"""Minimum functionality: what is obvious to a person is obvious to the model."""

from collections.abc import Callable

import pytest

from models.labels import STANCES, Stance
from models.prediction import Prediction
from training.examples import DATA, read_examples

MIN_RIGHT = 0.9
"""Of each stance's twelve clear statements one may be wrong: the model is small, but these are no borderline cases."""
MIN_CERTAIN = 0.5
"""At least half of the clear statements must get a prediction set of one: a model that hedges on these is of no use."""


def test_clear_statements_are_no_training_statements(clear: dict[Stance, tuple[str, ...]]) -> None:
    """No clear statement stands among the written examples, whatever its case: the model has not learnt it by heart."""
    written = {(example.text or "").casefold() for example in read_examples(DATA / "written.jsonl")}
    assert [text for texts in clear.values() for text in texts if text.casefold() in written] == []


@pytest.mark.parametrize("stance", STANCES)
def test_clear_statements_are_right(
    ask: Callable[[list[str]], list[Prediction]],
    clear: dict[Stance, tuple[str, ...]],
    report: list[str],
    stance: Stance,
) -> None:
    """Nine in ten of a stance's clear statements are given that stance."""
    predictions = ask(list(clear[stance]))
    wrong = {
        text: f"{prediction.stance} {prediction.confidence:.2f}"
        for text, prediction in zip(clear[stance], predictions, strict=True)
        if prediction.stance is not stance
    }
    report.append(f"clear, {stance}: {len(predictions) - len(wrong)} of {len(predictions)} right")
    assert len(predictions) - len(wrong) >= MIN_RIGHT * len(predictions), wrong


def test_clear_statements_are_mostly_certain(
    ask: Callable[[list[str]], list[Prediction]], clear: dict[Stance, tuple[str, ...]], report: list[str]
) -> None:
    """Most clear statements leave one stance in the prediction set."""
    predictions = ask([text for texts in clear.values() for text in texts])
    share = sum(prediction.certain for prediction in predictions) / len(predictions)
    report.append(f"clear, prediction set of one: {share:.0%}")
    assert share >= MIN_CERTAIN


@pytest.mark.parametrize("stance", STANCES)
def test_sets_of_clear_statements_hold_the_stance(
    ask: Callable[[list[str]], list[Prediction]], clear: dict[Stance, tuple[str, ...]], stance: Stance
) -> None:
    """Nine in ten prediction sets of a stance's clear statements hold it: the coverage that the sets promise."""
    held = [stance in prediction.prediction_set for prediction in ask(list(clear[stance]))]
    assert sum(held) >= MIN_RIGHT * len(held)
