"""Averaging runs: the mean of their weights as one run more, and a refusal of runs that are not of one recipe."""

import json
import shutil
from pathlib import Path

import pytest
from safetensors.numpy import load_file, save_file

from training import average, export


def other_seed(run: Path, folder: Path, *, shift: float, **config: object) -> Path:
    """A copy of a run with another seed, its classification bias shifted, and its configuration changed as said."""
    copy = Path(shutil.copytree(run, folder, ignore=shutil.ignore_patterns("checkpoints")))
    weights = load_file(copy / "model.safetensors")
    weights["classifier.bias"] = weights["classifier.bias"] + shift
    save_file(weights, copy / "model.safetensors", metadata={"format": "pt"})
    record = json.loads((copy / "run.json").read_text(encoding="utf-8"))
    record["config"] |= {"seed": 99, **config}
    (copy / "run.json").write_text(json.dumps(record), encoding="utf-8")
    return copy


def test_the_average_is_the_mean_of_the_weights(finished_run: Path, tiny_data: Path, tmp_path: Path) -> None:
    """Each weight is the mean of the runs' weights, and the run's record names the seeds and a measured score."""
    other = other_seed(finished_run, tmp_path / "other", shift=1.0)
    score = average.average([finished_run, other], tmp_path / "average", data=tiny_data)
    one, mean = load_file(finished_run / "model.safetensors"), load_file(tmp_path / "average" / "model.safetensors")
    assert mean["classifier.bias"] == pytest.approx(one["classifier.bias"] + 0.5)
    assert mean["classifier.weight"] == pytest.approx(one["classifier.weight"])
    record = export.read_run(tmp_path / "average")
    assert record["averaged_seeds"] == [export.read_run(finished_run)["config"]["seed"], 99]
    assert record["macro_f1"] == score
    assert 0 <= score <= 1


def test_a_score_is_that_of_the_run_itself(finished_run: Path, tiny_data: Path, tmp_path: Path) -> None:
    """The average of a run with itself scores on validation what finetune measured of it."""
    score = average.average([finished_run, finished_run], tmp_path / "average", data=tiny_data)
    assert score == pytest.approx(export.read_run(finished_run)["macro_f1"], abs=0.02)


def test_runs_of_other_recipes_are_refused(
    finished_run: Path, tiny_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Runs that differ in more than their seed are not averaged, nothing is written, and one line says why."""
    other = other_seed(finished_run, tmp_path / "other", shift=0.0, epochs=77)
    flags = ["--checkpoint", str(finished_run), str(other), "--output", str(tmp_path / "average")]
    assert average.main([*flags, "--data", str(tiny_data)]) == 2
    assert "more than their seed" in capsys.readouterr().err
    assert not (tmp_path / "average").exists()
