"""The released artifact: what others load it with, what it weighs, what it says of itself, what int8 costs."""

from pathlib import Path

import numpy as np
import pytest

from models import artifact as artifacts
from models.artifact import Manifest
from models.classifier import StanceClassifier
from models.decision import FloatArray
from models.labels import STANCES
from training.examples import DATA, read_examples
from training.splits import Split, split_of

MIB = 1024 * 1024
MIN_AGREEMENT = 0.97
"""Share of statements on which the int8 graph and the fp32 weights must give the same stance."""
MAX_CHANGE = 0.002
"""The most that a probability may move because of a text's neighbours: int8 sums differ in the last bits by shape."""
EVERY = 4
"""Every so many-th of the held-out statements is asked, to stay quick."""


@pytest.fixture(scope="module")
def manifest(released: Path) -> Manifest:
    """What the released artifact says of itself."""
    return artifacts.load(released).manifest


@pytest.fixture(scope="module")
def statements() -> list[str]:
    """Held-out written statements, which no training saw."""
    written = (example for example in read_examples(DATA / "written.jsonl") if split_of(example) is Split.CONTRAST)
    return [example.text or "" for example in written][::EVERY]


@pytest.fixture(scope="module")
def int8(classifier: StanceClassifier, statements: list[str]) -> FloatArray:
    """The default engine's probabilities. Shapes: [N, L]."""
    return probabilities(classifier, statements)


@pytest.fixture(scope="module")
def reference(released: Path, statements: list[str]) -> FloatArray:
    """The fp32 weights' probabilities. Shapes: [N, L]."""
    pytest.importorskip("transformers")
    return probabilities(StanceClassifier.open(released, engine="torch", threads=1), statements)


def probabilities(classifier: StanceClassifier, texts: list[str]) -> FloatArray:
    """Calibrated probabilities of texts in batches of like length. Shapes: N texts -> [N, L]."""
    return classifier.artifact.decision.probabilities(classifier.logits(classifier.encoder.encode(texts)))


def test_transformers_loads_it(released: Path, statements: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """transformers.pipeline loads the folder offline, gives stances by name, and the logits of the torch engine."""
    transformers = pytest.importorskip("transformers")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    asked = statements[:20]
    pipeline = transformers.pipeline("text-classification", model=str(released), device="cpu", dtype="float32")
    answers = pipeline(asked, top_k=None, function_to_apply="none")
    ours = StanceClassifier.open(released, engine="torch", threads=1)
    logits = ours.logits(ours.encoder.encode(asked))
    for answer, row in zip(answers, logits, strict=True):
        theirs = {item["label"]: item["score"] for item in answer}
        assert set(theirs) == set(map(str, STANCES))
        assert [theirs[str(stance)] for stance in STANCES] == pytest.approx(row.tolist(), abs=1e-3)


def test_it_is_small(released: Path) -> None:
    """The weights take at most 50 MB and the graph for serving 25 MB."""
    graph = [released / artifacts.OPENVINO_GRAPH, released / artifacts.OPENVINO_WEIGHTS]
    assert (released / "model.safetensors").stat().st_size <= 50 * MIB
    assert sum(file.stat().st_size for file in graph) <= 25 * MIB


def test_it_says_where_it_comes_from(manifest: Manifest) -> None:
    """The manifest names base, revision, data and configuration, and the scores that were measured."""
    assert set(manifest.base) == {"id", "revision", "sha256"}
    assert len(manifest.base["revision"]) == 40
    assert len(manifest.base["sha256"]) == len(manifest.data["digest"]) == 64
    assert manifest.data["n_calibration"] > 0
    assert "seed" in manifest.training
    assert manifest.scores
    for scores in manifest.scores.values():
        assert scores["n"] > 0
        assert 0 < scores["macro_f1"]["low"] <= scores["macro_f1"]["value"] <= scores["macro_f1"]["high"] < 1


def test_it_has_a_card(manifest: Manifest) -> None:
    """The model card is part of what the manifest verifies."""
    assert artifacts.CARD in manifest.files


def test_int8_gives_the_stances_of_the_weights(int8: FloatArray, reference: FloatArray) -> None:
    """The int8 graph and the fp32 weights give the same stance to nearly every held-out statement."""
    assert (int8.argmax(axis=1) == reference.argmax(axis=1)).mean() >= MIN_AGREEMENT


def test_int8_does_not_mind_the_neighbours(
    classifier: StanceClassifier, statements: list[str], int8: FloatArray
) -> None:
    """A statement asked alone has the probabilities that it has in a batch, up to rounding."""
    alone = np.concatenate([probabilities(classifier, [text]) for text in statements])
    assert np.abs(alone - int8).max() <= MAX_CHANGE
