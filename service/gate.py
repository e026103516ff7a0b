"""The gate: when a request must be answered, and a refusal at once, before any work, where it could not be in time."""

import time
from collections.abc import Iterable
from typing import Final

from starlette.types import ASGIApp, Receive, Scope, Send

from models.encoding import WIDTH_STEP
from service.admission import Expectation
from service.batching import Batcher
from service.errors import BadRequest
from service.guard import BODILESS

DEADLINE_HEADER: Final = "X-Deadline-Ms"
_HEADER: Final = DEADLINE_HEADER.lower().encode()
MIN_DEADLINE_MS: Final = 100
"""The longest forward pass takes about that long: a shorter deadline would be a bet on what else is running."""
MAX_DEADLINE_MS: Final = 10**9
TYPICAL_TOKENS: Final = 4 * WIDTH_STEP
"""What a statement has, padded; expected of a request until its texts are known."""


class Gate:
    """Pure ASGI, behind the size guard: the body is complete, so the clock of the deadline starts here."""

    def __init__(self, app: ASGIApp, *, batcher: Batcher, deadline_seconds: float) -> None:
        self._app = app
        self._batcher = batcher
        self._deadline_seconds = deadline_seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand the request on with ``state["deadline"]``, on the monotonic clock. Raises: BadRequest, Unavailable."""
        if scope["type"] == "http" and scope["method"] not in BODILESS:
            deadline = time.monotonic() + deadline_after(scope["headers"], self._deadline_seconds)
            scope.setdefault("state", {})["deadline"] = deadline
            if counted := scope["state"].get("expectation"):  # by service.connection; it must not be in its own way
                counted.end()
            self._batcher.admit(WIDTH_STEP, deadline=deadline)  # the least that any request needs
            scope["state"]["expectation"] = expectation = Expectation(self._batcher.workload, TYPICAL_TOKENS)
            try:
                await self._app(scope, receive, send)
            finally:
                expectation.end()
            return
        await self._app(scope, receive, send)


def deadline_after(headers: Iterable[tuple[bytes, bytes]], longest: float) -> float:
    """The seconds that the caller will wait, at most ``longest``; the least of several headers. Raises: BadRequest."""
    seconds = longest
    for name, value in headers:
        if name == _HEADER:
            milliseconds = int(value) if value.isdigit() and len(value) <= len(str(MAX_DEADLINE_MS)) else 0
            if not MIN_DEADLINE_MS <= milliseconds <= MAX_DEADLINE_MS:
                limits = f"from {MIN_DEADLINE_MS:,} to {MAX_DEADLINE_MS:,}"
                raise BadRequest("invalid_request", f"{DEADLINE_HEADER}: must be a whole number {limits}")
            seconds = min(seconds, milliseconds / 1000)
    return seconds
