"""The decision rule: probabilities that add up, sets that hold the stance, and a file that comes back as it was."""

import json
import warnings
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.decision import Decision, softmax
from models.errors import ArtifactCorrupt, ArtifactIncompatible
from models.labels import STANCES, Stance

PLAIN = Decision(temperature=1.0, floors=(0.5, 0.5, 0.5, 0.5), coverage=0.9)
N = len(STANCES)

LOGITS = st.lists(st.lists(st.floats(-30, 30), min_size=N, max_size=N), min_size=1, max_size=8).map(np.array)
FLOORS = st.lists(st.floats(0, 1), min_size=N, max_size=N).map(tuple)
TEMPERATURES = st.floats(0.05, 20)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("size", [0.0, 1e3, 1e30])
def test_softmax_survives_huge_logits(size: float, dtype: type) -> None:
    """Logits far beyond what exp can take give finite probabilities, and no warning."""
    with warnings.catch_warnings(), np.errstate(over="raise", invalid="raise"):
        warnings.simplefilter("error")
        probabilities = softmax(np.array([[size, -size, 0, 0], [-size, -size, -size, -size]], dtype=dtype))
    assert np.isfinite(probabilities).all()
    assert probabilities[1] == pytest.approx([0.25] * N)


@given(LOGITS, st.floats(-1e6, 1e6))
def test_softmax_ignores_a_common_shift(logits: np.ndarray, shift: float) -> None:
    """Adding one number to all logits of a text changes nothing."""
    np.testing.assert_allclose(softmax(logits + shift), softmax(logits), atol=1e-6)


@given(LOGITS, TEMPERATURES)
def test_probabilities_sum_to_one(logits: np.ndarray, temperature: float) -> None:
    """Each row is a probability distribution at any temperature."""
    probabilities = replace(PLAIN, temperature=temperature).probabilities(logits)
    assert probabilities.shape == logits.shape
    assert (probabilities >= 0).all()
    np.testing.assert_allclose(probabilities.sum(axis=-1), 1, atol=1e-12)


@given(LOGITS, TEMPERATURES)
def test_temperature_keeps_order(logits: np.ndarray, temperature: float) -> None:
    """Calibration never changes which of two stances is the more probable."""
    ranked = np.take_along_axis(
        replace(PLAIN, temperature=temperature).probabilities(logits), logits.argsort(axis=-1), axis=-1
    )
    assert (np.diff(ranked, axis=-1) >= 0).all()


def test_a_higher_temperature_is_less_sure() -> None:
    """Temperatures above 1 flatten the probabilities, those below 1 sharpen them."""
    logits = np.array([[2.0, 1.0, 0.0, -1.0]])
    tops = [replace(PLAIN, temperature=t).probabilities(logits).max() for t in (0.5, 1.0, 2.0, 20.0)]
    assert tops == sorted(tops, reverse=True)


def test_float32_logits_are_calibrated_in_double() -> None:
    """An engine's float32 rows sum to 1 as closely as a double can, so JSON answers add up."""
    probabilities = PLAIN.probabilities(np.array([[0.1, 0.2, 0.3, 0.4]], dtype=np.float32))
    assert probabilities.dtype == np.float64


@given(LOGITS, FLOORS)
def test_sets_hold_the_stance_and_all_above_their_floor(logits: np.ndarray, floors: tuple[float, ...]) -> None:
    """A set has the most probable stance first, then exactly the stances that reach their floors, by probability."""
    decision = replace(PLAIN, floors=floors)
    rows = decision.probabilities(logits)
    decided = zip(rows, decision.prediction_sets(rows), decision.decide(rows), strict=True)
    for row, members, (stance, prediction_set) in decided:
        assert stance is STANCES[row.argmax()]
        assert prediction_set[0] is stance
        by_floor = {s for s, p, floor in zip(STANCES, row, floors, strict=True) if p >= floor}
        assert set(prediction_set) == by_floor | {stance}
        assert {s for s, member in zip(STANCES, members, strict=True) if member} == set(prediction_set)
        inside = [row[STANCES.index(s)] for s in prediction_set]
        assert inside == sorted(inside, reverse=True)


