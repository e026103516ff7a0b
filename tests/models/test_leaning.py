"""The leaning of an actor: what it counts, and that its interval holds both doubts."""

import pytest

from models.labels import STANCES, Stance
from models.leaning import leaning

C, H, K, N = STANCES


def sure(stance: Stance, confidence: float = 1.0) -> dict[Stance, float]:
    """Probabilities of a stance, the rest shared."""
    return {one: confidence if one is stance else (1 - confidence) / 3 for one in STANCES}


def lean(stances: list[Stance], confidence: float = 1.0) -> tuple[float, float, float]:
    """Value, low and high."""
    found = leaning([sure(stance, confidence) for stance in stances], stances)
    assert found is not None
    return found.value, found.low, found.high


def test_it_counts_stances() -> None:
    """The value is conciliatory less hostile over all with a stance; statements without one do not dilute it."""
    assert lean([C, C, C, H, N, N, N])[0] == pytest.approx(2 / 4)
    assert lean([K, K])[0] == 0


def test_without_a_stance_there_is_none() -> None:
    """Nobody leans who takes no stance."""
    assert leaning([sure(N)], [N]) is None


@pytest.mark.parametrize("stances", [[C], [H], [C, H], [C] * 30, [K, H, N]])
def test_the_interval_holds_the_value(stances: list[Stance]) -> None:
    """Low, value and high are in order and between -1 and 1."""
    value, low, high = lean(stances)
    assert -1 <= low <= value <= high <= 1
    assert low < high


def test_more_statements_tell_more() -> None:
    """Ten times as many statements of the same shares narrow the interval."""
    few, many = lean([C, C, H]), lean([C, C, H] * 10)
    assert many[2] - many[1] < 0.6 * (few[2] - few[1])


def test_doubtful_statements_tell_less() -> None:
    """The same stances with low probabilities give a wider interval."""
    sure_one, doubtful = lean([C] * 20), lean([C] * 20, confidence=0.5)
    assert doubtful[1] < sure_one[1] - 0.1


def test_one_text_has_one_answer() -> None:
    """The draws are the same each time."""
    assert lean([C, H, K], 0.7) == lean([C, H, K], 0.7)
