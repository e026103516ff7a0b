"""Engines: shapes, independence of the batch, repeatable answers, and honest errors where a package is missing."""

import os
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from models import artifact as artifacts
from models.artifact import Artifact
from models.classifier import NEIGHBOUR_EPSILON, StanceClassifier
from models.encoding import Encoding, pad
from models.engines import ENGINES, Engine, open_engine, usable_cores
from models.engines.openvino import OpenVinoEngine
from models.errors import ArtifactCorrupt, ArtifactMissing, EngineFailed, EngineUnavailable
from models.labels import STANCES

LONG = "The two delegations met again in the old town hall, and the clerk read out the last minutes. " * 12
STATEMENTS = [
    "We are ready to talk at any time, without preconditions.",
    "There will be no negotiations with them, not now and not ever.",
    "We will return to the table only if the blockade is lifted.",
    "The press briefing starts at nine in the east wing.",
    "The rebels walked out of the talks and tore up the ceasefire agreement.",
    "The company welcomed the mediator's proposal and accepted it in full.",
]


class BrokenRequest:
    """An OpenVINO request whose pass raises, as it starts or as it ends; the real one takes any shape."""

    def __init__(self, fails: str) -> None:
        self.fails = fails

    def start_async(self, inputs: object) -> None:
        """Nothing, or RuntimeError."""
        if self.fails == "start":
            raise RuntimeError("out of memory")

    def wait(self) -> None:
        """Nothing; raises RuntimeError."""
        raise RuntimeError("out of memory")


@pytest.fixture(scope="module")
def opened(released: Path) -> Artifact:
    """The released artifact, verified."""
    return artifacts.load(released)


@pytest.fixture(scope="module")
def torch_engine(opened: Artifact) -> Engine:
    """The reference engine over the released artifact. Skipped where torch, which serving does without, is absent."""
    pytest.importorskip("torch")
    pytest.importorskip("transformers")
    return open_engine("torch", opened, threads=1)


