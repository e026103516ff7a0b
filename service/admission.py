"""How much work waits, how fast it goes, and so whether one more request can be answered in time. Knows no queue."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from service.errors import Unavailable

INITIAL_TOKENS_PER_SECOND: Final = 10_000.0
"""A first guess of the engine's rate, replaced by measurement with the first passes: that of one core of the machine of
docs/proofs.md, so that a slow machine does not promise too much while it has measured nothing."""
FULL_PASS_TOKENS: Final = 1_024
"""A forward pass of this many padded tokens counts fully toward the measured rate; a smaller one in proportion, as a
lone short text says little of how fast a full queue goes."""
WEIGHT: Final = 0.2
"""What one full pass weighs in the measured rate: a choice, so that ten passes (half a second) forget the past."""
MARGIN: Final = 2.0
"""A request is taken when there is time for twice the estimated wait: the estimate is of the middle. Under tenfold load
a quarter of those that were taken was late without it, one in eighteen with 1.5. Source: docs/log.md."""
DOOR_MARGIN: Final = 2.5
"""The same on the connection, before anything is done for a request: what is let in there should not be refused later,
when it has cost more."""


@dataclass(slots=True)
class BatchStatistics:
    """Counters of the engine's work, read by telemetry."""

    n_batches: int = 0
    n_texts: int = 0
    n_tokens: int = 0
    n_padded_tokens: int = 0
    n_retries: int = 0
    n_expired: int = 0
    engine_seconds: float = 0.0

    def record(self, n_texts: int, n_tokens: int, *, n_padded: int, seconds: float) -> None:
        """Count a forward pass."""
        self.n_batches += 1
        self.n_texts += n_texts
        self.n_tokens += n_tokens
        self.n_padded_tokens += n_padded
        self.engine_seconds += seconds


@dataclass(slots=True)
class Workload:
    """Work in padded tokens, which are what the engine computes: waiting, running, and the rate at which it goes."""

    max_queued_tokens: int
    queued_tokens: int = 0
    running_tokens: int = 0
    expected_tokens: int = 0
    """What requests that were let in, but are not encoded yet, will need at least."""
    tokens_per_second: float = INITIAL_TOKENS_PER_SECOND

    @property
    def waiting_tokens(self) -> int:
        """What waits for the engine, or soon will."""
        return self.queued_tokens + self.expected_tokens

    def wait_seconds(self, n_tokens: int = 0) -> float:
        """The estimated time until what waits and runs now is done, and that many tokens after it."""
        return (self.waiting_tokens + self.running_tokens + n_tokens) / self.tokens_per_second

    def admit(self, n_tokens: int, *, within_seconds: float) -> None:
        """Return nothing when that many tokens, all of one request, can be expected to be done in time.

        Raises: Unavailable, with the seconds after which what waits now will be done.
        """
        if objection := self.objection(n_tokens, within_seconds=within_seconds):
            raise refused(objection, self.retry_after_seconds())

    def objection(self, n_tokens: int, *, within_seconds: float, margin: float = MARGIN) -> str | None:
        """Why that many tokens cannot be expected to be done in time; None where they can.

        A request before which nothing waits is taken whatever it asks: its size is bounded elsewhere, and it would fare
        no better later.
        """
        waiting = self.queued_tokens + self.expected_tokens
        if not waiting:
            return None
        if waiting + n_tokens > self.max_queued_tokens:
            return "the queue is full"
        if (waiting + self.running_tokens + n_tokens) * margin > within_seconds * self.tokens_per_second:
            return "the deadline would pass in the queue"
        return None

    def retry_after_seconds(self) -> int:
        """The whole seconds, one at the least, after which what waits now is expected to be done."""
        return max(1, math.ceil(self.wait_seconds()))

    def record(self, n_tokens: int, seconds: float) -> None:
        """Take a forward pass of that many padded tokens into the measured rate."""
        weight = WEIGHT * min(1.0, n_tokens / FULL_PASS_TOKENS)
        self.tokens_per_second += weight * (n_tokens / max(seconds, 1e-6) - self.tokens_per_second)


def refused(objection: str, wait_seconds: int) -> Unavailable:
    """The refusal of a request for that reason."""
    message = f"{objection}; try again in {wait_seconds} seconds"
    return Unavailable("overloaded", message, retry_after_seconds=wait_seconds)


@dataclass(slots=True)
class Expectation:
    """The work of one request from the time it is let in until its texts are queued, or it ends otherwise."""

    workload: Workload
    n_tokens: int

    def __post_init__(self) -> None:
        self.workload.expected_tokens += self.n_tokens

    def end(self) -> None:
        """Count it no more; once."""
        self.workload.expected_tokens -= self.n_tokens
        self.n_tokens = 0


@contextmanager
def expected(workload: Workload, n_tokens: int) -> Iterator[None]:
    """Count that much work as expected while what is inside runs."""
    expectation = Expectation(workload, n_tokens)
    try:
        yield
    finally:
        expectation.end()
