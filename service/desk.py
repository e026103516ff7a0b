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

    classifier: Rollover
    batcher: Batcher
    settings: Settings
    metrics: Metrics
    allowance: Allowance
    aside: Aside = field(default_factory=Aside)
    turn: Turn = field(default_factory=Turn)

    async def answer(
        self, texts: Sequence[str], *, deadline: float, expectation: Expectation, visit: Visit
    ) -> list[StanceAnswer | ServiceError]:
        """One answer for each text, in order, or the error of a text that breaks the engine; the texts are checked.

        One model answers all of them, though another may take its place meanwhile. Raises: Unavailable.
        """
        expectation.end()  # from here on the request is counted exactly
        model = self.classifier.current
        least = self._least_tokens(texts)
        padded = sum(-(-n_tokens // WIDTH_STEP) * WIDTH_STEP for n_tokens in least)
        self.batcher.admit(padded, deadline=deadline)
        self.allowance.check(visit.key, sum(least))
        preparing = Expectation(self.batcher.workload, padded)
        try:
            with visit.stage("encode"):
                encodings, languages = await self._prepared(texts, deadline, model)
        finally:
            preparing.end()
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
            predictions = await self.batcher.submit(encodings, deadline=deadline, admitted=True)
        except Unavailable as error:
            if error.kind.code in UNTOUCHED:
                self.allowance.give_back(key, n_tokens)
            raise
        if key:
            self.metrics.key_tokens.labels(key).inc(n_tokens)
        return predictions

    async def _prepared(
        self, texts: Sequence[str], deadline: float, model: StanceClassifier
    ) -> tuple[list[Encoding], list[ForeignLanguage | None]]:
        """What ``_prepare`` gives. Of many small requests a few are prepared in each turn of the event loop: the
        engine's next batch, refusals and health wait for the turn to end.
        """
        size = sum(map(len, texts))
        if size > INLINE_CHARS:
            return await self.aside(size, deadline, self._prepare, model, texts)
        async with self.turn.lock:
            if time.monotonic() > deadline:
                raise Unavailable("deadline_exceeded", "no answer within the deadline")
            prepared = self._prepare(model, texts)
            if self.batcher.queued_tokens and time.monotonic() > self.turn.ends_at:
                await asyncio.sleep(0)
                self.turn.ends_at = time.monotonic() + TURN_SECONDS
            return prepared

    def check(self, text: str) -> None:
        """Raise the TextError that says why this text cannot be answered."""
        check(text, max_chars=self.settings.max_text_chars)

    def _least_tokens(self, texts: Sequence[str]) -> list[int]:
        """What each of these texts has at least: a token for each word, as far as the model reads."""
        max_tokens = self.classifier.current.artifact.manifest.max_tokens
        return [min(len(text.split(maxsplit=max_tokens)), max_tokens) for text in texts]

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