@pytest.fixture
def no_package(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    """A function that makes a package and its engine look as if they were never installed or imported."""

    def hide(package: str) -> None:
        monkeypatch.setitem(sys.modules, package, None)
        monkeypatch.delitem(sys.modules, f"models.engines.{package}", raising=False)

    return hide


def probabilities(classifier: StanceClassifier, encodings: list[Encoding]) -> np.ndarray:
    """Calibrated probabilities of one forward pass. Shapes: B encodings -> [B, L]."""
    return classifier.artifact.decision.probabilities(classifier.engine.forward(*pad(encodings)).stance)


@pytest.mark.parametrize(("rows", "width"), [(1, 3), (1, 40), (5, 17), (32, 64)])
def test_openvino_gives_a_row_for_each_text(classifier: StanceClassifier, rows: int, width: int) -> None:
    """Any number of rows of any width gives as many rows of finite logits, one for each stance."""
    logits = classifier.engine.forward(np.full((rows, width), 2_000), np.ones((rows, width), dtype=np.int64)).stance
    assert logits.shape == (rows, len(STANCES))
    assert np.isfinite(logits).all()


@pytest.mark.parametrize("text", STATEMENTS)
def test_openvino_does_not_mind_the_neighbours(classifier: StanceClassifier, text: str) -> None:
    """A text alone and the same text among 31 long ones have the same probabilities, up to rounding."""
    encoding, long = classifier.encoder.encode([text, LONG])
    decision = classifier.artifact.decision
    alone = decision.probabilities(classifier.logits([encoding]))
    among = decision.probabilities(classifier.logits([long] * 15 + [encoding] + [long] * 16))
    assert np.abs(alone[0] - among[15]).max() <= NEIGHBOUR_EPSILON


def test_openvino_is_repeatable(classifier: StanceClassifier) -> None:
    """The same batch twice gives the same logits to the last bit, and the first answer is not overwritten."""
    batch = pad(classifier.encoder.encode(STATEMENTS))
    first = classifier.engine.forward(*batch).stance
    kept = first.copy()
    other = classifier.engine.forward(*pad(classifier.encoder.encode([LONG] * len(STATEMENTS)))).stance
    np.testing.assert_array_equal(first, kept)
    assert not np.array_equal(first, other)
    np.testing.assert_array_equal(classifier.engine.forward(*batch).stance, kept)


def test_batches_that_run_at_once_come_back_in_order(classifier: StanceClassifier) -> None:
    """More batches than requests in flight, of all widths, give the same bits as one after the other."""
    batches = [pad(classifier.encoder.encode([LONG[: 40 * n]] * (1 + n % 3))) for n in range(1, 20)]
    together = classifier.engine.forward_each(batches)
    for batch, logits in zip(batches, together, strict=True):
        np.testing.assert_array_equal(logits.stance, classifier.engine.forward(*batch).stance)


def test_the_number_of_threads_changes_no_answer(opened: Artifact, classifier: StanceClassifier) -> None:
    """One thread and several give the same bits."""
    batch = pad(classifier.encoder.encode(STATEMENTS))
    alone = open_engine("openvino", opened, threads=1).forward(*batch).stance
    np.testing.assert_array_equal(alone, open_engine("openvino", opened, threads=2).forward(*batch).stance)


@pytest.mark.parametrize("threads", [1, 2])
def test_openvino_says_what_it_is(opened: Artifact, threads: int) -> None:
    """The engine names itself, its precision and the threads that it was given."""
    info = open_engine("openvino", opened, threads=threads).info
    assert (info.name, info.precision, info.threads, info.device) == ("openvino", "int8", threads, "cpu")


def test_zero_threads_are_all_of_them(opened: Artifact) -> None:
    """No number of threads means one for each core that this process may use, and the number is said."""
    assert open_engine("openvino", opened, threads=0).info.threads == usable_cores()


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="the system does not tell")
def test_cores_that_may_not_be_used_do_not_count() -> None:
    """A process that is bound to one core has one, however many the machine has."""
    cores = os.sched_getaffinity(0)
    try:
        os.sched_setaffinity(0, {min(cores)})
        assert usable_cores() == 1
    finally:
        os.sched_setaffinity(0, cores)


def test_the_graph_is_int8(opened: Artifact) -> None:
    """The graph holds 8-bit weights: what the engine says of its precision is true of the file."""
    graph = opened.file(artifacts.OPENVINO_GRAPH).read_text(encoding="utf-8")
    assert 'element_type="i8"' in graph or 'element_type="u8"' in graph


def test_openvino_refuses_impossible_threads(opened: Artifact) -> None:
    """Settings that OpenVINO refuses raise EngineUnavailable."""
    with pytest.raises(EngineUnavailable):
        open_engine("openvino", opened, threads=-1)


@pytest.mark.parametrize("fails", ["start", "end"])
def test_a_failed_pass_is_an_engine_failure(opened: Artifact, fails: str) -> None:
    """An error of OpenVINO's during a pass raises EngineFailed, with the batch's shape and none of its content."""
    engine = OpenVinoEngine.of_artifact(opened, threads=1)
    while not engine._idle.empty():
        engine._idle.get()
    engine._idle.put(BrokenRequest(fails))
    with pytest.raises(EngineFailed, match=r"^forward pass of shape \(3, 7\) failed$"):
        engine.forward(np.full((3, 7), 1_234), np.ones((3, 7), dtype=np.int64))
    assert engine._idle.qsize() == 1  # the next call finds it


