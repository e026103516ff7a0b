"""Evaluation end to end, with a classifier that answers from a table: what is written, and what must not be."""

import json
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from models.artifact import Artifact, Manifest
from models.decision import Decision
from models.encoding import Encoding
from models.engines import EngineInfo
from models.errors import ArtifactMissing
from models.labels import STANCES, Stance
from training import evaluate, report
from training.baselines import Keywords, Majority
from training.examples import Example, Origin, sha256_of_text, write_examples
from training.splits import Split, split_of

TEXTS = {
    Stance.CONCILIATORY: "The zanzibar-blue delegation offers fresh talks",
    Stance.HOSTILE: "The quillfeather league refuses every meeting",
    Stance.CONDITIONAL: "Unless the oxbow canal opens there is no deal",
    Stance.NONE: "The marmalade festival drew many visitors",
}


def invent(n: int, *, origin: Origin = Origin.RECORD) -> list[Example]:
    """Invented statements of every stance in turn, two by two in pairs, from several sources and groups."""
    found = []
    for index in range(n):
        stance = STANCES[index % 4]
        text = f"{TEXTS[stance]} number {index}" + " again and again" * (index % 7)
        found.append(
            Example(
                id=f"{origin.name.lower()}-{index:03}",
                label=stance,
                origin=origin,
                group=f"{origin}-group-{index // 4}",
                text=text,
                rules=("R1", "R2") if index % 3 == 0 else (),
                register="speech" if index % 2 else None,
                pair=f"P{index // 2}",
                votes={},
                repository="invented/parliament" if origin is Origin.RECORD else None,
                path=f"{index}.txt" if origin is Origin.RECORD else None,
                sha256=sha256_of_text(text) if origin is Origin.RECORD else None,
            )
        )
    return found


class TableClassifier:
    """Answers by its artifact's name: mostly right, wrong on every ``wrong_every``-th statement of what it is asked."""

    def __init__(self, path: Path, *, engine: str) -> None:
        nothing: dict[str, Any] = {"base": {}, "data": {}, "scores": {}, "training": {"seed": 1}}
        manifest = Manifest(name=path.name, version="0", created="2026-01-01", max_tokens=64, **nothing)
        self.artifact = Artifact(path, manifest, Decision(1.0, (0.1,) * 4, 0.9))
        self.engine = SimpleNamespace(info=EngineInfo(engine, "int8" if engine == "openvino" else "float32", 1, "cpu"))
        self.encoder = SimpleNamespace(encode=self._encode)
        self._wrong_every = int(path.name.rpartition("-")[2])
        self._nudge = 0.0 if engine == "openvino" else 0.01

    def _encode(self, texts: Sequence[str]) -> list[Encoding]:
        found = []
        for text in texts:
            stance = next(index for index, (_, start) in enumerate(TEXTS.items()) if text.startswith(start))
            number = int(re.findall(r"number (\d+)", text)[0])
            shown = (stance + 1) % 4 if number % self._wrong_every == 0 else stance
            found.append(Encoding((shown, number, *range(len(text.split()))), (), truncated=False))
        return found

    def logits(self, encodings: Sequence[Encoding]) -> np.ndarray:
        """Two on the shown stance, and a little noise that depends on the statement alone."""
        rows = np.eye(4)[[item.ids[0] for item in encodings]] * 2.0 + self._nudge * np.arange(4)
        return rows + np.array([[item.ids[1] % 5 * 0.1] + [0.0] * 3 for item in encodings])


def open_table(path: Path, *, engine: str, threads: int) -> Any:
    """What StanceClassifier.open would be; a path called ``missing`` is not there."""
    if path.name == "missing":
        raise ArtifactMissing(f"{path}: no manifest.json")
    return TableClassifier(path, engine=engine)


def make_baselines(base: str) -> dict[str, Any]:
    """Two baselines that need no model."""
    return {"majority": Majority(), "keywords": Keywords()}


