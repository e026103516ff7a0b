"""What the classification routes share: texts are checked, encoded and submitted here, and the answers worded."""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, ParamSpec, TypeVar

from models.classifier import StanceClassifier
from models.encoding import WIDTH_STEP, Encoding
from models.language import ForeignLanguage, foreign_language
from models.prediction import Prediction
from models.text import check
from service.admission import Expectation
from service.batching import Batcher
from service.errors import ServiceError, Unavailable
from service.schemas import StanceAnswer
from service.settings import Settings
from service.telemetry import Metrics

Result = TypeVar("Result")
Arguments = ParamSpec("Arguments")

INLINE_CHARS: Final = 4_000
"""Up to here work on a text is quicker than handing it to a thread and back."""
TOKENS_PER_WORD: Final = 1.25
"""Measured on the statements written for this project: 1.24."""
N_MARKERS: Final = 2
TURN_SECONDS: Final = 0.02
"""What small requests may take of the event loop at a time: half of the 50 ms within which a refusal is promised."""
HEAVY_CHARS: Final = 65_536
"""From here on one piece of work at a time: a body of small objects takes twenty times its size while it is read, and
the tokeniser reads all of a text before it cuts it. Source: docs/proofs.md, R11."""


@dataclass(frozen=True, slots=True)
class Aside:
    """Where work is done so that it holds up nobody else: here, in a thread, or in a thread after other heavy work."""

    heavy: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def __call__(
        self,
        size: int,
        deadline: float,
        work: Callable[Arguments, Result],
        /,
        *args: Arguments.args,
        **kwargs: Arguments.kwargs,
    ) -> Result:
        """What ``work`` returns, for an input of that many characters or bytes. Raises: Unavailable."""
        if size <= INLINE_CHARS:
            return work(*args, **kwargs)
        if size <= HEAVY_CHARS:
            return await asyncio.to_thread(work, *args, **kwargs)
        try:
            async with asyncio.timeout(max(0.0, deadline - time.monotonic())):
                await self.heavy.acquire()
        except TimeoutError:
            raise Unavailable("deadline_exceeded", "no answer within the deadline") from None
        running = asyncio.ensure_future(asyncio.to_thread(work, *args, **kwargs))
        running.add_done_callback(lambda _: self.heavy.release())  # also where the caller is gone and nobody waits
        return await asyncio.shield(running)


@dataclass(slots=True)
class Turn:
    """Whose turn it is to prepare a small request, and until when before others have theirs."""

    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    ends_at: float = 0.0


@dataclass(frozen=True, slots=True)
class Desk:
    """What the routes share: checks, encodes and submits texts, and words the answers."""

    classifier: StanceClassifier
    batcher: Batcher
    settings: Settings
    metrics: Metrics
    aside: Aside = field(default_factory=Aside)
    turn: Turn = field(default_factory=Turn)

    async def answer(
        self, texts: Sequence[str], *, deadline: float, expectation: Expectation
    ) -> list[StanceAnswer | ServiceError]:
        """One answer for each text, in order, or the error of a text that breaks the engine; the texts are checked.

        Raises: Unavailable.
        """
        expectation.end()  # from here on the request is counted exactly
        n_tokens = self._expected_tokens(texts)
        self.batcher.admit(n_tokens, deadline=deadline)
        preparing = Expectation(self.batcher.workload, n_tokens)
        try:
            encodings, languages = await self._prepared(texts, deadline)
        finally:
            preparing.end()
        predictions = await self.batcher.submit(encodings, deadline=deadline, admitted=True)
        return [self._word(*pair) for pair in zip(predictions, languages, strict=True)]

    async def _prepared(
        self, texts: Sequence[str], deadline: float
    ) -> tuple[list[Encoding], list[ForeignLanguage | None]]:
        """What ``_prepare`` gives. Of many small requests a few are prepared in each turn of the event loop: the
        engine's next batch, refusals and health wait for the turn to end.
        """
        size = sum(map(len, texts))
        if size > INLINE_CHARS:
            return await self.aside(size, deadline, self._prepare, texts)
        async with self.turn.lock:
            if time.monotonic() > deadline:
                raise Unavailable("deadline_exceeded", "no answer within the deadline")
            prepared = self._prepare(texts)
            if self.batcher.queued_tokens and time.monotonic() > self.turn.ends_at:
                await asyncio.sleep(0)
                self.turn.ends_at = time.monotonic() + TURN_SECONDS
            return prepared

    def check(self, text: str) -> None:
        """Raise the TextError that says why this text cannot be answered."""
        check(text, max_chars=self.settings.max_text_chars)

    def _expected_tokens(self, texts: Sequence[str]) -> int:
        """What these texts will have, padded, by their words; they are not encoded yet."""
        max_tokens = self.classifier.artifact.manifest.max_tokens
        n_words = (len(text.split(maxsplit=max_tokens)) for text in texts)
        n_tokens = (min(int(n * TOKENS_PER_WORD) + N_MARKERS, max_tokens) for n in n_words)
        return sum(-(-n // WIDTH_STEP) * WIDTH_STEP for n in n_tokens)

    def _prepare(self, texts: Sequence[str]) -> tuple[list[Encoding], list[ForeignLanguage | None]]:
        return self.classifier.encoder.encode(texts), [foreign_language(text) for text in texts]

    def _word(
        self, prediction: Prediction | ServiceError, language: ForeignLanguage | None
    ) -> StanceAnswer | ServiceError:
        if isinstance(prediction, ServiceError):
            return prediction
        self.metrics.stances.labels(prediction.stance).inc()
        manifest = self.classifier.artifact.manifest
        return StanceAnswer.of(prediction, language=language, model=manifest.model_id, codebook=manifest.codebook)
