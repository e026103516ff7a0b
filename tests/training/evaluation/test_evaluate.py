"""Evaluation end to end, with a classifier that answers from a table: what is measured, and what is refused."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from models.labels import STANCES
from training import slices, tables
from training.examples import Example, Origin, write_examples
from training.splits import Split, split_of

Run = Callable[..., int]
Read = Callable[[Path], tuple[dict[str, Any], str]]
Invent = Callable[..., list[Example]]


def test_measures_are_right(read: Read, full: Path) -> None:
    """Wrong on every fifth of 80 statements is an accuracy of 0.8; the confusion agrees with that."""
    found, _ = read(full)
    assert found["measures"]["accuracy"]["value"] == pytest.approx(0.8)
    assert sum(found["confusion"][index][index] for index in range(4)) == 64
    assert len(found["mistakes"]) == 15
    confidences = [mistake["confidence"] for mistake in found["mistakes"]]
    assert confidences == sorted(confidences, reverse=True)


def test_slices_are_complete_and_small_ones_are_marked(read: Read, full: Path) -> None:
    """Every kind of slice but rule parts the data; fewer than 30 statements carry a mark in both reports."""
    found, text = read(full)
    assert list(found["slices"]) == ["source", "register", "length", "rule", "origin", "document"]
    for kind in ("source", "register", "length", "origin", "document"):
        assert sum(entry["n"] for entry in found["slices"][kind]) == 80
    assert {entry["value"]: entry["n"] for entry in found["slices"]["rule"]} == {"not given": 53, "R1": 27, "R2": 27}
    assert all(entry["small"] == (entry["n"] < 30) for entries in found["slices"].values() for entry in entries)
    assert "| R1 (!) | 27 |" in text


def test_seeds_are_summarised(read: Read, full: Path) -> None:
    """Three artifacts give three runs, their mean and their spread, and no warning about too few."""
    found, text = read(full)
    accuracies = [run["accuracy"] for run in found["seeds"]["runs"]]
    assert accuracies == pytest.approx([0.8, 0.75, 0.9])
    summary = found["seeds"]["summary"]["accuracy"]
    assert summary["mean"] == pytest.approx(np.mean(accuracies))
    assert summary["deviation"] == pytest.approx(np.std(accuracies, ddof=1))
    assert "of the three seeds" not in text


def test_engines_are_compared(read: Read, full: Path) -> None:
    """Agreement, change of probabilities and the effect of neighbours are reported; this table has none."""
    found, text = read(full)
    assert found["engines"]["label_agreement"] == 1
    assert 0 < found["engines"]["mean_change"] <= found["engines"]["max_change"] < 0.02
    assert found["neighbours"] == {"n": 80, "max_change": 0.0, "labels_changed": 0}
    assert found["engines"]["engines"][0]["precision"] == "int8"
    assert "half-precision weights" in text
    assert "Not the reference" not in text
    assert "openvino int8" in text
    assert "torch float32" in text


def test_contrast_split_is_written_statements(run: Run, read: Read, invent: Invent, data: Path, tmp_path: Path) -> None:
    """The contrast split holds the written statements whose groups are held out, and reports their pairs."""
    assert run(data, tmp_path / "report", "--split", "contrast") == 0
    found, text = read(tmp_path / "report")
    held_out = [e for e in invent(200, origin=Origin.WRITTEN) if split_of(e) is Split.CONTRAST]
    assert found["data"]["n"] == len(held_out)
    assert found["pairs"]["n_pairs"] == len(held_out) // 2
    assert list(found["pairs"]["both_right"]) == ["model", "majority", "keywords"]
    assert {entry["rule"] for entry in found["pairs"]["rules"]} == {"not given", "R1", "R2"}
    for entry in (found["pairs"], *found["pairs"]["rules"]):
        shares = " | ".join(tables.interval(share) for share in entry["both_right"].values())
        assert f"| {entry['n_pairs']} | {shares} |" in text
    assert "No document or setting of these statements is in the training data" in text
    assert "recipe was chosen" not in text


def test_pairs_are_means_over_seeds(invent: Invent) -> None:
    """A pair counts for a seed when all its members are right; the share is the mean over seeds, by rule as well."""
    examples = invent(8)
    labels = np.arange(8) % 4
    one_wrong = np.where(np.arange(8) == 0, 3, labels)
    systems = {"model": [labels, one_wrong], "constant": [np.zeros(8, int)]}
    found = slices.measure_pairs(examples, labels=labels, predicted=systems, draws=10)
    assert found is not None
    assert found["n_pairs"] == 4
    assert found["both_right"]["model"].value == pytest.approx((1 + 3 / 4) / 2)
    assert found["both_right"]["constant"].value == 0
    by_rule = {entry["rule"]: (entry["n_pairs"], entry["both_right"]["model"].value) for entry in found["rules"]}
    assert by_rule == {"R1": (3, pytest.approx(2.5 / 3)), "R2": (3, pytest.approx(2.5 / 3)), "not given": (1, 1)}


def test_headline_is_the_mean_of_the_seeds(read: Read, full: Path) -> None:
    """The claim is the mean over the seeds, above each baseline, and again on documents unseen in training."""
    found, text = read(full)
    claim, summary = found["claim"]["all"], found["seeds"]["summary"]
    for name in ("macro_f1", *(f"f1_{stance}" for stance in STANCES)):
        assert claim[name]["value"] == pytest.approx(summary[name]["mean"])
    for name, measures in found["baselines"].items():
        assert claim["above"][name]["value"] == pytest.approx(
            claim["macro_f1"]["value"] - measures["macro_f1"]["value"]
        )
    assert found["claim"]["unseen"]["n"] == 80 - found["training"]["n_statements_of_these_groups"]
    assert "Mean of 3 seeds" in text


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda data: (data / "hydrated" / "dev.jsonl").unlink(), "no such file"),
        (lambda data: (data / "hydrated" / "dev.jsonl").write_text(""), "no statements"),
        (lambda data: (data / "hydrated" / "dev.jsonl").write_text("{}\n"), "not an example"),
        (lambda data: (data / "hydrated" / "record.jsonl").unlink(), "hydrate"),
        (lambda data: shutil.copyfile(data / "unhydrated.jsonl", data / "hydrated" / "dev.jsonl"), "no text"),
    ],
)
def test_unusable_data_end_in_one_line(
    run: Run,
    invent: Invent,
    data: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    change: Any,
    message: str,
) -> None:
    """Missing, empty, damaged or unhydrated data give exit status 2, one line that says why, and no report."""
    write_examples(data / "unhydrated.jsonl", [replace(invent(1)[0], text=None)])
    change(data)
    assert run(data, tmp_path / "report") == 2
    error = capsys.readouterr().err
    assert error.startswith("evaluate: ")
    assert error.count("\n") == 1
    assert message in error
    assert not (tmp_path / "report").exists()


def test_missing_artifact_ends_in_one_line(
    run: Run, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """An artifact that is not there gives exit status 2 and its message."""
    assert run(data, tmp_path / "report", artifacts=("missing",)) == 2
    assert capsys.readouterr().err == "evaluate: missing: no manifest.json\n"


def test_bad_learning_curve_ends_in_one_line(
    run: Run, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A file that is no learning curve is named before anything is measured."""
    (tmp_path / "curve.json").write_text('{"points": [{}]}', encoding="utf-8")
    assert run(data, tmp_path / "report", "--learning-curve", str(tmp_path / "curve.json")) == 2
    assert "curve.json: not a learning curve" in capsys.readouterr().err
