"""Calibration across sources: no statement is measured with a rule that saw its fold, and a shift shows."""

import json
from pathlib import Path

import numpy as np
import pytest

from models.labels import STANCES
from training import calibration_shift
from training.calibration_shift import cross_fitted
from training.examples import CorpusError


def drawn(n: int, *, overconfident: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Logits that are too large by a factor, and labels drawn as the logits without it say. Shapes: [N, L], [N]."""
    generator = np.random.default_rng(seed)
    logits = generator.normal(scale=2.0, size=(n, len(STANCES)))
    chances = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    labels = np.array([generator.choice(len(STANCES), p=row) for row in chances])
    return logits * overconfident, labels


def test_a_rule_never_saw_the_fold_that_it_measures() -> None:
    """Labels of one fold changed: its own probabilities stay as they were, those of the other fold move."""
    logits, labels = drawn(400, overconfident=1.0, seed=1)
    folds = ["a"] * 200 + ["b"] * 200
    before, _ = cross_fitted(logits, labels, folds)
    changed = labels.copy()
    changed[:200] = (changed[:200] + 1) % len(STANCES)
    after, _ = cross_fitted(logits, changed, folds)
    assert np.array_equal(before[:200], after[:200])
    assert not np.allclose(before[200:], after[200:])


def test_a_source_of_another_kind_is_covered_less() -> None:
    """Sets fitted where the model is right miss more where it is overconfident than sets fitted on its own kind."""
    good, good_labels = drawn(2_000, overconfident=1.0, seed=2)
    bad, bad_labels = drawn(2_000, overconfident=4.0, seed=3)
    logits, labels = np.concatenate([good, bad]), np.concatenate([good_labels, bad_labels])
    _, elsewhere = cross_fitted(logits, labels, ["good"] * 2_000 + ["bad"] * 2_000)
    _, mixed = cross_fitted(logits, labels, ["even", "odd"] * 2_000)

    def covered(members: np.ndarray) -> float:
        return float(members[2_000:][np.arange(2_000), bad_labels].mean())

    assert covered(elsewhere) < covered(mixed) - 0.02


def test_one_source_alone_is_refused() -> None:
    """Without a second fold there is nothing to fit on."""
    logits, labels = drawn(10, overconfident=1.0, seed=4)
    with pytest.raises(CorpusError, match="one fold"):
        cross_fitted(logits, labels, ["a"] * 10)


def test_the_program_refuses_a_corpus_of_one_source(
    exported: Path, tiny_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The small corpus is of one repository: the program says what is missing, and writes nothing."""
    output = tmp_path / "shift"
    arguments = ["--artifact", str(exported), "--data", str(tiny_data), "--output", str(output)]
    assert calibration_shift.main(arguments) == 2
    assert "calibration_shift: there is nothing to fit on" in capsys.readouterr().err
    assert not output.exists()


def test_the_table_names_every_way_and_source() -> None:
    """The Markdown is made from the data alone, a row for each way and each source."""
    figure = {"value": 0.5, "low": 0.4, "high": 0.6}
    measured = dict.fromkeys(calibration_shift.MEASURES, figure)
    found = {
        "model": {"id": "m@1", "weights": {}},
        "n": 3,
        "same_sources": measured,
        "other_sources": measured,
        "nothing_fitted": {"ece": figure},
        "by_source": {"one/two": {"n": 3, **measured}},
    }
    shown = calibration_shift.markdown(json.loads(json.dumps(found)))
    assert shown.count("0.500 [0.400, 0.600]") == 3 * len(calibration_shift.MEASURES) + 1
    assert "all but `one/two`, on it" in shown
