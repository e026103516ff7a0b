"""The composition of the ground floor: texts in, predictions out."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final, Self

import numpy as np

from models import artifact as artifacts
from models.artifact import Artifact
from models.conditions import ConditionSpan, find_conditions
from models.decision import FloatArray
from models.encoding import Encoding, TextEncoder, pad, plan_batches
from models.engines import Engine, open_engine
from models.labels import STANCES, Stance
from models.prediction import Prediction, TokenEvidence
from models.speech import N_TOKEN_LOGITS
from models.text import check

MAX_BATCH: Final = 16
MAX_PADDED_TOKENS: Final = 512
"""Rows x longest row of one forward pass; bounds memory. 16 statements of 32 tokens, or two of the longest: larger
batches are no quicker on a CPU. Source: docs/log.md, "Shapes"."""
NEIGHBOUR_EPSILON: Final = 0.002
"""The most that a probability may move with the other texts of a batch: int8 sums differ in the last bits by shape."""


def forward_all(engine: Engine, encodings: Sequence[Encoding]) -> tuple[FloatArray, list[FloatArray]]:
    """All heads' logits of all texts, in as many forward passes as memory asks for.

    Shapes: B encodings -> [B, L] and B arrays [n_tokens, K]. Raises: EngineFailed.
    """
    stance = np.zeros((len(encodings), len(STANCES)), dtype=np.float32)
    tokens: list[FloatArray] = [np.empty((0, N_TOKEN_LOGITS), dtype=np.float32)] * len(encodings)
    widths = [encoding.width for encoding in encodings]
    plan = plan_batches(widths, max_batch=MAX_BATCH, max_padded_tokens=MAX_PADDED_TOKENS)
    plan.sort(key=lambda batch: -len(batch) * widths[batch[0]])  # the longest first, so that threads end together
    done = engine.forward_each(pad([encodings[index] for index in batch]) for batch in plan)
    for batch, logits in zip(plan, done, strict=True):
        stance[batch] = logits.stance
        for index, row in zip(batch, logits.tokens, strict=True):
            tokens[index] = row[: encodings[index].n_tokens]
    return stance, tokens


class StanceClassifier:
    """An encoder, an engine and a decision rule of one artifact. The engine is not shared between threads by itself."""

    def __init__(self, artifact: Artifact, engine: Engine) -> None:
        self.artifact = artifact
        self.engine = engine
        tokenizer = str(artifact.file(artifacts.TOKENIZER))
        self.encoder = TextEncoder.from_file(tokenizer, max_tokens=artifact.manifest.max_tokens)

    @classmethod
    def open(cls, path: Path, *, engine: str = "openvino", threads: int = 0) -> Self:
        """The classifier of a model directory, verified. Raises: ArtifactError, EngineUnavailable."""
        artifact = artifacts.load(path)
        return cls(artifact, open_engine(engine, artifact, threads=threads))

    def predict(self, texts: Sequence[str]) -> list[Prediction]:
        """One prediction for each text, in the order given. Raises: TextError, EngineFailed."""
        for text in texts:
            check(text)
        encodings = self.encoder.encode(texts)
        return self.predict_encoded(encodings)

    def predict_encoded(self, encodings: Sequence[Encoding]) -> list[Prediction]:
        """One prediction for each encoding, in order, in as many forward passes as memory asks for."""
        logits, tokens = self.forward(encodings)
        probabilities = self.artifact.decision.probabilities(logits)
        decided = self.artifact.decision.decide(probabilities)
        rows = zip(probabilities.tolist(), decided, tokens, encodings, strict=True)
        return [_prediction(*row) for row in rows]

    def forward(self, encodings: Sequence[Encoding]) -> tuple[FloatArray, list[FloatArray]]:
        """All heads' logits, before calibration. Shapes: B encodings -> [B, L], B x [n_tokens, K]. See forward_all."""
        return forward_all(self.engine, encodings)

    def logits(self, encodings: Sequence[Encoding]) -> FloatArray:
        """The stance's logits, before calibration. Shapes: B encodings -> [B, L]. Raises: EngineFailed."""
        return self.forward(encodings)[0]

    def warm_up(self) -> None:
        """Run a short and a long forward pass, so that the first caller does not pay for compilation."""
        self.predict(["The parties will meet.", "The parties will meet again. " * 200])


def _prediction(
    probabilities: Sequence[float],
    decided: tuple[Stance, tuple[Stance, ...]],
    token_logits: FloatArray,
    encoding: Encoding,
) -> Prediction:
    stance, members = decided
    by_name = dict(zip(STANCES, probabilities, strict=True))
    conditions: tuple[ConditionSpan, ...] = ()
    if stance is Stance.CONDITIONAL:
        conditions = find_conditions(token_logits, encoding.offsets, text=encoding.text)
    evidence = TokenEvidence(encoding, token_logits)
    return Prediction(stance, by_name, members, encoding.truncated, encoding.n_tokens, conditions, evidence)
