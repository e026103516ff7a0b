"""A prediction is a value that says how far to trust it."""

from dataclasses import FrozenInstanceError, replace

import pytest

from models.labels import STANCES, Stance
from models.prediction import Prediction

PREDICTION = Prediction(
    stance=Stance.HOSTILE,
    probabilities=dict(zip(STANCES, (0.1, 0.6, 0.2, 0.1), strict=True)),
    prediction_set=(Stance.HOSTILE,),
    truncated=False,
    n_tokens=9,
)


def test_confidence_is_the_probability_of_the_stance() -> None:
    """The confidence is read from the probabilities and cannot differ from them."""
    assert PREDICTION.confidence == 0.6
    assert replace(PREDICTION, stance=Stance.CONDITIONAL).confidence == 0.2


@pytest.mark.parametrize("n_members", range(1, len(STANCES) + 1))
def test_certain_means_one_member(n_members: int) -> None:
    """A prediction is certain exactly when its set holds one stance."""
    assert replace(PREDICTION, prediction_set=STANCES[:n_members]).certain is (n_members == 1)


def test_a_prediction_is_a_value() -> None:
    """Equal fields make equal predictions, and no field can be set afterwards."""
    assert replace(PREDICTION) == PREDICTION
    with pytest.raises(FrozenInstanceError):
        PREDICTION.stance = Stance.NONE  # type: ignore[misc]  # the error is what is tested
