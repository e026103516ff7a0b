"""Whole articles through the queue that single statements go through: in pieces, so that nobody waits for a long one.

An article is admitted as a whole or not at all. Then a few of its pieces at a time stand in the queue, behind what
others have put there meanwhile; a piece that finds the queue full waits for room, as the work before would be lost.
"""

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

from models.analysis import Analysis, assemble
from models.classifier import StanceClassifier
from models.encoding import Encoding
from models.language import ForeignLanguage, foreign_language
from models.prediction import Prediction
from models.segmentation import Segment, segment
from models.text import check
from service.desk import Desk
from service.errors import BadRequest, ServiceError, Unavailable
from service.telemetry import Visit

MAX_ANALYSES: Final = 8
"""Articles answered at a time; each holds a few MB of statements, and more would only take one another's time."""
PIECE_TOKENS: Final = 1_024
"""Padded tokens of one piece, as expected: half of what the batcher runs at once, so that others fit beside it."""
PIECES_AHEAD: Final = 3
"""Pieces of one article in the queue at a time: one that runs, one that is next, one that is being made."""
ROOM_SECONDS: Final = 0.05
"""How long a piece waits before it looks for room again: about half a batch."""
LANGUAGE_CHARS: Final = 2_000
"""Of an article, to tell its language from."""

Outcome = Prediction | ServiceError


@dataclass(frozen=True, slots=True)
class Plan:
    """An article cut into statements, and what they will cost."""

    text: str
    segments: tuple[Segment, ...]
    n_tokens: tuple[int, ...]  # padded, as expected by the words of each statement
    n_words: int
    language: ForeignLanguage | None
    model: StanceClassifier

    def pieces(self) -> Iterator[slice]:
        """The statements in pieces of about PIECE_TOKENS, in order."""
        start, size = 0, 0
        for index, n in enumerate(self.n_tokens):
            if size and size + n > PIECE_TOKENS:
                yield slice(start, index)
                start, size = index, 0
            size += n
        yield slice(start, len(self.n_tokens))


@dataclass(slots=True)
class Analyst:
    """Reads articles: plans them, has their statements classified, and puts together what was found."""

    desk: Desk
    n_running: int = 0
    n_waiting_tokens: int = 0
    """Padded tokens of admitted articles that are not in the queue yet, as expected."""

    async def plan(self, text: str, *, deadline: float, visit: Visit) -> Plan:
        """The article in statements. Raises: TextError, BadRequest for too many of them, Unavailable."""
        with visit.stage("encode"):
            return await self.desk.aside(len(text), deadline, self._plan, text)

    @asynccontextmanager
    async def admitted(self, plan: Plan, *, deadline: float, visit: Visit) -> AsyncIterator[None]:
        """Hold a place for the article while what is inside runs. Raises: Unavailable, before anything was done."""
        n_tokens, key = sum(plan.n_tokens), visit.key
        if self.n_running >= MAX_ANALYSES:
            wait = max(1, round(self.desk.batcher.workload.wait_seconds(self.n_waiting_tokens)))
            message = f"{MAX_ANALYSES} articles are being read already; try again in {wait} seconds"
            raise Unavailable("overloaded", message, retry_after_seconds=wait)
        self.desk.batcher.admit(n_tokens + self.n_waiting_tokens, deadline=deadline)
        self.desk.allowance.take(key, plan.n_words)
        self.n_running += 1
        self.n_waiting_tokens += n_tokens
        try:
            yield
        finally:
            self.n_running -= 1
            self.n_waiting_tokens -= n_tokens

    async def outcomes(self, plan: Plan, *, deadline: float, visit: Visit) -> AsyncIterator[list[Outcome]]:
        """What the model says of the statements, piece after piece, in order. Raises: Unavailable."""
        under_way: deque[asyncio.Task[list[Outcome]]] = deque()
        try:
            for piece in plan.pieces():
                under_way.append(asyncio.create_task(self._answer(plan, piece, deadline=deadline, visit=visit)))
                if len(under_way) == PIECES_AHEAD:
                    yield await under_way.popleft()
            while under_way:
                yield await under_way.popleft()
        finally:
            for task in under_way:
                task.cancel()
            await asyncio.gather(*under_way, return_exceptions=True)

    async def put_together(self, plan: Plan, outcomes: Sequence[Outcome], *, deadline: float, visit: Visit) -> Analysis:
        """Who says what, given the outcome of each statement. One that failed counts for nobody."""
        with visit.stage("respond"):
            return await self.desk.aside(len(plan.text), deadline, _assembled, plan, outcomes)

    def _plan(self, text: str) -> Plan:
        check(text, max_chars=self.desk.settings.max_article_chars)
        segments = segment(text)
        limit = self.desk.settings.max_article_statements
        if len(segments) > limit:
            message = f"the text has {len(segments):,} statements; at most {limit:,} are allowed"
            raise BadRequest("too_many_statements", message)
        n_words = self.desk.count_words([text[one.start : one.end] for one in segments])
        n_tokens = tuple(self.desk.expected_tokens([n]) for n in n_words)
        language = foreign_language(text[:LANGUAGE_CHARS])
        return Plan(text, segments, n_tokens, sum(n_words), language, self.desk.classifier.current)

    async def _answer(self, plan: Plan, piece: slice, *, deadline: float, visit: Visit) -> list[Outcome]:
        """The outcomes of one piece, encoded and queued in its turn."""
        texts = [plan.text[one.start : one.end] for one in plan.segments[piece]]
        with visit.stage("encode"):
            size = sum(map(len, texts))
            encodings = await self.desk.aside(size, deadline, self.desk.classifier.encode, texts, plan.model)
        n_tokens = sum(encoding.n_tokens for encoding in encodings)
        n_words = sum(self.desk.count_words(texts))
        self.desk.allowance.give_back(visit.key, n_words - n_tokens)  # what was taken before by words, put right
        if visit.key:
            self.desk.metrics.key_tokens.labels(visit.key).inc(n_tokens)
        outcomes = await self._submit(encodings, deadline)
        for outcome in outcomes:
            if isinstance(outcome, Prediction):
                self.desk.metrics.stances.labels(outcome.stance).inc()
        return outcomes

    async def _submit(self, encodings: Sequence[Encoding], deadline: float) -> list[Outcome]:
        """What the batcher gives, as soon as the queue has room for it. Raises: Unavailable."""
        n_tokens = sum(encoding.width for encoding in encodings)
        workload = self.desk.batcher.workload
        while True:
            while workload.waiting_tokens and workload.waiting_tokens + n_tokens > workload.max_queued_tokens:
                if time.monotonic() > deadline:
                    raise Unavailable("deadline_exceeded", "no answer within the deadline")
                await asyncio.sleep(ROOM_SECONDS)
            try:
                return await self.desk.batcher.submit(encodings, deadline=deadline, admitted=True)
            except Unavailable as error:
                if error.kind.code != "overloaded":  # which is that of somebody who was quicker
                    raise


def _assembled(plan: Plan, outcomes: Sequence[Outcome]) -> Analysis:
    good = [isinstance(outcome, Prediction) for outcome in outcomes]
    segments = [one for one, is_good in zip(plan.segments, good, strict=True) if is_good]
    return assemble(plan.text, segments, [outcome for outcome in outcomes if isinstance(outcome, Prediction)])
