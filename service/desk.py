"""What the classification routes share: texts are checked, encoded and submitted here, and the answers worded."""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, ParamSpec, TypeVar

from models.classifier import StanceClassifier
from models.encoding import Encoding
from models.language import ForeignLanguage, foreign_language
from models.prediction import Prediction
from models.text import check
from service.allowance import UNTOUCHED, Allowance
from service.batching import Batcher
from service.errors import ServiceError, Unavailable
from service.rollover import Rollover
from service.schemas import StanceAnswer
from service.settings import Settings
from service.telemetry import Metrics, Visit

Result = TypeVar("Result")
Arguments = ParamSpec("Arguments")

INLINE_CHARS: Final = 4_000
"""Up to here work on a text is quicker than handing it to a thread and back."""


async def aside(
    size: int, work: Callable[Arguments, Result], *args: Arguments.args, **kwargs: Arguments.kwargs
) -> Result:
    """What ``work`` returns: run here when its input is small, in a thread when it would hold up everybody else."""
    return work(*args, **kwargs) if size <= INLINE_CHARS else await asyncio.to_thread(work, *args, **kwargs)


@dataclass(frozen=True, slots=True)
class Desk:
    """What the routes share: checks, encodes and submits texts, and words the answers."""

    classifier: Rollover
    batcher: Batcher
    settings: Settings
    metrics: Metrics
    allowance: Allowance

    async def answer(self, texts: Sequence[str], *, visit: Visit) -> list[StanceAnswer | ServiceError]:
        """One answer for each text, in order, or the error of a text that breaks the engine; the texts are checked.

        One model answers all of them, though another may take its place meanwhile. Raises: Unavailable.
        """
        deadline = time.monotonic() + self.settings.deadline_seconds
        model = self.classifier.current
        least = self._least_tokens(texts)
        self.batcher.admit(least)  # before the work of encoding; submit asks again, exactly
        self.allowance.check(visit.key, least)
        with visit.stage("encode"):
            encodings, languages = await aside(sum(map(len, texts)), self._prepare, model, texts)
        predictions = await self._submit(encodings, deadline=deadline, key=visit.key)
        with visit.stage("respond"):
            return [self._word(*pair, model) for pair in zip(predictions, languages, strict=True)]

    async def _submit(
        self, encodings: Sequence[Encoding], *, deadline: float, key: str | None
    ) -> list[Prediction | ServiceError]:
        """What the batcher gives, on the account of this key. Raises: Unavailable."""
        n_tokens = sum(encoding.n_tokens for encoding in encodings)
        self.allowance.take(key, n_tokens)
        try:
            predictions = await self.batcher.submit(encodings, deadline=deadline)
        except Unavailable as error:
            if error.kind.code in UNTOUCHED:
                self.allowance.give_back(key, n_tokens)
            raise
        if key:
            self.metrics.key_tokens.labels(key).inc(n_tokens)
        return predictions

    def check(self, text: str) -> None:
        """Raise the TextError that says why this text cannot be answered."""
        check(text, max_chars=self.settings.max_text_chars)

    def _least_tokens(self, texts: Sequence[str]) -> int:
        """What these texts have at least: a token for each word, as far as the model reads."""
        max_tokens = self.classifier.current.artifact.manifest.max_tokens
        return sum(min(len(text.split(maxsplit=max_tokens)), max_tokens) for text in texts)

    def _prepare(
        self, model: StanceClassifier, texts: Sequence[str]
    ) -> tuple[list[Encoding], list[ForeignLanguage | None]]:
        return self.classifier.encode(texts, model), [foreign_language(text) for text in texts]

    def _word(
        self, prediction: Prediction | ServiceError, language: ForeignLanguage | None, model: StanceClassifier
    ) -> StanceAnswer | ServiceError:
        if isinstance(prediction, ServiceError):
            return prediction
        self.metrics.stances.labels(prediction.stance).inc()
        manifest = model.artifact.manifest
        return StanceAnswer.of(prediction, language=language, model=manifest.model_id, codebook=manifest.codebook)