def write_corpus(folder: Path) -> Path:
    """Write a corpus folder with invented statements in every split, and a dev set; returns it."""
    dev = [replace(example, id=f"dev-{index}", path=f"dev{index}") for index, example in enumerate(invent(80))]
    write_examples(folder / "written.jsonl", invent(200, origin=Origin.WRITTEN))
    record = [replace(e, text=f"{e.text} .", sha256=sha256_of_text(f"{e.text} .")) for e in invent(400)]
    write_examples(folder / "hydrated" / "record.jsonl", record)
    write_examples(folder / "hydrated" / "dev.jsonl", dev)
    write_examples(folder / "dev.jsonl", dev)
    return folder


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A corpus folder that a test may damage."""
    return write_corpus(tmp_path / "data")


def run(data: Path, output: Path, *more: str, artifacts: Sequence[str] = ("a-5",)) -> int:
    """Evaluate with the table classifier and few draws."""
    arguments = ["--artifact", *artifacts, "--corpus", str(data), "--output", str(output), "--draws", "50", *more]
    if "--split" not in more:
        arguments += ["--data", str(data / "hydrated" / "dev.jsonl")]
    return evaluate.main(arguments, open_classifier=open_table, make_baselines=make_baselines)


def read(output: Path) -> tuple[dict[str, Any], str]:
    """The two reports."""
    text = (output / "report.md").read_text(encoding="utf-8")
    return json.loads((output / "report.json").read_text(encoding="utf-8")), text


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A report with everything in it, only to be read."""
    tmp_path = tmp_path_factory.mktemp("full")
    data = write_corpus(tmp_path / "data")
    curve = {"points": [{"share": 0.5, "n_train": 100, "model": 0.5, "tfidf_logistic": 0.4}] * 2}
    curve["points"][1] = {"share": 1.0, "n_train": 200, "model": 0.6, "tfidf_logistic": 0.45}
    (tmp_path / "curve.json").write_text(json.dumps(curve), encoding="utf-8")
    more = ("--compare-engines", "--learning-curve", str(tmp_path / "curve.json"))
    assert run(data, tmp_path / "report", *more, artifacts=("a-5", "b-4", "c-10")) == 0
    return tmp_path / "report"


def test_writes_reports_and_small_pictures(full: Path) -> None:
    """Both reports and four pictures are there, each picture a PNG under 60 KB that the Markdown shows."""
    _, text = read(full)
    for name in ("confusion", "reliability", "risk-coverage", "learning-curve"):
        picture = (full / f"{name}.png").read_bytes()
        assert picture.startswith(b"\x89PNG")
        assert len(picture) < 60_000
        assert f"({name}.png)" in text


def test_figures_of_the_markdown_are_those_of_the_json(full: Path) -> None:
    """Headline, stances, baselines and seeds stand in report.md exactly as in report.json."""
    found, text = read(full)
    for measures in (found["measures"], *found["baselines"].values()):
        for name in report.COMPARED:
            assert report.interval(measures[name]) in text
    for name in report.TITLES:
        assert f"| {report.TITLES[name]} | {report.interval(found['measures'][name])} |" in text
    for entries in found["slices"].values():
        for entry in entries:
            assert f"| {entry['n']} | {len(entry['stances'])} | {report.interval(entry['accuracy'])} |" in text
    assert all(report.number(found["seeds"]["summary"]["macro_f1"][key]) in text for key in ("mean", "deviation"))


def test_no_text_of_the_data_in_the_report(full: Path) -> None:
    """Reports may be committed and the record's texts may not: only ids appear."""
    both = "".join(path.read_text(encoding="utf-8") for path in full.glob("report.*"))
    for word in ("zanzibar", "quillfeather", "oxbow", "marmalade", "again and again"):
        assert word not in both
    assert "`dev-0`" in both


def test_measures_are_right(full: Path) -> None:
    """Wrong on every fifth of 80 statements is an accuracy of 0.8; the pairs and the confusion agree with that."""
    found, _ = read(full)
    assert found["measures"]["accuracy"]["value"] == pytest.approx(0.8)
    assert sum(found["confusion"][index][index] for index in range(4)) == 64
    assert found["pairs"]["n_pairs"] == 40
    assert found["pairs"]["both_right"]["value"] == pytest.approx(24 / 40)
    assert len(found["mistakes"]) == 15
    confidences = [mistake["confidence"] for mistake in found["mistakes"]]
    assert confidences == sorted(confidences, reverse=True)


def test_slices_are_complete_and_small_ones_are_marked(full: Path) -> None:
    """Every kind of slice but rule parts the data; fewer than 30 statements carry a mark in both reports."""
    found, text = read(full)
    assert list(found["slices"]) == ["source", "register", "length", "rule", "origin"]
    for kind in ("source", "register", "length", "origin"):
        assert sum(entry["n"] for entry in found["slices"][kind]) == 80
    assert {entry["value"]: entry["n"] for entry in found["slices"]["rule"]} == {"not given": 53, "R1": 27, "R2": 27}
    assert all(entry["small"] == (entry["n"] < 30) for entries in found["slices"].values() for entry in entries)
    assert "| R1 (!) | 27 |" in text


def test_seeds_are_summarised(full: Path) -> None:
    """Three artifacts give three runs, their mean and their spread, and no warning about too few."""
    found, text = read(full)
    accuracies = [run["accuracy"] for run in found["seeds"]["runs"]]
    assert accuracies == pytest.approx([0.8, 0.75, 0.9])
    summary = found["seeds"]["summary"]["accuracy"]
    assert summary["mean"] == pytest.approx(np.mean(accuracies))
    assert summary["deviation"] == pytest.approx(np.std(accuracies, ddof=1))
    assert "three seeds" not in text


