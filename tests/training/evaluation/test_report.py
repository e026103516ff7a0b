"""The reports: figures that agree, no text of the record, and what a reader must be told before believing them."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from models.labels import STANCES
from training import report, slices, tables
from training.corpus import read_corpus
from training.examples import Example, digest

Run = Callable[..., int]
Read = Callable[[Path], tuple[dict[str, Any], str]]
Invent = Callable[..., list[Example]]


def test_writes_reports_and_small_pictures(read: Read, full: Path) -> None:
    """Both reports and four pictures are there, each picture a PNG under 60 KB that the Markdown shows."""
    _, text = read(full)
    for name in ("confusion", "reliability", "risk-coverage", "learning-curve"):
        picture = (full / f"{name}.png").read_bytes()
        assert picture.startswith(b"\x89PNG")
        assert len(picture) < 60_000
        assert f"({name}.png)" in text


def test_figures_of_the_markdown_are_those_of_the_json(read: Read, full: Path) -> None:
    """Headline, stances, baselines and seeds stand in report.md exactly as in report.json."""
    found, text = read(full)
    for measures in (found["measures"], *found["baselines"].values()):
        for name in report.COMPARED:
            assert tables.interval(measures[name]) in text
    for part in found["claim"].values():
        for estimate in (part["macro_f1"], *part["above"].values(), *(part[f"f1_{stance}"] for stance in STANCES)):
            assert tables.interval(estimate) in text
    for name in report.TITLES:
        assert f"| {report.TITLES[name]} | {tables.interval(found['measures'][name])} |" in text
    for entries in found["slices"].values():
        for entry in entries:
            assert f"| {entry['n']} | {len(entry['stances'])} | {tables.interval(entry['accuracy'])} |" in text
    assert all(tables.number(found["seeds"]["summary"]["macro_f1"][key]) in text for key in ("mean", "deviation"))


def test_no_text_of_the_data_in_the_report(full: Path) -> None:
    """Reports may be committed and the record's texts may not: only ids appear."""
    both = "".join(path.read_text(encoding="utf-8") for path in full.glob("report.*"))
    for word in ("zanzibar", "quillfeather", "oxbow", "marmalade", "again and"):
        assert word not in both
    assert "`dev-0`" in both


def test_one_artifact_alone_is_said_to_be_few(run: Run, read: Read, data: Path, tmp_path: Path) -> None:
    """A single seed is reported with a warning; parts that were not asked for are left out."""
    assert run(data, tmp_path / "report", "--no-baselines") == 0
    found, text = read(tmp_path / "report")
    assert "Only 1 of the three seeds" in text
    assert (found["baselines"], found["engines"], found["seeds"]["summary"]["accuracy"]["deviation"]) == (None,) * 3
    assert "## Baselines" not in text
    assert "## Engines" not in text


@pytest.mark.parametrize(
    ("split", "warning"), [("calibration", "the decision rule"), ("validation", "of several runs")]
)
def test_splits_that_flatter_carry_a_warning(
    run: Run, read: Read, data: Path, tmp_path: Path, split: str, warning: str
) -> None:
    """Measuring where something was fitted or chosen is possible, and says so."""
    assert run(data, tmp_path / "report", "--split", split) == 0
    found, text = read(tmp_path / "report")
    assert found["data"]["split"] == split
    assert re.search(f"Warning: {warning}", text)


def test_shared_documents_are_counted_and_told(read: Read, invent: Invent, full: Path, data: Path) -> None:
    """Statements of documents that training has other statements of are counted, sliced and told in words."""
    found, text = read(full)
    trained = {example.group for example in read_corpus(data).train}
    shared = [example.group for example in invent(80) if example.group in trained]
    assert found["training"]["n_groups"] == 20
    assert found["training"]["n_groups_also_in_training"] == len(set(shared))
    assert found["training"]["n_statements_of_these_groups"] == len(shared)
    counts = {entry["value"]: entry["n"] for entry in found["slices"]["document"]}
    assert counts == {slices.SEEN: len(shared), slices.UNSEEN: 80 - len(shared)}
    assert f"{len(shared)} of the 80 statements are of documents" in text


def test_prediction_sets_stand_beside_what_they_were_fitted_on(read: Read, full: Path, data: Path) -> None:
    """Coverage of each stance has its interval, and the counts of the calibration and validation splits beside it."""
    found, text = read(full)
    corpus = read_corpus(data)
    for stance in STANCES:
        counts = [sum(e.label == stance for e in split) for split in (corpus.calibration, corpus.validation)]
        coverage = tables.interval(found["measures"][f"coverage_{stance}"])
        assert f"| {stance} | {counts[0]} | {counts[1]} | 0.100 | 20 | {coverage} |" in text


def test_dev_is_told_to_have_chosen_the_recipe(read: Read, full: Path) -> None:
    """A report on the dev set says that the recipe was chosen on it."""
    found, text = read(full)
    assert found["data"]["n_of_dev"] == 80
    assert "The recipe was chosen on the dev set" in text


def test_same_training_data_are_checked_and_not_assumed(run: Run, read: Read, data: Path, tmp_path: Path) -> None:
    """An artifact of the very training examples is said to be comparable; one of others is named in a warning."""
    ours = digest(read_corpus(data).train)
    for name, artifacts in {"same": ["a-5"], "other": ["a-5", "b-4"]}.items():
        assert run(data, tmp_path / name, artifacts=artifacts, trained_on={"a-5": ours, "b-4": "another"}) == 0
    found, text = read(tmp_path / "same")
    assert found["training"]["same_data"] is True
    assert "Warning: not the same training data" not in text
    found, text = read(tmp_path / "other")
    assert (found["training"]["same_data"], found["training"]["trained_on_other_data"]) == (False, ["b-4"])
    assert "Warning: not the same training data" in text


def test_report_is_small(full: Path) -> None:
    """report.json stays under 200 kB, so that it can be committed."""
    assert (full / "report.json").stat().st_size < 200_000


def test_overlap_with_training_is_told(run: Run, read: Read, data: Path, tmp_path: Path) -> None:
    """Measuring on texts that the training split holds too is announced with their number."""
    assert run(data, tmp_path / "report", "--data", str(data / "hydrated" / "record.jsonl")) == 0
    found, text = read(tmp_path / "report")
    assert found["training"]["n_also_in_training"] > 0
    assert f"{found['training']['n_also_in_training']} of these texts are also in the training split" in text


def test_same_data_same_report(run: Run, data: Path, tmp_path: Path) -> None:
    """Two runs write the same bytes, pictures included: a changed report means a changed model or data."""
    for name in ("one", "two"):
        assert run(data, tmp_path / name) == 0
    for path in (tmp_path / "one").iterdir():
        assert path.read_bytes() == (tmp_path / "two" / path.name).read_bytes(), path.name


def test_a_reference_that_is_not_float32_on_a_cpu_is_told(full: Path, read: Read) -> None:
    """On a machine with a GPU the reference engine runs there in another precision, and the report says which."""
    found, _ = read(full)
    found["engines"]["engines"][1] = {"name": "torch", "precision": "bfloat16", "threads": 1, "device": "cuda"}
    text = report.engines(found)
    assert "torch in bfloat16 on cuda" in text
    assert "Not the reference" in text
