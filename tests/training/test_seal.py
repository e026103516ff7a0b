"""Sealing again: an edited card and measured scores enter the manifest; a changed model does not."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from models import artifact as artifacts
from training import seal

ESTIMATE = {"value": 0.7, "low": 0.6, "high": 0.8}


@pytest.fixture
def artifact(exported: Path, tmp_path: Path) -> Path:
    """An artifact of one's own."""
    return Path(shutil.copytree(exported, tmp_path / "tiny"))


def write_report(artifact: Path, name: str = "report.json", **fields: Any) -> Path:
    """Write a report about the artifact as training.evaluate does; ``fields`` replace parts of it."""
    report = {
        "data": {"name": "dev.jsonl", "n": 298, "digest": "d" * 64},
        "model": {"digest": artifacts.load(artifact).manifest.digest},
        "measures": dict.fromkeys((*seal.MEASURES, "brier"), ESTIMATE),
        "seeds": {"runs": [{}], "summary": {}},
    }
    path = artifact.parent / name
    path.write_text(json.dumps({**report, **fields}), encoding="utf-8")
    return path


def test_an_edited_card_is_sealed(artifact: Path) -> None:
    """A new or edited card is refused before and verified after, and nothing else of the manifest changes."""
    before = artifacts.load(artifact).manifest
    for text in ("A card.\n", "A better card.\n"):
        (artifact / artifacts.CARD).write_text(text, encoding="utf-8")
        assert seal.main([str(artifact)]) == 0
        after = artifacts.load(artifact).manifest
        assert artifacts.CARD in after.files
        assert {**after.files, artifacts.CARD: ""} == {**before.files, artifacts.CARD: ""}
        assert (after.created, after.data, after.scores) == (before.created, before.data, before.scores)


@pytest.mark.parametrize("name", ["config.json", "openvino/model.bin", "decision.json", "new.txt"])
def test_a_changed_model_is_not_sealed(artifact: Path, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Any file but the card that was changed or added keeps its old manifest, and the message names it."""
    before = (artifact / artifacts.MANIFEST).read_bytes()
    with (artifact / name).open("ab") as file:
        file.write(b" ")
    assert seal.main([str(artifact)]) == 2
    assert name in capsys.readouterr().err
    assert (artifact / artifacts.MANIFEST).read_bytes() == before


def test_scores_enter_the_manifest(artifact: Path) -> None:
    """Scores stand under the name of what was measured on, with intervals, and leave the digest as it was."""
    before = artifacts.load(artifact).manifest
    means = {name: {"mean": 0.6, "deviation": 0.01, "min": 0.5, "max": 0.7} for name in seal.MEASURES}
    dev = write_report(artifact, "dev.json", seeds={"runs": [{}, {}, {}], "summary": means})
    contrast = write_report(artifact, "contrast.json", data={"name": "split contrast", "n": 8, "digest": "e"})
    assert seal.main([str(artifact), "--scores", str(dev), str(contrast)]) == 0
    after = artifacts.load(artifact).manifest
    assert after.digest == before.digest
    assert set(after.scores) == {"dev.jsonl", "split contrast"}
    scores = after.scores["dev.jsonl"]
    assert (scores["n"], scores["macro_f1"], scores["f1_hostile"], scores["ece"]) == (298, ESTIMATE, ESTIMATE, ESTIMATE)
    assert scores["seeds"]["n"] == 3
    assert scores["seeds"]["macro_f1"] == {"mean": 0.6, "deviation": 0.01}
    assert "seeds" not in after.scores["split contrast"]


def test_scores_survive_an_edit_of_the_card(artifact: Path) -> None:
    """A card that is edited after the scores were entered is sealed with them."""
    assert seal.main([str(artifact), "--scores", str(write_report(artifact))]) == 0
    (artifact / artifacts.CARD).write_text("0.7\n", encoding="utf-8")
    assert seal.main([str(artifact)]) == 0
    assert artifacts.load(artifact).manifest.scores["dev.jsonl"]["macro_f1"] == ESTIMATE


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"model": {"digest": "f" * 64}}, "another artifact"),
        ({"measures": {}}, "not a report"),
        ({"data": None}, "not a report"),
    ],
)
def test_other_reports_are_refused(
    artifact: Path, fields: dict[str, Any], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A report about another artifact, or no report at all, ends in one line and changes nothing."""
    before = (artifact / artifacts.MANIFEST).read_bytes()
    assert seal.main([str(artifact), "--scores", str(write_report(artifact, **fields))]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
    assert (artifact / artifacts.MANIFEST).read_bytes() == before


def test_a_folder_without_a_manifest_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What was never sealed is not sealed here: only an export knows what it is."""
    assert seal.main([str(tmp_path)]) == 2
    assert "no manifest.json" in capsys.readouterr().err