def test_callers_at_once_share_the_engine(classifier: StanceClassifier) -> None:
    """Several threads on one engine, with more batches than there are requests, each get their own logits."""
    batches = [pad(classifier.encoder.encode([LONG[: 40 * n]] * (1 + n % 3))) for n in range(1, 20)]
    wanted = [logits.stance for logits in classifier.engine.forward_each(batches)]
    orders = [batches, batches[::-1], batches[7:] + batches[:7]]
    with ThreadPoolExecutor(len(orders)) as threads:
        answers = list(threads.map(classifier.engine.forward_each, orders, timeout=300))
    for given, answer in zip((wanted, wanted[::-1], wanted[7:] + wanted[:7]), answers, strict=True):
        for one, other in zip(given, answer, strict=True):
            np.testing.assert_array_equal(one, other.stance)


@pytest.mark.parametrize("name", ["", "OpenVINO", "onnx", "models.engines.torch"])
def test_an_unknown_engine_is_unavailable(tiny: Path, name: str) -> None:
    """An engine that does not exist raises EngineUnavailable, which names those that do."""
    with pytest.raises(EngineUnavailable, match=", ".join(ENGINES)):
        open_engine(name, artifacts.load(tiny), threads=1)


@pytest.mark.parametrize(("name", "package"), [("openvino", "openvino"), ("torch", "torch")])
def test_a_missing_package_makes_an_engine_unavailable(
    tiny: Path, no_package: Callable[[str], None], name: str, package: str
) -> None:
    """Without its package an engine is unavailable, and the message says which package to install."""
    no_package(package)
    with pytest.raises(EngineUnavailable, match=f"package that is not installed: {package}"):
        open_engine(name, artifacts.load(tiny), threads=1)


@pytest.mark.parametrize("name", ["openvino/model.xml", "openvino/model.bin"])
def test_openvino_runs_verified_files_only(tiny: Path, name: str) -> None:
    """A graph or its weights that the manifest does not name are not run, even where the file is there."""
    content = (tiny / name).read_bytes()
    (tiny / name).unlink()
    artifacts.seal(tiny, artifacts.Manifest.from_json((tiny / artifacts.MANIFEST).read_text()))
    (tiny / name).write_bytes(content)
    with pytest.raises(ArtifactMissing, match=name):
        open_engine("openvino", artifacts.load(tiny), threads=1)


def test_a_sealed_graph_that_is_none_is_unavailable(tiny: Path) -> None:
    """A graph with the right hash that OpenVINO cannot compile raises EngineUnavailable."""
    with pytest.raises(EngineUnavailable, match=artifacts.OPENVINO_GRAPH):
        open_engine("openvino", artifacts.load(tiny), threads=1)


def test_sealed_weights_that_are_none_are_corrupt(tiny: Path, torch_engine: Engine) -> None:
    """Weights with the right hash that cannot be read raise ArtifactCorrupt."""
    manifest = artifacts.load(tiny).manifest
    (tiny / "config.json").write_text('{"model_type": "bert"}', encoding="utf-8")
    (tiny / artifacts.CONDITION_HEAD).write_bytes(bytes(64))
    artifacts.seal(tiny, manifest)
    with pytest.raises(ArtifactCorrupt, match="safetensors"):
        open_engine("torch", artifacts.load(tiny), threads=1)


def test_torch_takes_no_unknown_token(torch_engine: Engine) -> None:
    """A token id beyond the vocabulary raises EngineFailed."""
    with pytest.raises(EngineFailed):
        torch_engine.forward(np.full((1, 4), 10**6), np.ones((1, 4), dtype=np.int64))


def test_torch_agrees_with_openvino(classifier: StanceClassifier, torch_engine: Engine) -> None:
    """On clear statements the reference engine and the int8 graph give the same stances and close probabilities."""
    encodings = classifier.encoder.encode(STATEMENTS)
    decision = classifier.artifact.decision
    int8 = probabilities(classifier, encodings)
    reference = decision.probabilities(torch_engine.forward(*pad(encodings)).stance)
    assert int8.argmax(axis=-1).tolist() == reference.argmax(axis=-1).tolist()
    assert np.abs(int8 - reference).mean() <= 0.02
