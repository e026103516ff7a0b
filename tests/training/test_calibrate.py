"""Calibration: the temperature is found again, and the sets cover each stance as promised."""

import numpy as np
import pytest

from models.decision import Decision, softmax
from models.labels import STANCES
from training.calibrate import conformal_floors, fit_decision, fit_temperature, negative_log_likelihood
from training.examples import CorpusError


def simulate(n: int, *, temperature: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Logits that are overconfident by ``temperature``, and labels drawn from what they should have said."""
    generator = np.random.default_rng(seed)
    honest = generator.normal(scale=2.0, size=(n, len(STANCES))) + np.array([0.5, 0.0, -1.0, 0.5])
    cumulated = softmax(honest).cumsum(axis=1)
    labels = (generator.random((n, 1)) > cumulated).sum(axis=1).clip(max=len(STANCES) - 1)
    return honest * temperature, labels


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.5])
def test_recovers_the_temperature(temperature: float) -> None:
    """The temperature by which simulated logits were stretched is found again within five per cent."""
    logits, labels = simulate(8_000, temperature=temperature, seed=1)
    assert fit_temperature(logits, labels) == pytest.approx(temperature, rel=0.05)


def test_temperature_is_the_minimum() -> None:
    """No neighbouring temperature has a smaller negative log-likelihood."""
    logits, labels = simulate(500, temperature=1.7, seed=2)
    best = fit_temperature(logits, labels)
    least = negative_log_likelihood(logits / best, labels)
    assert all(negative_log_likelihood(logits / (best * factor), labels) >= least for factor in (0.9, 0.99, 1.01, 1.1))


def test_negative_log_likelihood_by_hand() -> None:
    """Equal logits over four stances cost log 4 nats."""
    assert negative_log_likelihood(np.zeros((3, 4)), np.array([0, 1, 3])) == pytest.approx(np.log(4))


def test_floor_is_the_kth_smallest() -> None:
    """With nine members at coverage 0.8, k = floor(10 * 0.2) = 2: the floor is the second smallest probability."""
    probabilities = np.zeros((9, 4))
    probabilities[:, 0] = [0.9, 0.1, 0.8, 0.2, 0.7, 0.3, 0.6, 0.4, 0.5]
    assert conformal_floors(probabilities, np.zeros(9, dtype=int), coverage=0.8) == (0.2, 0.0, 0.0, 0.0)


def test_rank_survives_floating_point() -> None:
    """Nine members at coverage 0.9 give k = 1, although (9 + 1) * (1 - 0.9) is a hair below 1 in floating point."""
    probabilities = np.full((9, 4), 0.25)
    assert conformal_floors(probabilities, np.full(9, 2), coverage=0.9) == (0.0, 0.0, 0.25, 0.0)


def test_too_few_members_means_always_in_the_set() -> None:
    """With eight members at coverage 0.9 there is no k, so the floor is 0 and the stance is in every set."""
    decision = fit_decision(np.eye(4)[[0] * 8] * 3.0, np.zeros(8, dtype=int))
    assert decision.floors == (0.0, 0.0, 0.0, 0.0)
    assert decision.prediction_sets(np.array([[0.97, 0.01, 0.01, 0.01]])).all()


def test_covers_each_stance_on_average() -> None:
    """Over many exchangeable draws each stance is covered at 0.9, not less and not much more."""
    shares: list[list[float]] = []
    for seed in range(30):
        decision = fit_decision(*simulate(600, temperature=2.0, seed=100 + seed))
        logits, labels = simulate(3_000, temperature=2.0, seed=900 + seed)
        members = decision.prediction_sets(decision.probabilities(logits))
        shares.append([float(members[labels == stance, stance].mean()) for stance in range(4)])
    assert all(0.89 <= share <= 0.94 for share in np.mean(shares, axis=0))


def test_accuracy_is_untouched() -> None:
    """Calibration changes how sure the model is, never which stance is the most probable."""
    logits, labels = simulate(300, temperature=3.0, seed=4)
    decision = fit_decision(logits, labels)
    assert (decision.probabilities(logits).argmax(axis=1) == logits.argmax(axis=1)).all()


def test_survives_the_file() -> None:
    """A fitted rule written to JSON and read back is the same rule, to the last digit."""
    decision = fit_decision(*simulate(200, temperature=1.3, seed=5), coverage=0.8)
    assert Decision.from_json(decision.to_json()) == decision


def test_separable_data_stay_in_range() -> None:
    """A model that is always right on the calibration data still gets a finite temperature above 0."""
    labels = np.arange(40) % 4
    assert fit_decision(np.eye(4)[labels] * 10.0, labels).temperature >= 0.05


@pytest.mark.parametrize(
    ("logits", "labels", "coverage", "message"),
    [
        (np.zeros((0, 4)), np.zeros(0, dtype=int), 0.9, "no labelled statements"),
        (np.zeros((2, 3)), np.zeros(2, dtype=int), 0.9, "shape"),
        (np.full((2, 4), np.nan), np.zeros(2, dtype=int), 0.9, "not finite"),
        (np.zeros((2, 4)), np.array([0, 4]), 0.9, "between 0 and 3"),
        (np.zeros((2, 4)), np.array([0, 1]), 1.0, "coverage"),
    ],
)
def test_refuses_what_makes_no_sense(logits: np.ndarray, labels: np.ndarray, coverage: float, message: str) -> None:
    """Nothing to fit on, wrong shapes, infinite logits, unknown labels and impossible coverage are corpus errors."""
    with pytest.raises(CorpusError, match=message):
        fit_decision(logits, labels, coverage=coverage)
