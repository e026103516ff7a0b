"""The composition: order kept whatever the lengths, one prediction for each text, errors before any inference."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from models import artifact as artifacts
from models.classifier import MAX_BATCH, MAX_PADDED_TOKENS, StanceClassifier
from models.encoding import IntArray
from models.engines import EngineInfo, Logits
from models.errors import ArtifactMissing, EmptyText, EngineFailed, EngineUnavailable, TextTooLong, UnreadableText
from models.labels import STANCES
from models.speech import N_TOKEN_LOGITS
from models.text import MAX_TEXT_CHARS


class EchoEngine:
    """An engine whose logits depend on a row's tokens alone, and which notes the shapes that it was given."""

    info = EngineInfo(name="echo", precision="exact", threads=1, device="cpu")

    def __init__(self) -> None:
        self.shapes: list[tuple[int, ...]] = []

    def forward(self, ids: IntArray, mask: IntArray) -> Logits:
        """Pseudo-random stance logits, seeded by the sum and the number of a row's ids; token logits from the ids."""
        self.shapes.append(ids.shape)
        assert ids.shape == mask.shape
        seeds = zip(ids.sum(axis=1), mask.sum(axis=1), strict=True)
        stance = np.stack([np.random.default_rng(seed).normal(size=len(STANCES)) for seed in seeds])
        return Logits(stance, np.repeat(ids[:, :, None], N_TOKEN_LOGITS, axis=2).astype(np.float32))

    def forward_each(self, batches: Iterable[tuple[IntArray, IntArray]]) -> list[Logits]:
        """The logits of each batch."""
        return [self.forward(*batch) for batch in batches]


class FailingEngine(EchoEngine):
    """An engine whose every forward pass fails."""

    def forward(self, ids: IntArray, mask: IntArray) -> Logits:
        """Nothing; raises EngineFailed."""
        raise EngineFailed("forward pass failed")


@pytest.fixture
def engine() -> EchoEngine:
    """An engine without a model."""
    return EchoEngine()


@pytest.fixture
def classifier(tiny: Path, engine: EchoEngine) -> StanceClassifier:
    """A classifier over the small artifact and the engine without a model."""
    return StanceClassifier(artifacts.load(tiny), engine)


def statements(lengths: Sequence[int]) -> list[str]:
    """Different texts of so many words each."""
    return [f"{index} " + "talk " * length for index, length in enumerate(lengths)]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])  # the engine keeps nothing that an answer needs
@given(lengths=st.lists(st.integers(0, 30), max_size=90))
def test_order_is_kept(classifier: StanceClassifier, lengths: list[int]) -> None:
    """Texts of mixed lengths are run in batches of like length, and come back in the order in which they were given."""
    texts = statements(lengths)
    assert classifier.predict(texts) == [classifier.predict([text])[0] for text in texts]


def test_no_texts_give_no_predictions(classifier: StanceClassifier, engine: EchoEngine) -> None:
    """An empty list is answered with an empty list, without a forward pass."""
    assert classifier.predict([]) == []
    assert engine.shapes == []


def test_batches_stay_within_memory(classifier: StanceClassifier, engine: EchoEngine) -> None:
    """Any number of texts runs in forward passes of at most so many rows and padded tokens."""
    classifier.predict(statements([n % 20 for n in range(300)]))
    assert sum(rows for rows, _ in engine.shapes) == 300
    assert all(rows <= MAX_BATCH and rows * width <= MAX_PADDED_TOKENS for rows, width in engine.shapes)


def test_a_prediction_is_complete(classifier: StanceClassifier) -> None:
    """Each prediction has a probability for each stance, summing to 1, the likeliest as stance, and plain floats."""
    for prediction in classifier.predict(statements(range(20))):
        assert tuple(prediction.probabilities) == STANCES
        assert all(type(p) is float for p in prediction.probabilities.values())
        assert sum(prediction.probabilities.values()) == pytest.approx(1)
        assert prediction.confidence == max(prediction.probabilities.values())
        assert prediction.prediction_set[0] is prediction.stance


def test_truncation_reaches_the_caller(classifier: StanceClassifier) -> None:
    """A text longer than the model reads is answered, and its prediction says that it was cut and what was read."""
    short, long = classifier.predict(["we talk", "talk " * 40])
    assert (short.truncated, short.n_tokens) == (False, 4)
    assert (long.truncated, long.n_tokens) == (True, 16)


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("", EmptyText),
        ("a" * (MAX_TEXT_CHARS + 1), TextTooLong),
        ("a\x00", UnreadableText),
        ("\ud800a", UnreadableText),
    ],
    ids=["empty", "long", "NUL", "surrogate"],
)
def test_one_bad_text_stops_all_before_inference(
    classifier: StanceClassifier, engine: EchoEngine, text: str, error: type[Exception]
) -> None:
    """A text that cannot be answered raises its error before any other text has cost a forward pass."""
    with pytest.raises(error):
        classifier.predict(["we talk", text])
    assert engine.shapes == []


def test_an_engines_failure_is_the_callers_to_see(tiny: Path) -> None:
    """A failed forward pass raises EngineFailed; no made-up prediction takes its place."""
    with pytest.raises(EngineFailed):
        StanceClassifier(artifacts.load(tiny), FailingEngine()).predict(["we talk"])


def test_warm_up_runs_a_short_and_a_long_pass(classifier: StanceClassifier, engine: EchoEngine) -> None:
    """Warming up takes the engine to the longest text that the model reads, and through a second, shorter one."""
    classifier.warm_up()
    assert sum(rows for rows, _ in engine.shapes) >= 2
    assert max(width for _, width in engine.shapes) == classifier.artifact.manifest.max_tokens


def test_open_refuses_what_is_not_there(tmp_path: Path, tiny: Path) -> None:
    """Opening a directory without an artifact, or with an unknown engine, raises our errors."""
    with pytest.raises(ArtifactMissing):
        StanceClassifier.open(tmp_path / "nowhere")
    with pytest.raises(EngineUnavailable, match="abacus"):
        StanceClassifier.open(tiny, engine="abacus")
