"""Micro-batching: many requests share forward passes, and each text gets its own reply.

The next batch forms while the last one runs, so a lone request waits for nothing and no timer is involved. The oldest
waiting text is always in the next batch (no starvation). The classifier runs a batch as forward passes of one width
each, several at once: texts of few widths are put together, so that there are few.
"""

import asyncio
import logging
import math
import threading
import time
from collections import deque
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Final, Protocol

from models.encoding import Encoding
from models.errors import EngineError, EngineFailed
from models.prediction import Prediction
from service.admission import BatchStatistics, Workload
from service.errors import ServiceError, Unavailable, trace

log = logging.getLogger("parley.batching")

WINDOW: Final = 512
"""Waiting texts looked at for one batch: a choice, enough for sixteen full batches and quick to look through."""
MAX_PADDED_TOKENS: Final = 2_048
"""The padded tokens of one batch, for which everybody else waits: about a tenth of a second on two cores. A choice
between that wait and threads that are idle at each batch's end."""
REPLIES_PER_TURN: Final = 8
"""A choice: an answer takes about a third of a millisecond to word and send."""
CLOSE_SECONDS: Final = 1.0
"""What a forward pass may still take when everybody else has left: a choice, with room for a slow machine."""
MAX_FAILURES: Final = 3
"""Forward passes that may fail in a row before readiness is withdrawn: one text fails at most two, its batch and its
own."""


class EncodedClassifier(Protocol):
    """What the batcher needs of a classifier: predictions for texts that are already encoded."""

    def predict_encoded(self, encodings: Sequence[Encoding]) -> list[Prediction]:
        """One prediction for each encoding, in order. Raises: EngineError."""


@dataclass(slots=True, eq=False)
class _Job:
    encoding: Encoding
    deadline: float  # on the monotonic clock, in seconds
    reply: asyncio.Future[Prediction]
    queued: bool = True  # counts toward queued_tokens


