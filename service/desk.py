"""What the classification routes share: texts are checked, encoded and submitted here, and the answers worded."""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, ParamSpec, TypeVar

from models.classifier import StanceClassifier
from models.encoding import WIDTH_STEP, Encoding
from models.explanation import contributions, occlude
from models.language import ForeignLanguage, foreign_language
from models.prediction import Prediction
from models.text import check
from service.admission import Expectation, expected
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
TOKENS_PER_WORD: Final = 1.25
"""Measured on the statements written for this project: 1.24."""
N_MARKERS: Final = 2
TURN_SECONDS: Final = 0.005
"""What small requests may take of the event loop at a time: a tenth of the 50 ms within which a refusal is promised."""
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
        encodings, languages = await self._prepared(texts, model, deadline=deadline, visit=visit)
        predictions = await self._submit(encodings, deadline=deadline, key=visit.key)
        with visit.stage("respond"):
            return [self._word(*pair, model) for pair in zip(predictions, languages, strict=True)]

    async def explain(self, text: str, *, deadline: float, expectation: Expectation, visit: Visit) -> StanceAnswer:
        """The answer for one checked text, with its explanation. What remains without each group is one text more.

        Room is asked for all of them at first. The text goes ahead of them: one that breaks the engine would otherwise
        break it once for each group. Raises: Unavailable; ServiceError where any of them breaks the engine.
        """
        expectation.end()
        model = self.classifier.current
        (encoding,), (language,) = await self._prepared([text], model, deadline=deadline, visit=visit)
        with visit.stage("encode"):
            groups, remainders = await self._in_turn(len(text), deadline, occlude, text, encoding)
            size = sum(map(len, remainders))
            encodings = await self._in_turn(size, deadline, self.classifier.encode, remainders, model)
        n_others = sum(one.width for one in encodings)
        self.batcher.admit(encoding.width + n_others, deadline=deadline)
        self.allowance.check(visit.key, sum(one.n_tokens for one in (encoding, *encodings)))
        # Others come after all of it; but what is larger than the whole queue must not be in its own way.
        room = max(0, self.settings.max_queued_tokens - encoding.width)
        with expected(self.batcher.workload, min(n_others, room)):
            (whole,) = map(_good, await self._submit([encoding], deadline=deadline, key=visit.key))
        others = [_good(other) for other in await self._submit(encodings, deadline=deadline, key=visit.key)]
        with visit.stage("respond"):
            answer = _good(self._word(whole, language, model))
            return answer.explained(contributions(text, groups, whole=whole, remainders=others))

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
        self, texts: Sequence[str], model: StanceClassifier, *, deadline: float, visit: Visit
    ) -> tuple[list[Encoding], list[ForeignLanguage | None]]:
        """What ``_prepare`` gives for texts that are likely to be answered in time. Raises: Unavailable."""
        n_words = self.count_words(texts)
        n_tokens = self.expected_tokens(n_words)
        self.batcher.admit(n_tokens, deadline=deadline)
        self.allowance.check(visit.key, sum(n_words))  # a token for each word at least; exactly once it is encoded
        with expected(self.batcher.workload, n_tokens), visit.stage("encode"):
            return await self._in_turn(sum(map(len, texts)), deadline, self._prepare, model, texts)

    async def _in_turn(
        self,
        size: int,
        deadline: float,
        work: Callable[Arguments, Result],
        /,
        *args: Arguments.args,
        **kwargs: Arguments.kwargs,
    ) -> Result:
        """What ``work`` returns. Of many small requests a few are prepared in each turn of the event loop: the engine's
        next batch, refusals and health wait for the turn to end. Raises: Unavailable.
        """
        if size > INLINE_CHARS:
            return await self.aside(size, deadline, work, *args, **kwargs)
        async with self.turn.lock:
            if time.monotonic() > deadline:
                raise Unavailable("deadline_exceeded", "no answer within the deadline")
            done = work(*args, **kwargs)
            if self.batcher.queued_tokens and time.monotonic() > self.turn.ends_at:
                await asyncio.sleep(0)
                self.turn.ends_at = time.monotonic() + TURN_SECONDS
            return done

    def check(self, text: str) -> None:
        """Raise the TextError that says why this text cannot be answered."""
        check(text, max_chars=self.settings.max_text_chars)

    def count_words(self, texts: Sequence[str]) -> list[int]:
        """The words of each text, as far as the model can read; they are not encoded yet."""
        max_tokens = self.classifier.current.artifact.manifest.max_tokens
        return [min(len(text.split(maxsplit=max_tokens)), max_tokens) for text in texts]

    def expected_tokens(self, n_words: Sequence[int]) -> int:
        """What texts of so many words will have, padded."""
        max_tokens = self.classifier.current.artifact.manifest.max_tokens
        n_tokens = (min(int(n * TOKENS_PER_WORD) + N_MARKERS, max_tokens) for n in n_words)
        return sum(-(-n // WIDTH_STEP) * WIDTH_STEP for n in n_tokens)

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


def _good(outcome: Result | ServiceError) -> Result:
    """The outcome of a text, unless it is the error of that text, which is raised."""
    if isinstance(outcome, ServiceError):
        raise outcome
    return outcome
