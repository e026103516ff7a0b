"""Suspicious labels: planted ones are found, first and by id, and nothing is changed."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from models.labels import STANCES, Stance
from training import label_errors
from training.baselines import Keywords
from training.examples import CorpusError, Example, labels_of

Invent = Callable[..., list[Example]]


def test_planted_errors_come_first(invent: Invent) -> None:
    """Labels that were changed by hand are suspicious, with the right stance suggested, and no other label is."""
    examples = invent(160)
    wrong = [8, 57, 121]
    for row in wrong:
        other = STANCES[(STANCES.index(examples[row].label) + 1) % 4]
        examples[row] = replace(examples[row], label=other)
    found = label_errors.listing(examples, label_errors.out_of_fold(examples))
    assert {entry["id"] for entry in found} == {examples[row].id for row in wrong}
    truth = {example.id: example.label for example in invent(160)}
    assert all(entry["suggested"] == truth[entry["id"]] for entry in found)
    assert all(entry["probability_of_suggested"] > entry["probability_of_label"] for entry in found)
    assert "text" not in found[0]


def test_nothing_is_learnt_from_the_own_group(invent: Invent) -> None:
    """The model that answers for a statement was fitted without its document."""
    examples = invent(80)
    fitted: list[set[str]] = []
    asked: list[set[str | None]] = []

    class Notes(Keywords):
        def fit(self, examples: object) -> None:
            fitted.append({example.group for example in examples})  # type: ignore[attr-defined]  # they are examples

        def probabilities(self, texts: object) -> np.ndarray:
            asked.append(set(texts))  # type: ignore[call-overload]  # they are texts
            return super().probabilities(texts)  # type: ignore[arg-type]  # as above

    label_errors.out_of_fold(examples, make_model=Notes)
    assert sum(map(len, asked)) == len(examples)
    for groups, texts in zip(fitted, asked, strict=True):
        assert not groups & {example.group for example in examples if example.text in texts}


def test_only_confident_disagreement_counts() -> None:
    """Another stance must be as probable as it is for its own statements, and more probable than the label."""
    labels = np.array([0, 0, 1, 1, 0])
    probabilities = np.array([[0.9, 0.1], [0.8, 0.2], [0.2, 0.8], [0.3, 0.7], [0.4, 0.6]])
    assert label_errors.suspicious(labels, probabilities) == []  # 0.6 is less than the 0.75 of that stance's own
    probabilities[4] = [0.2, 0.8]
    assert label_errors.suspicious(labels, probabilities) == [(4, 1)]


def test_a_stance_without_examples_is_never_suggested() -> None:
    """Where nobody has a label, nothing tells how probable it should be."""
    probabilities = np.array([[0.1, 0.2, 0.7], [0.1, 0.2, 0.7]])
    assert all(other != 2 for _, other in label_errors.suspicious(np.array([0, 1]), probabilities))


def test_the_program_lists_and_changes_nothing(tiny_data: Path, tmp_path: Path) -> None:
    """It writes at most --top lines, widest gap first, and leaves the corpus as it was."""
    before = {file: file.read_bytes() for file in tiny_data.rglob("*.jsonl")}
    output = tmp_path / "runs" / "suspicious.jsonl"
    assert label_errors.main(["--output", str(output), "--data", str(tiny_data), "--top", "5"]) == 0
    entries = [json.loads(line) for line in output.read_text(encoding="utf-8").splitlines()]
    gaps = [entry["probability_of_suggested"] - entry["probability_of_label"] for entry in entries]
    assert 1 <= len(entries) <= 5
    assert gaps == sorted(gaps, reverse=True)
    assert {entry["label"] for entry in entries} == {Stance.NONE}  # every fifth to calibrate on was relabelled so
    assert {file: file.read_bytes() for file in tiny_data.rglob("*.jsonl")} == before


def test_too_few_documents_are_refused(invent: Invent, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Fewer documents than folds, and a corpus without texts, end in one line."""
    with pytest.raises(CorpusError, match="too few documents"):
        label_errors.out_of_fold(invent(4), n_folds=5)
    assert label_errors.main(["--output", str(tmp_path / "x.jsonl"), "--data", str(tmp_path)]) == 2
    assert "label_errors: " in capsys.readouterr().err
    assert len(labels_of(invent(4))) == 4