@given(LOGITS, FLOORS)
def test_sets_only_grow_as_floors_fall(logits: np.ndarray, floors: tuple[float, ...]) -> None:
    """Halving every floor never takes a stance out of a set."""
    probabilities = PLAIN.probabilities(logits)
    high = replace(PLAIN, floors=floors).prediction_sets(probabilities)
    low = replace(PLAIN, floors=tuple(floor / 2 for floor in floors)).prediction_sets(probabilities)
    assert (low | ~high).all()


def test_prediction_sets_leave_the_probabilities_alone() -> None:
    """Asking for the sets changes no probability."""
    probabilities = PLAIN.probabilities(np.array([[2.0, 1.0, 0.0, -1.0]]))
    before = probabilities.copy()
    PLAIN.prediction_sets(probabilities)
    np.testing.assert_array_equal(probabilities, before)


def test_ties_go_to_the_first_stance() -> None:
    """Equal probabilities are decided by label order, the same way each time."""
    assert PLAIN.decide(np.full((1, N), 0.25)) == [(Stance.CONCILIATORY, (Stance.CONCILIATORY,))]


@pytest.mark.parametrize("index", range(N))
def test_the_stance_follows_label_order(index: int) -> None:
    """The stance is the label at the place of the largest probability."""
    assert PLAIN.decide(np.eye(N))[index][0] == STANCES[index]


def test_no_rows_are_no_trouble() -> None:
    """An empty batch gives empty results of the right shape."""
    probabilities = PLAIN.probabilities(np.zeros((0, N)))
    assert probabilities.shape == (0, N)
    assert PLAIN.prediction_sets(probabilities).shape == (0, N)


@given(TEMPERATURES, FLOORS, st.floats(0.01, 0.99))
def test_json_round_trip(temperature: float, floors: tuple[float, ...], coverage: float) -> None:
    """A rule written and read back is the same to the last bit."""
    decision = Decision(temperature, floors, coverage)
    assert Decision.from_json(decision.to_json()) == decision


def test_json_names_the_stances() -> None:
    """A decision file keeps floors by name, so that a person can read them."""
    assert list(json.loads(PLAIN.to_json())["floors"]) == list(map(str, STANCES))


def changed(**fields: object) -> str:
    """The JSON of a good rule with some fields replaced."""
    return json.dumps(json.loads(PLAIN.to_json()) | fields)


GOOD_FLOORS = dict.fromkeys(map(str, STANCES), 0.5)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "null",
        "[]",
        "7",
        "{}",
        changed(temperature=0),
        changed(temperature=-1),
        changed(temperature="hot"),
        changed(temperature=None),
        changed(temperature=float("nan")),
        changed(temperature=float("inf")),
        changed(coverage=0),
        changed(coverage=1.5),
        changed(coverage=float("nan")),
        changed(coverage=None),
        changed(floors=None),
        changed(floors=0.5),
        changed(floors=GOOD_FLOORS | {"none": 1.5}),
        changed(floors=GOOD_FLOORS | {"none": -0.1}),
        changed(floors=GOOD_FLOORS | {"none": float("nan")}),
        changed(floors=GOOD_FLOORS | {"none": "low"}),
        changed(floors=GOOD_FLOORS | {"none": None}),
    ],
)
def test_broken_json_is_corrupt(text: str) -> None:
    """A decision file that cannot be read, or has a number out of range, is refused."""
    with pytest.raises(ArtifactCorrupt, match="decision"):
        Decision.from_json(text)


@pytest.mark.parametrize(
    "floors",
    [
        {},
        {"none": 0.5},
        GOOD_FLOORS | {"neutral": 0.5},
        dict(reversed(GOOD_FLOORS.items())),
        {name.upper(): 0.5 for name in GOOD_FLOORS},
    ],
    ids=["no stance", "too few", "too many", "other order", "other case"],
)
def test_other_stances_are_incompatible(floors: dict[str, float]) -> None:
    """Floors for other stances, or in another order, were made for other logits."""
    with pytest.raises(ArtifactIncompatible, match="floors for"):
        Decision.from_json(changed(floors=floors))
