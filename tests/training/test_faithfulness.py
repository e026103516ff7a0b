"""Faithfulness of explanations: the top group against a random other one, removed, masked and alone."""

import json
import random
from pathlib import Path

import numpy as np
import pytest

from models.artifact import OPENVINO_WEIGHTS, read_manifest
from models.classifier import StanceClassifier
from models.encoding import Encoding
from models.explanation import Span
from models.labels import Stance
from training import faithfulness
from training.examples import Example
from training.faithfulness import WAYS, Trial, masked, statistics_of

TEXT = "They refuse the talks, they said on Monday, and the weather was fine in the capital."


def test_masking_keeps_everything_else_in_place() -> None:
    """Only the tokens that touch the group become the mask; markers, offsets and length stay."""
    encoding = Encoding((2, 10, 11, 12, 3), ((0, 0), (0, 2), (3, 6), (6, 9), (0, 0)), truncated=False, text="ab cdefgh")
    assert masked(encoding, Span(3, 7), mask_id=4).ids == (2, 10, 4, 4, 3)
    assert masked(encoding, Span(0, 2), mask_id=4).ids == (2, 4, 11, 12, 3)
    assert masked(encoding, Span(3, 7), mask_id=4).offsets == encoding.offsets


def test_measures_compare_top_and_other() -> None:
    """Means of drops, share of wins and of flips; where the group is all that is left, the smaller drop wins."""
    trials = [Trial(0.6, 0.1, True, False), Trial(0.2, 0.4, False, True)]
    once = np.ones((1, 2))
    removed = {name: float(column[0]) for name, column in statistics_of(trials, kept=False)(once).items()}
    assert removed == pytest.approx(
        {"top_drop": 0.4, "other_drop": 0.25, "lead": 0.15, "top_wins": 0.5, "top_flips": 0.5, "other_flips": 0.5}
    )
    alone = statistics_of(trials, kept=True)(once)
    assert float(alone["lead"][0]) == pytest.approx(-0.15)
    assert float(alone["top_wins"][0]) == 0.5


def test_the_top_group_of_the_released_model_wins_when_removed(classifier: StanceClassifier) -> None:
    """Removed as the explanation does it, no other group can lower the stance more; each way has its trial."""
    found = faithfulness.try_groups(classifier, TEXT, mask_id=103, draw=random.Random(0))
    assert list(found) == list(WAYS)
    assert found["removed"].top_drop >= found["removed"].other_drop
    assert all(-1 <= drop <= 1 for trial in found.values() for drop in (trial.top_drop, trial.other_drop))


@pytest.mark.parametrize("text", ["Never.", "The train arrives at nine."])
def test_what_cannot_be_compared_is_passed_over(classifier: StanceClassifier, text: str) -> None:
    """A text of one group has no other one; where the model finds no stance there is nothing to explain."""
    assert faithfulness.try_groups(classifier, text, mask_id=103, draw=random.Random(0)) == {}


def test_the_program_writes_figures_and_a_table(
    exported: Path, tiny_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """On an artifact and a corpus: each way with intervals, the same again by seed."""
    arguments = ["--artifact", str(exported), "--data", str(tiny_data), "--n", "12", "--threads", "1", "--output"]
    for name in ("a", "b"):
        assert faithfulness.main([*arguments, str(tmp_path / name)]) == 0
    files = [(tmp_path / name / "faithfulness.json").read_text(encoding="utf-8") for name in ("a", "b")]
    assert files[0] == files[1]
    found = json.loads(files[0])
    assert found["n"] == 12
    for way in WAYS:
        assert set(found["ways"][way]) == set(faithfulness.MEASURES)
        assert found["ways"][way]["lead"]["low"] <= found["ways"][way]["lead"]["value"]
    assert found["ways"]["removed"]["top_wins"]["value"] == 1
    page = (tmp_path / "a" / "faithfulness.md").read_text(encoding="utf-8")
    assert all(f"| {way} |" in page for way in WAYS)
    weights = read_manifest(exported).files[OPENVINO_WEIGHTS]
    assert found["model"]["weights"][OPENVINO_WEIGHTS] == weights
    assert f"`{OPENVINO_WEIGHTS}` `{weights[:12]}`" in page
    assert "12 statements" in capsys.readouterr().out


def test_only_statements_with_a_stance_are_drawn(tiny_data: Path) -> None:
    """They come from the splits that fit no weights, and have a stance by their label."""
    found: list[Example] = faithfulness.read_statements(tiny_data)
    assert found
    assert Stance.NONE not in {example.label for example in found}


def test_errors_end_in_one_line(exported: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A corpus without texts is said in one line, with exit status 2."""
    arguments = ["--artifact", str(exported), "--data", str(tmp_path), "--output", str(tmp_path / "o")]
    assert faithfulness.main(arguments) == 2
    assert capsys.readouterr().err.startswith("faithfulness: ")