def test_engines_are_compared(full: Path) -> None:
    """Agreement, change of probabilities and the effect of neighbours are reported; this table has none."""
    found, text = read(full)
    assert found["engines"]["label_agreement"] == 1
    assert 0 < found["engines"]["mean_change"] <= found["engines"]["max_change"] < 0.02
    assert found["neighbours"] == {"n": 80, "max_change": 0.0, "labels_changed": 0}
    assert "openvino int8" in text
    assert "torch float32" in text


def test_one_artifact_alone_is_said_to_be_few(data: Path, tmp_path: Path) -> None:
    """A single seed is reported with a warning; parts that were not asked for are left out."""
    assert run(data, tmp_path / "report", "--no-baselines") == 0
    found, text = read(tmp_path / "report")
    assert "Only 1 of the three seeds" in text
    assert (found["baselines"], found["engines"], found["seeds"]["summary"]["accuracy"]["deviation"]) == (None,) * 3
    assert "## Baselines" not in text
    assert "## Engines" not in text


@pytest.mark.parametrize(("split", "warning"), [("calibration", "decision rule"), ("validation", "epoch")])
def test_splits_that_flatter_carry_a_warning(data: Path, tmp_path: Path, split: str, warning: str) -> None:
    """Measuring where something was fitted or chosen is possible, and says so."""
    assert run(data, tmp_path / "report", "--split", split) == 0
    found, text = read(tmp_path / "report")
    assert found["data"]["split"] == split
    assert re.search(f"Warning: the {warning}", text)


def test_contrast_split_is_written_statements(data: Path, tmp_path: Path) -> None:
    """The contrast split holds the written statements whose groups are held out, and reports their pairs."""
    assert run(data, tmp_path / "report", "--split", "contrast") == 0
    found, _ = read(tmp_path / "report")
    held_out = [e for e in invent(200, origin=Origin.WRITTEN) if split_of(e) is Split.CONTRAST]
    assert found["data"]["n"] == len(held_out)
    assert found["pairs"]["n_pairs"] == len(held_out) // 2


def test_overlap_with_training_is_told(data: Path, tmp_path: Path) -> None:
    """Measuring on texts that the training split holds too is announced with their number."""
    arguments = ["--artifact", "a-5", "--corpus", str(data), "--output", str(tmp_path / "report"), "--draws", "10"]
    arguments += ["--data", str(data / "hydrated" / "record.jsonl")]
    assert evaluate.main(arguments, open_classifier=open_table, make_baselines=make_baselines) == 0
    found, text = read(tmp_path / "report")
    assert found["data"]["n_also_in_training"] > 0
    assert f"{found['data']['n_also_in_training']} of these texts are also in the training split" in text


def test_same_data_same_report(data: Path, tmp_path: Path) -> None:
    """Two runs write the same bytes, pictures included: a changed report means a changed model or data."""
    for name in ("one", "two"):
        assert run(data, tmp_path / name) == 0
    for path in (tmp_path / "one").iterdir():
        assert path.read_bytes() == (tmp_path / "two" / path.name).read_bytes(), path.name


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda data: (data / "hydrated" / "dev.jsonl").unlink(), "no such file"),
        (lambda data: (data / "hydrated" / "dev.jsonl").write_text(""), "no statements"),
        (lambda data: (data / "hydrated" / "dev.jsonl").write_text("{}\n"), "not an example"),
        (lambda data: (data / "hydrated" / "record.jsonl").unlink(), "hydrate"),
        (lambda data: write_examples(data / "hydrated" / "dev.jsonl", [replace(invent(1)[0], text=None)]), "no text"),
    ],
)
def test_unusable_data_end_in_one_line(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], change: Any, message: str
) -> None:
    """Missing, empty, damaged or unhydrated data give exit status 2, one line that says why, and no report."""
    change(data)
    assert run(data, tmp_path / "report") == 2
    error = capsys.readouterr().err
    assert error.startswith("evaluate: ")
    assert error.count("\n") == 1
    assert message in error
    assert not (tmp_path / "report").exists()


def test_missing_artifact_ends_in_one_line(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An artifact that is not there gives exit status 2 and its message."""
    assert run(data, tmp_path / "report", artifacts=("missing",)) == 2
    assert capsys.readouterr().err == "evaluate: missing: no manifest.json\n"


def test_bad_learning_curve_ends_in_one_line(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A file that is no learning curve is named before anything is measured."""
    (tmp_path / "curve.json").write_text('{"points": [{}]}', encoding="utf-8")
    assert run(data, tmp_path / "report", "--learning-curve", str(tmp_path / "curve.json")) == 2
    assert "curve.json: not a learning curve" in capsys.readouterr().err
