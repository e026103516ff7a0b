"""The watchdog: whether the engine answers, asked with a canary when nobody else asks, and when to give up on it.

What hangs, fails or is dead shows in ``trouble`` and so in /health/ready, until an answer ends it: a canary's, or
anybody's where a canary only went without one. Where none comes for ``hang_seconds`` the watchdog gives up: everybody
who waits is refused, and service.__main__ ends.
"""

import asyncio
import logging
import time
from typing import Final

from models.classifier import NEIGHBOUR_EPSILON
from models.prediction import Prediction
from service.batching import Batcher
from service.errors import Unavailable, trace
from service.rollover import Rollover

log = logging.getLogger("parley.watchdog")

TICK_SECONDS: Final = 0.25
"""How often it looks. A choice: a dead thread must show within two seconds, and a look costs microseconds."""
IDLE_SECONDS: Final = 10.0
"""After so long without a forward pass a canary is sent: the period at which Kubernetes asks for readiness."""
RETRY_SECONDS: Final = 1.0
"""The wait between canaries while something is wrong."""
STALLED_SECONDS: Final = 30.0
"""A forward pass that takes this long, or longer than the request deadline, counts as one that will not come back."""
SLOW_SECONDS: Final = 1.0
"""From here on a running forward pass counts toward hang_seconds: the largest takes a tenth of a second here."""
CANARY: Final = "The parties will meet again."
STARTING: Final = "the service is starting"
UNANSWERED: Final = "the engine gave no answer to the test statement"
FAILED: Final = "the engine failed on the test statement"
MOVED: Final = "the engine answers the test statement otherwise than at first"


class Watchdog:
    """Watches one batcher, on its event loop. ``draining`` is set by whoever was told to stop."""

    def __init__(self, rollover: Rollover, batcher: Batcher, *, deadline_seconds: float, hang_seconds: float) -> None:
        self._rollover = rollover
        self._batcher = batcher
        self._stalled_seconds = min(STALLED_SECONDS, deadline_seconds)
        self._hang_seconds = hang_seconds
        self._expected: tuple[str, Prediction] | None = None  # the model that gave it, by its digest
        self._canary_trouble: str | None = STARTING
        self._troubled_at = 0.0  # when the canary met it, on the monotonic clock
        self._asked_at = 0.0
        self._asking: asyncio.Task[None] | None = None
        self._watching: asyncio.Task[None] | None = None
        self._faulty_seconds = 0.0
        self.draining = False
        self.gave_up = False

    async def start(self) -> None:
        """Send the first canary, wait for it as long as a request would, then begin to watch."""
        self._ask()
        if self._asking:
            await asyncio.wait({self._asking}, timeout=self._stalled_seconds)
        self._watching = asyncio.create_task(self._watch(), name="watchdog")

    async def stop(self) -> None:
        """Watch no more."""
        tasks = [task for task in (self._watching, self._asking) if task]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def trouble(self) -> str | None:
        """Why no requests should be sent here, in words for an operator; None while they should."""
        return "the service is stopping" if self.draining else self._fault()

    def _fault(self) -> str | None:
        if not self._batcher.alive:
            return "the service is stopping or unhealthy"
        if self._batcher.stalled_for_seconds() > self._stalled_seconds:
            return "the engine does not answer"
        if self._batcher.failing:
            return "the engine fails"
        return None if self._others_are_answered() else self._canary_trouble

    def _others_are_answered(self) -> bool:
        """Whether a text was answered after a canary that was not: the engine can answer, which is all it asked."""
        return self._canary_trouble in (UNANSWERED, FAILED) and self._batcher.last_success > self._troubled_at

    async def _watch(self) -> None:
        while not self.gave_up:
            await asyncio.sleep(TICK_SECONDS)
            self._look()

    def _look(self) -> None:
        """Send a canary where one is due, and give up on what has been faulty for too long."""
        fault = self._fault()
        now = time.monotonic()
        quiet_seconds = now - max(self._batcher.last_success, self._asked_at)
        idle = self._batcher.idle and quiet_seconds > (RETRY_SECONDS if fault else IDLE_SECONDS)
        # Only another canary can tell that one is answered as at first again, so traffic must not keep it away.
        if idle or (fault == MOVED and now - self._asked_at > RETRY_SECONDS):
            self._ask()
        # Counted in looks, not by the clock: time in which the whole process was stopped is nobody's fault.
        faulty = fault is not None or self._batcher.stalled_for_seconds() > SLOW_SECONDS
        self._faulty_seconds = self._faulty_seconds + TICK_SECONDS if faulty else 0.0
        if not self._batcher.alive:
            self._batcher.give_up()  # nobody is left waiting for a thread that is gone
        if self._faulty_seconds >= self._hang_seconds and not self.draining:
            log.error("gave up after %g seconds: %s", self._faulty_seconds, fault)
            self.gave_up = True
            self._batcher.give_up()

    def _ask(self) -> None:
        if (self._asking is None or self._asking.done()) and self._batcher.alive:
            self._asked_at = time.monotonic()
            self._asking = asyncio.create_task(self._send_canary(), name="canary")
            self._asking.add_done_callback(self._asked)

    def _asked(self, task: asyncio.Task[None]) -> None:
        """Note what no canary should end with: nobody else looks at its task."""
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("the test statement could not be asked: %s", trace(error))
            self._meet(FAILED)

    def _meet(self, trouble: str) -> None:
        """Note a canary's trouble. An answer that moved is not forgotten over one that did not come."""
        if self._canary_trouble != MOVED:
            self._canary_trouble, self._troubled_at = trouble, time.monotonic()

    async def _send_canary(self) -> None:
        """Ask for the canary's stance the way that requests go, and compare it with this model's first answer."""
        model = self._rollover.current
        encodings = self._rollover.encode([CANARY], model)
        deadline = time.monotonic() + self._stalled_seconds
        try:
            (answer,) = await self._batcher.submit(encodings, deadline=deadline, admitted=True)
        except Unavailable as error:
            if error.kind.code != "overloaded":  # others came first: they show whether the engine answers
                self._meet(UNANSWERED)
            return
        if not isinstance(answer, Prediction):
            self._meet(FAILED)
            return
        digest = model.artifact.manifest.digest
        if self._expected is None or self._expected[0] != digest:
            self._expected = (digest, answer)
        moved = max(abs(answer.probabilities[s] - p) for s, p in self._expected[1].probabilities.items())
        self._canary_trouble = None if moved <= NEIGHBOUR_EPSILON else MOVED