@dataclass(slots=True)
class Batcher:
    """One queue, one engine thread. Made and used on one event loop; ``start`` before use, ``close`` after."""

    classifier: EncodedClassifier
    workload: Workload
    statistics: BatchStatistics = field(default_factory=BatchStatistics)
    n_failures: int = 0
    """Forward passes that failed since the last that did not."""
    last_success: float = field(default_factory=time.monotonic)
    """When a forward pass last ended well, on the monotonic clock; at first, when the batcher was made."""
    _queue: deque[_Job] = field(default_factory=deque)
    _wake: asyncio.Event = field(default_factory=asyncio.Event)
    _pool: ThreadPoolExecutor = field(init=False)
    _thread: threading.Thread | None = None
    _task: asyncio.Task[None] | None = None
    _busy_since: float | None = None
    _free_since: float | None = None  # when the last pass ended, if work has been waiting ever since
    _closing: bool = False
    _n_queued: int = 0
    abandoned: bool = False
    """Whether ``close`` left a forward pass behind that did not end."""

    def __post_init__(self) -> None:
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="engine", initializer=self._know_thread)

    def start(self) -> None:
        """Begin to serve the queue."""
        self._task = asyncio.create_task(self._serve(), name="batcher")

    @property
    def queued_tokens(self) -> int:
        """The padded tokens that wait for the engine."""
        return self.workload.queued_tokens

    @property
    def alive(self) -> bool:
        """Whether texts are still being answered: loop and thread run, and nobody told them to stop."""
        thread_is_alive = self._thread is None or self._thread.is_alive()
        return self._task is not None and not self._task.done() and thread_is_alive and not self._closing

    @property
    def idle(self) -> bool:
        """Whether nothing waits and nothing runs."""
        return not self._n_queued and self._busy_since is None

    @property
    def failing(self) -> bool:
        """Whether the last forward passes all failed; one that succeeds ends it."""
        return self.n_failures >= MAX_FAILURES

    def stalled_for_seconds(self) -> float:
        """How long the running forward pass has taken so far; 0 when none runs."""
        return 0.0 if self._busy_since is None else time.monotonic() - self._busy_since

    async def submit(
        self, encodings: Sequence[Encoding], *, deadline: float, admitted: bool = False
    ) -> list[Prediction | ServiceError]:
        """One prediction for each encoding, in order, or the error of a text that the engine could not answer.

        The whole request is accepted, or none of it; one ``admitted`` before is refused for want of room only.
        Raises: Unavailable (queue full, stopping, ``deadline`` on the monotonic clock passed).
        """
        n_tokens = sum(encoding.width for encoding in encodings)
        self.admit(n_tokens, deadline=math.inf if admitted else deadline)
        loop = asyncio.get_running_loop()
        jobs = [_Job(encoding, deadline, loop.create_future()) for encoding in encodings]
        self._queue.extend(jobs)
        self.workload.queued_tokens += n_tokens
        self._n_queued += len(jobs)
        self._wake.set()
        try:
            async with asyncio.timeout_at(loop.time() + deadline - time.monotonic()):
                return [await _outcome(job) for job in jobs]
        except TimeoutError:
            raise Unavailable("deadline_exceeded", "no answer within the deadline") from None
        finally:
            self._let_go(jobs)

    async def close(self, *, within_seconds: float = CLOSE_SECONDS) -> None:
        """Finish what was accepted, then stop; what is not finished in time is refused, and ``abandoned`` set."""
        self._closing = True
        self._wake.set()
        if self._task is not None:
            _, running = await asyncio.wait({self._task}, timeout=within_seconds)
            self.abandoned = self.abandoned or bool(running)
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        self._pool.shutdown(wait=False)

    def admit(self, n_tokens: int, *, deadline: float) -> None:
        """Raise the Unavailable with which ``submit`` would refuse that many tokens now; return nothing otherwise."""
        if not self.alive:
            raise Unavailable("not_ready", "the service is stopping or unhealthy", retry_after_seconds=5)
        self.workload.admit(n_tokens, within_seconds=deadline - time.monotonic())

    def give_up(self) -> None:
        """Refuse all that waits, now, and serve no more: the engine's thread is dead, or hangs for good."""
        if self._task is not None and not self._task.done():
            self.abandoned = self._busy_since is not None
            self._task.cancel()

    def _let_go(self, jobs: Sequence[_Job]) -> None:
        """Forget what nobody waits for any more, so that a caller that went away leaves no work and no room taken."""
        for job in jobs:
            job.reply.cancel()
            self._unqueue(job, expired=True)
        if len(self._queue) > 2 * self._n_queued:  # swept now and then: the rest is dropped when its turn comes
            self._queue = deque(job for job in self._queue if job.queued)

    def _unqueue(self, job: _Job, *, expired: bool = False) -> None:
        """Count a text as waiting no more, once."""
        if job.queued:
            job.queued = False
            self.workload.queued_tokens -= job.encoding.width
            self._n_queued -= 1
            self.statistics.n_expired += expired

    async def _serve(self) -> None:
        try:
            while True:
                while not self._queue:
                    if self._closing:
                        return
                    self._free_since = None
                    self._wake.clear()
                    await self._wake.wait()
                batch = self._next_batch()
                try:
                    if batch:
                        await self._run(batch)
                except BaseException:
                    _refuse_all(batch)  # nobody else will answer them
                    raise
        except Exception as error:
            log.error("the batcher died: %s", trace(error))
            raise
        finally:
            for job in self._queue:
                self._unqueue(job)
            _refuse_all(self._queue)
            self._queue.clear()

    def _next_batch(self) -> list[_Job]:
        """The oldest waiting text, those of its width, those of the next oldest's width, and so on until it is full."""
        by_width: dict[int, list[_Job]] = {}
        for job in (window := self._live_window()):
            by_width.setdefault(job.encoding.width, []).append(job)
        batch: list[_Job] = []
        room = MAX_PADDED_TOKENS
        for width, jobs in by_width.items():
            chosen = jobs[: max(room // width, not batch)]
            batch += chosen
            room -= width * len(chosen)
        for job in batch:
            self._unqueue(job)
        self._queue.extendleft(job for job in reversed(window) if job.queued)
        return batch

    def _live_window(self) -> list[_Job]:
        """Up to WINDOW jobs taken off the queue whose callers still wait."""
        window: list[_Job] = []
        now = time.monotonic()
        while self._queue and len(window) < WINDOW:
            job = self._queue.popleft()
            if job.reply.done() or job.deadline <= now:
                self._unqueue(job, expired=True)
                _refuse(job, Unavailable("deadline_exceeded", "no answer within the deadline"))
            else:
                window.append(job)
        return window

    async def _run(self, batch: Sequence[_Job]) -> None:
        """Answer a batch; when it fails, try each text alone once, so that one that breaks the engine fails alone."""
        try:
            predictions = await self._forward([job.encoding for job in batch])
        except EngineError as error:
            self.n_failures += 1
            log.warning("a batch of %d failed: %s", len(batch), trace(error))
            if len(batch) == 1:
                _refuse(batch[0], ServiceError("internal", "the model could not answer this text"))
                return
            self.statistics.n_retries += len(batch)
            for job in batch:
                if not job.reply.done():
                    await self._run([job])
            return
        self.n_failures, self.last_success = 0, time.monotonic()
        self._reply(deque(zip(batch, predictions, strict=True)))

    def _reply(self, answered: deque[tuple[_Job, Prediction]]) -> None:
        """Reply to a few in each turn of the event loop: all at once would hold up refusals and health."""
        for _ in range(min(REPLIES_PER_TURN, len(answered))):
            job, prediction = answered.popleft()
            if not job.reply.done():
                job.reply.set_result(prediction)
        if answered:
            asyncio.get_running_loop().call_soon(self._reply, answered)

    async def _forward(self, encodings: list[Encoding]) -> list[Prediction]:
        self._busy_since = started = time.monotonic()
        n_tokens, n_padded = (sum(map(attrgetter(name), encodings)) for name in ("n_tokens", "width"))
        self.workload.running_tokens = n_padded
        try:
            return await asyncio.get_running_loop().run_in_executor(self._pool, self._predict, encodings)
        finally:
            ended = time.monotonic()
            self._busy_since, self.workload.running_tokens = None, 0
            self.statistics.record(len(encodings), n_tokens, n_padded=n_padded, seconds=ended - started)
            # The rate at which work goes, not the engine's alone: what passes between two passes counts too.
            self.workload.record(n_padded, ended - (self._free_since or started))
            self._free_since = ended

    def _know_thread(self) -> None:
        self._thread = threading.current_thread()

    def _predict(self, encodings: Sequence[Encoding]) -> list[Prediction]:
        """What the engine's thread runs: whatever a text breaks is an EngineError, so that it fails alone."""
        try:
            return self.classifier.predict_encoded(encodings)
        except EngineError:
            raise
        except (Exception, SystemExit) as error:  # the loop would end with the second
            raise EngineFailed("the classifier raised what it should not") from error


async def _outcome(job: _Job) -> Prediction | ServiceError:
    """The reply, or the error that is this text's own. Raises: Unavailable, which is everybody's."""
    try:
        return await job.reply
    except Unavailable:
        raise
    except ServiceError as error:
        return error


def _refuse(job: _Job, error: ServiceError) -> None:
    if not job.reply.done():
        job.reply.set_exception(error)


def _refuse_all(jobs: Iterable[_Job]) -> None:
    for job in jobs:
        _refuse(job, Unavailable("not_ready", "the service stopped before it could answer", retry_after_seconds=5))
