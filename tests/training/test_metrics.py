"""Measures: values worked out by hand, known cases, and intervals that behave."""

import numpy as np
import pytest
from sklearn.metrics import confusion_matrix, f1_score

from training import intervals, metrics
from training.slices import length_name

LABELS = np.array([0, 0, 1, 2, 3, 3])
PREDICTED = np.array([0, 1, 1, 3, 3, 3])


def one_hot(predicted: np.ndarray, confidence: np.ndarray | float) -> np.ndarray:
    """Probabilities with ``confidence`` on the predicted stance and the rest spread evenly."""
    confidence = np.broadcast_to(confidence, predicted.shape)
    rows = np.tile(((1 - confidence) / 3)[:, None], (1, 4))
    rows[np.arange(len(predicted)), predicted] = confidence
    return rows


def simulated(n: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Random probabilities with labels drawn from them: a perfectly calibrated model."""
    generator = np.random.default_rng(seed)
    probabilities = generator.dirichlet([0.6] * 4, size=n)
    labels = (generator.random((n, 1)) > probabilities.cumsum(axis=1)).sum(axis=1).clip(max=3)
    return labels, probabilities


def test_accuracy_by_hand() -> None:
    """Four of six right are two thirds."""
    assert metrics.accuracy(LABELS, PREDICTED) == pytest.approx(4 / 6)


def test_confusion_by_hand() -> None:
    """Rows are the annotated stance, columns the predicted one."""
    expected = [[1, 1, 0, 0], [0, 1, 0, 0], [0, 0, 0, 1], [0, 0, 0, 2]]
    assert metrics.confusion(LABELS, PREDICTED).tolist() == expected


def test_f1_by_hand() -> None:
    """F1 is 2 hits / (annotated + predicted): 2/3, 2/3, 0 and 4/5; their mean is macro-F1."""
    assert metrics.per_class_f1(LABELS, PREDICTED) == pytest.approx([2 / 3, 2 / 3, 0, 4 / 5])
    assert metrics.macro_f1(LABELS, PREDICTED) == pytest.approx((2 / 3 + 2 / 3 + 0 + 4 / 5) / 4)


def test_agrees_with_scikit_learn() -> None:
    """F1 and confusion equal scikit-learn's on random labels, a stance that never occurs included."""
    generator = np.random.default_rng(7)
    labels, predicted = generator.integers(3, size=200), generator.integers(4, size=200)
    theirs = f1_score(labels, predicted, labels=range(4), average=None, zero_division=0)
    assert metrics.per_class_f1(labels, predicted) == pytest.approx(list(theirs))
    assert (metrics.confusion(labels, predicted) == confusion_matrix(labels, predicted, labels=range(4))).all()


def test_macro_f1_of_present_leaves_absent_stances_out() -> None:
    """Where only one stance occurs and is always found, the score is 1; the plain macro-F1 would be a quarter."""
    counts = metrics.confusion(np.array([1, 1]), np.array([1, 1])).astype(float)
    assert metrics.macro_f1_of_present(counts) == 1
    assert metrics.macro_f1(np.array([1, 1]), np.array([1, 1])) == 0.25


def test_ece_is_zero_for_perfect_calibration() -> None:
    """At confidence 0.75 and three of four right, there is no gap; the bin says so."""
    value, bins = metrics.ece(np.array([0, 0, 0, 1]), one_hot(np.zeros(4, dtype=int), 0.75))
    assert value == pytest.approx(0)
    assert [(item.n, item.confidence, item.accuracy) for item in bins if item.n] == [(4, 0.75, 0.75)]


def test_ece_by_hand() -> None:
    """Two bins, weighted by their statements: 3/4 * |0.9 - 2/3| + 1/4 * |0.4 - 1|."""
    probabilities = one_hot(np.array([0, 0, 0, 1]), np.array([0.9, 0.9, 0.9, 0.4]))
    value, _ = metrics.ece(np.array([0, 0, 1, 1]), probabilities)
    assert value == pytest.approx(0.75 * abs(0.9 - 2 / 3) + 0.25 * 0.6)


def test_bins_cover_everything() -> None:
    """Fifteen bins of equal width hold every statement, also one of confidence exactly 1."""
    _, bins = metrics.ece(np.array([0, 1]), one_hot(np.array([0, 1]), np.array([1.0, 0.25])))
    assert (len(bins), bins[0].lower, bins[-1].upper, sum(item.n for item in bins)) == (15, 0.0, 1.0, 2)
    assert bins[-1].n == 1
    assert bins[0].accuracy is None


def test_ece_of_a_calibrated_model_is_small() -> None:
    """Labels drawn from the probabilities themselves leave only sampling noise."""
    assert metrics.ece(*simulated(20_000))[0] < 0.02


def test_brier_of_uniform_and_extremes() -> None:
    """Four equal probabilities score 0.75; sure and right scores 0, sure and wrong 2."""
    assert metrics.brier(np.array([0, 3]), np.full((2, 4), 0.25)) == pytest.approx(0.75)
    assert metrics.brier(np.array([2]), np.eye(4)[[2]]) == 0
    assert metrics.brier(np.array([2]), np.eye(4)[[1]]) == 2


def test_risk_coverage_by_hand() -> None:
    """Surest first: right, right, wrong, right gives risks 0, 0, 1/3, 1/4 and their mean as area."""
    probabilities = one_hot(np.zeros(4, dtype=int), np.array([0.6, 0.9, 0.7, 0.8]))
    found = metrics.risk_coverage(np.array([0, 0, 1, 0]), probabilities)
    assert found.coverage == pytest.approx([0.25, 0.5, 0.75, 1])
    assert found.risk == pytest.approx([0, 0, 1 / 3, 1 / 4])
    assert found.area == pytest.approx((1 / 3 + 1 / 4) / 4)


def test_equal_confidence_cannot_be_told_apart() -> None:
    """With one confidence for all there is one threshold, and the area is the error rate whatever the order."""
    labels, probabilities = np.array([0, 1, 0, 1]), one_hot(np.zeros(4, dtype=int), 0.7)
    for order in ([0, 1, 2, 3], [1, 3, 0, 2]):
        found = metrics.risk_coverage(labels[order], probabilities)
        assert (found.coverage.tolist(), found.risk.tolist(), found.area) == ([1.0], [0.5], 0.5)


def test_conformal_coverage_by_hand() -> None:
    """Coverage overall and by stance, None for a stance that does not occur, mean size and share of single sets."""
    members = np.array([[1, 1, 0, 0], [0, 1, 0, 0], [0, 1, 0, 0], [1, 1, 1, 1]], dtype=bool)
    found = metrics.conformal_coverage(np.array([0, 0, 1, 3]), members)
    assert found == metrics.ConformalCoverage(0.75, (0.5, 1.0, None, 1.0), 2.0, 0.5)


def test_no_statements_measure_nothing() -> None:
    """Without statements a score is NaN, and the bootstrap has nothing to say."""
    empty = np.zeros(0, dtype=int)
    assert np.isnan(metrics.accuracy(empty, empty))
    assert intervals.bootstrap(intervals.of_slice(empty, empty), 0) == {}


def test_interval_contains_the_estimate_and_shrinks() -> None:
    """A 95 % interval holds its estimate, and four times the statements make it about half as wide."""
    widths = []
    for n in (400, 1_600):
        labels, probabilities = simulated(n)
        members = probabilities >= 0.1
        found = intervals.bootstrap(intervals.headline(labels, probabilities, members=members), n)
        for name, estimate in found.items():
            if name != "ece":  # resampling adds noise to its bins: its interval sits high, as the docstring says
                assert estimate.low <= estimate.value <= estimate.high, name
        widths.append(found["accuracy"].high - found["accuracy"].low)
    assert 0.35 < widths[1] / widths[0] < 0.65


def test_interval_of_a_share_is_the_binomial_one() -> None:
    """For a share the bootstrap interval is close to the share plus and minus 1.96 standard errors."""
    hits = np.arange(500) < 350
    found = intervals.bootstrap(intervals.of_shares({"share": hits}), 500)["share"]
    error = 1.96 * np.sqrt(0.7 * 0.3 / 500)
    assert (found.value, found.low, found.high) == pytest.approx((0.7, 0.7 - error, 0.7 + error), abs=0.008)


def test_estimates_equal_the_plain_measures() -> None:
    """The value beside an interval is the measure itself, so report and training speak of the same number."""
    labels, probabilities = simulated(300)
    predicted, members = probabilities.argmax(axis=1), probabilities >= 0.2
    found = intervals.bootstrap(intervals.headline(labels, probabilities, members=members), 300, draws=10)
    assert found["accuracy"].value == pytest.approx(metrics.accuracy(labels, predicted))
    assert found["macro_f1"].value == pytest.approx(metrics.macro_f1(labels, predicted))
    assert found["ece"].value == pytest.approx(metrics.ece(labels, probabilities)[0])
    assert found["brier"].value == pytest.approx(metrics.brier(labels, probabilities))
    assert found["risk_coverage_area"].value == pytest.approx(metrics.risk_coverage(labels, probabilities).area)
    assert found["coverage"].value == pytest.approx(metrics.conformal_coverage(labels, members).overall)
    assert found["mean_set_size"].value == pytest.approx(members.sum(axis=1).mean())


def test_weighting_is_repeating() -> None:
    """A statement of weight 2 counts like two statements, in every statistic: that is what makes a draw a draw."""
    labels, probabilities = simulated(40)
    members, times = probabilities >= 0.2, np.arange(40) % 3
    rows = np.repeat(np.arange(40), times)
    weighted = intervals.headline(labels, probabilities, members=members)(times[None].astype(float))
    repeated = intervals.headline(labels[rows], probabilities[rows], members=members[rows])(np.ones((1, len(rows))))
    assert {name: column[0] for name, column in weighted.items()} == pytest.approx(
        {name: column[0] for name, column in repeated.items()}
    )


def test_claim_is_the_mean_over_seeds_above_each_baseline() -> None:
    """Values equal the plain mean of the seeds' macro-F1 and per-class F1, and that mean minus the baseline's."""
    labels, _ = simulated(200)
    seeds = [np.where(np.arange(200) % every, labels, (labels + 1) % 4) for every in (4, 5, 6)]
    baseline = np.where(np.arange(200) % 2, labels, 3)
    scores, differences = intervals.of_claim(labels, seeds, baselines={"coin": baseline})
    found = intervals.bootstrap(scores, 200, draws=200)
    mean = np.mean([metrics.macro_f1(labels, predicted) for predicted in seeds])
    assert found["macro_f1"].value == pytest.approx(mean)
    hostile = np.mean([metrics.per_class_f1(labels, predicted)[1] for predicted in seeds])
    assert found["f1_hostile"].value == pytest.approx(hostile)
    above = intervals.bootstrap(differences, 200, draws=200)["coin"]
    assert above.value == pytest.approx(mean - metrics.macro_f1(labels, baseline))
    assert above.low is not None
    assert 0 < above.low < above.value < above.high


def test_differences_are_paired() -> None:
    """A baseline that answers as the only seed does is 0 above and below in every draw: both have the same weights."""
    labels, probabilities = simulated(100)
    predicted = probabilities.argmax(axis=1)
    _, differences = intervals.of_claim(labels, [predicted], baselines={"itself": predicted})
    found = intervals.bootstrap(differences, 100, draws=100)["itself"]
    assert (found.value, found.low, found.high) == (0, 0, 0)


def test_same_seed_same_interval() -> None:
    """The draws depend on the seed alone; another seed gives another interval."""
    statistics = intervals.of_shares({"share": np.arange(50) < 30})
    assert intervals.bootstrap(statistics, 50, seed=3) == intervals.bootstrap(statistics, 50, seed=3)
    assert intervals.bootstrap(statistics, 50, seed=3) != intervals.bootstrap(statistics, 50, seed=4)


def test_every_draw_has_n_statements() -> None:
    """A draw takes as many statements as there are, and as many draws come as were asked for."""
    weights = np.concatenate(list(intervals.resamples(7, draws=250, seed=0)))
    assert weights.shape == (250, 7)
    assert (weights.sum(axis=1) == 7).all()


@pytest.mark.parametrize(
    ("n_tokens", "name"),
    [(16, "up to 16 tokens"), (17, "17 to 32 tokens"), (64, "33 to 64 tokens"), (65, "more than 64 tokens")],
)
def test_length_slices(n_tokens: int, name: str) -> None:
    """The limits of a length slice belong to the shorter one."""
    assert length_name(n_tokens) == name
