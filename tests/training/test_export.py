"""Export: a run becomes an artifact that answers, or nothing that could be loaded; what is there stays till then."""

import json
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import pytest

from models import artifact as artifacts
from models.classifier import StanceClassifier
from models.encoding import IntArray, TextEncoder
from models.engines import EngineInfo, Logits
from models.errors import ArtifactMissing
from models.labels import STANCES, Stance
from models.speech import N_TOKEN_LOGITS
from training import export
from training.examples import Example, read_examples
from training.splits import Split, split_of

Invent = Callable[..., list[Example]]


class CertainEngine:
    """An engine that gives the stance of one token everywhere; never wrong where each text has such a token."""

    info = EngineInfo(name="certain", precision="exact", threads=1, device="cpu")

    def __init__(self, tokens: list[int], *, logit: float) -> None:
        self._tokens, self._logit = tokens, logit

    def forward(self, ids: IntArray, mask: IntArray) -> Logits:
        """The same logit for the stance whose token is in the row, and token logits of zeros."""
        stance = np.stack([(ids == token).any(axis=1) for token in self._tokens], axis=1) * self._logit
        return Logits(stance, np.zeros((*ids.shape, N_TOKEN_LOGITS)))

    def forward_each(self, batches: Iterable[tuple[IntArray, IntArray]]) -> list[Logits]:
        """The logits of each batch."""
        return [self.forward(*batch) for batch in batches]


def run(checkpoint: Path, output: Path, data: Path, *more: str) -> int:
    """The exit status of the program."""
    flags = ["--checkpoint", str(checkpoint), "--output", str(output), "--version", "0.2.0", "--data", str(data)]
    return export.main([*flags, *more])


def content(path: Path) -> dict[str, bytes]:
    """Every file of a folder."""
    return {str(file.relative_to(path)): file.read_bytes() for file in path.rglob("*") if file.is_file()}


@pytest.mark.parametrize("engine", ["openvino", "torch"])
def test_what_is_exported_answers(exported: Path, keywords: dict[Stance, str], engine: str) -> None:
    """The artifact of a fine-tuned model opens on either engine and tells the stances that the run was taught."""
    classifier = StanceClassifier.open(exported, engine=engine, threads=1)
    predictions = classifier.predict([f"We {keywords[stance]} the island 7" for stance in STANCES])
    assert [prediction.stance for prediction in predictions] == list(STANCES)
    for prediction in predictions:
        assert sum(prediction.probabilities.values()) == pytest.approx(1.0)


def test_the_manifest_says_where_it_comes_from(exported: Path, finished_run: Path, tiny_data: Path) -> None:
    """Base, data and configuration are those of the run; the written settings trained on are listed, none held out."""
    manifest = artifacts.load(exported).manifest
    record = json.loads((finished_run / "run.json").read_text(encoding="utf-8"))
    written = list(read_examples(tiny_data / "written.jsonl"))
    assert manifest.model_id == "tiny@0.1.0"
    assert manifest.base == record["base"]
    assert manifest.training == record["config"]
    assert manifest.data["digest"] == record["data"]["digest"]
    assert manifest.data["n_calibration"] == 60
    assert manifest.data["written_groups_trained"] == sorted({e.group for e in written if split_of(e) is Split.TRAIN})
    assert manifest.scores == {}


def test_whoever_serves_may_read_it(exported: Path) -> None:
    """Every file may be read by users other than the one who exported."""
    assert {file.stat().st_mode & 0o444 for file in exported.rglob("*") if file.is_file()} == {0o444}


def test_an_interrupted_export_leaves_nothing_loadable(
    finished_run: Path, tiny_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An export that dies before the decision rule is fitted leaves no manifest anywhere."""

    def die(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(export, "fit_decision", die)
    with pytest.raises(KeyboardInterrupt):
        run(finished_run, tmp_path / "tiny", tiny_data)
    assert not (tmp_path / "tiny").exists()
    left = [path for path in tmp_path.iterdir() if path.is_dir()]
    assert left
    for path in left:
        with pytest.raises(ArtifactMissing):
            artifacts.load(path)


def test_an_old_artifact_is_replaced_only_by_a_whole_one(
    exported: Path, finished_run: Path, tiny_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A failed export leaves the old artifact as it was; the next one replaces it and keeps the card."""
    output = tmp_path / "tiny"
    shutil.copytree(exported, output)
    (output / artifacts.CARD).write_text("A card.\n", encoding="utf-8")
    before = content(output)

    def fail(*_: object, **__: object) -> None:
        raise export.ExportError("disk full")

    with monkeypatch.context() as patched:
        patched.setattr(export, "export_graph", fail)
        assert run(finished_run, output, tiny_data) == 2
    assert content(output) == before
    assert run(finished_run, output, tiny_data) == 0
    assert artifacts.load(output).manifest.model_id == "tiny@0.2.0"
    assert (output / artifacts.CARD).read_text(encoding="utf-8") == "A card.\n"
    assert [path.name for path in tmp_path.iterdir()] == ["tiny"]


@pytest.mark.parametrize("logit", [1.0, -1.0])
def test_a_temperature_at_the_edge_is_refused(
    tiny_base: Path, invent: Invent, keywords: dict[Stance, str], logit: float
) -> None:
    """A model that is always right, or always wrong, on the calibration split is a sign of a broken run."""
    encoder = TextEncoder.from_file(str(tiny_base / "tokenizer.json"), max_tokens=16)
    tokens = [encoder.encode([keywords[stance]])[0].ids[1] for stance in STANCES]
    with pytest.raises(export.ExportError, match="edge of the search range"):
        export.fit_on_calibration(CertainEngine(tokens, logit=logit), encoder, examples=invent(40))


def test_other_data_are_refused(
    finished_run: Path, tiny_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A corpus that is not the one of the run ends in one line, since its splits could mix with what was trained on."""
    data = tmp_path / "data"
    shutil.copytree(tiny_data, data)
    lines = (data / "written.jsonl").read_text(encoding="utf-8").splitlines(keepends=True)
    (data / "written.jsonl").write_text("".join(lines[1:]), encoding="utf-8")
    assert run(finished_run, tmp_path / "tiny", data) == 2
    error = capsys.readouterr().err
    assert error.startswith("export: trained on data of digest ")
    assert error.count("\n") == 1


def test_the_best_run_is_exported(tmp_path: Path) -> None:
    """Of several runs the one with the best validation macro-F1 is taken; one that did not finish is an error."""
    for name, score in (("a", 0.5), ("b", 0.7), ("c", 0.6)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "run.json").write_text(json.dumps({"macro_f1": score}), encoding="utf-8")
    assert export.choose_run([tmp_path / name for name in "abc"]) == tmp_path / "b"
    with pytest.raises(export.ExportError, match="not a finished run"):
        export.choose_run([tmp_path / "a", tmp_path / "d"])
