"""The invariance audit: what counts as a flip, what a change is of, per pair and overall, without texts."""

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from models.decision import Decision, FloatArray
from training import invariance
from training.examples import Example, read_examples, write_examples
from training.invariance import SEEN, UNSEEN, Outcome, Swapped, compare, measure, measure_pairs

Invent = Callable[..., list[Example]]


class Partial:
    """A classifier that favours one side: texts that begin with Russia are hostile, all others are none."""

    def __init__(self, *_: object, **__: object) -> None:
        self.encoder = self
        self.artifact = SimpleNamespace(
            decision=Decision(1.0, (0.2,) * 4, 0.9),
            manifest=SimpleNamespace(model_id="partial@1", digest="d", training={}, files={}),
        )
        self.engine = SimpleNamespace(info=None)

    def encode(self, texts: Sequence[str]) -> list[str]:
        """The texts themselves."""
        return list(texts)

    def logits(self, encodings: Sequence[str]) -> FloatArray:
        """Sure either way. Shapes: B -> [B, L]."""
        return np.array(
            [[0, 4, 0, 0] if text.startswith("Russia") else [0, 0, 0, 4] for text in encodings], dtype=float
        )


def test_a_change_is_of_the_stance_that_was_given() -> None:
    """A flip is another stance; the change is that of the first stance's probability, whatever the sign."""
    before = np.array([[0.7, 0.3], [0.4, 0.6], [0.5, 0.5]])
    after = np.array([[0.6, 0.4], [0.9, 0.1], [0.55, 0.45]])
    outcome = compare(before, after)
    assert outcome.flipped.tolist() == [False, True, False]
    assert outcome.change.tolist() == pytest.approx([0.1, 0.5, 0.05])


def test_measures_are_over_swaps_and_intervals_over_statements(invent: Invent) -> None:
    """Shares and means count swaps; the draws take a statement with all of its swaps; pairs are told apart."""
    one, two = invent(2)
    swaps = [Swapped(one, "a", ""), Swapped(one, "b", ""), Swapped(two, "a", "")]
    outcome = Outcome(np.array([True, False, False]), np.array([0.6, 0.0, 0.3]))
    found = measure(swaps, outcome, draws=200)
    assert (found["n_swaps"], found["n_statements"], found["n_flipped"]) == (3, 2, 1)
    assert found["flipped"]["value"] == pytest.approx(1 / 3)
    assert found["mean_change"]["value"] == pytest.approx(0.3)
    assert found["max_change"] == 0.6
    assert found["flipped"]["high"] == pytest.approx(0.5)  # never more than the share within one statement
    pairs = {pair["pair"]: pair for pair in measure_pairs(swaps, outcome, draws=50)}
    assert list(pairs) == ["a", "b"]
    assert pairs["a"]["flipped"]["value"] == 0.5
    assert (pairs["b"]["n_swaps"], pairs["b"]["max_change"]) == (1, 0.0)
    assert measure([], Outcome(np.zeros(0, dtype=bool), np.zeros(0)), draws=50)["n_swaps"] == 0


@pytest.fixture
def data(tiny_data: Path, tmp_path: Path) -> Path:
    """The small corpus with Russia, Ukraine or nobody named in its statements of the record."""
    record = [
        replace(
            example, text=f"{('Russia', 'Ukraine', 'Nobody')[index % 3]} said so {index}: {example.text}", sha256=None
        )
        for index, example in enumerate(read_examples(tiny_data / "hydrated" / "record.jsonl"))
    ]
    write_examples(tmp_path / "data" / "hydrated" / "record.jsonl", record)
    for name in ("written.jsonl", "dev.jsonl"):
        (tmp_path / "data" / name).write_bytes((tiny_data / name).read_bytes())
    return tmp_path / "data"


def audited(data: Path, output: Path) -> dict[str, Any]:
    """What the program writes of the partial classifier."""
    arguments = ["--artifact", "x", "--output", str(output), "--data", str(data), "--draws", "50", "--trained"]
    assert invariance.main(arguments, open_classifier=Partial) == 0  # type: ignore[arg-type]  # a stand-in
    return dict(json.loads((output / "invariance.json").read_text(encoding="utf-8")))


def test_a_partial_model_is_found_out(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A model that goes by the name is reported as such: every swap flips; statements without names are not asked."""
    found = audited(data, tmp_path / "o")
    assert "NOT kept" in capsys.readouterr().out
    for group in (UNSEEN, SEEN):
        (pair,) = found["groups"][group]["pairs"]
        assert pair["pair"] == "Russia / Ukraine"
        assert pair["flipped"]["value"] == 1
        assert pair["n_swaps"] == found["groups"][group]["overall"]["n_swaps"]
        assert pair["n_swaps"] < found["groups"][group]["n_asked"]


def test_nothing_of_the_texts_is_written(data: Path, tmp_path: Path) -> None:
    """The worst swaps are named by id; the table shows both groups and the pair, and no text."""
    found = audited(data, tmp_path / "o")
    assert len(found["groups"][SEEN]["worst"]) == invariance.N_WORST
    assert {"id", "pair", "label", "flipped", "change"} == found["groups"][SEEN]["worst"][0].keys()
    page = (tmp_path / "o" / "invariance.md").read_text(encoding="utf-8")
    assert "said so" not in page + json.dumps(found)
    assert page.count("| Russia / Ukraine |") == 2
    assert f"## Statements {UNSEEN}" in page


def test_without_names_there_is_nothing_to_measure(
    tiny_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where no statement names a pair, the program says so and claims nothing."""
    found = audited(tiny_data, tmp_path / "o")
    assert found["groups"][UNSEEN]["overall"] == {"n_swaps": 0, "n_statements": 0, "n_flipped": 0, "max_change": 0.0}
    assert "no statement names a pair" in capsys.readouterr().out


def test_training_statements_are_asked_on_demand_only(data: Path, tmp_path: Path) -> None:
    """Without --trained only statements that no training saw are asked."""
    assert list(invariance.read_groups(data, with_trained=False)) == [UNSEEN]
    groups = invariance.read_groups(data, with_trained=True)
    assert list(groups) == [UNSEEN, SEEN]
    assert not {example.id for example in groups[UNSEEN]} & {example.id for example in groups[SEEN]}


def test_errors_end_in_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A missing artifact or corpus is said in one line, with exit status 2."""
    assert invariance.main(["--artifact", str(tmp_path / "none"), "--output", str(tmp_path / "o")]) == 2
    assert capsys.readouterr().err.startswith("invariance: ")
