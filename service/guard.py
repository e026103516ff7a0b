"""The size guard: a body is received whole, within limits of bytes and of time, before anything else looks at it.

Bodies are held until they are answered, so what all of them may have together is limited too.
"""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.errors import BadRequest, Unavailable
from service.settings import UNCOUNTED_BYTES
from service.telemetry import Visit, visit_of

MAX_DIGITS: Final = 15
"""More digits than any length has; Python refuses to read numbers of more than 4,300."""
BODILESS: Final = frozenset({"GET", "HEAD"})
"""Methods whose routes read no body: one that is sent all the same is passed over by the server, never kept."""


@dataclass(slots=True)
class _Holding:
    """What one request counts toward the bytes held."""

    n_bytes: int = 0


class SizeGuard:
    """Pure ASGI. Counts the bytes that arrive, so a chunked body without a declared length is bounded too."""

    def __init__(self, app: ASGIApp, *, max_body_bytes: int, max_held_bytes: int, receive_seconds: float) -> None:
        self._app = app
        self._max_body_bytes = max_body_bytes
        self._max_held_bytes = max_held_bytes
        self._receive_seconds = receive_seconds
        self._held_bytes = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand the request on with its body complete. Raises: BadRequest, Unavailable, ClientDisconnect."""
        if scope["type"] != "http" or scope["method"] in BODILESS:
            await self._app(scope, receive, send)
            return
        if scope.get("state", {}).get("surplus"):  # set by service.connection
            raise Unavailable("overloaded", "there are too many connections", retry_after_seconds=1, unread=True)
        self._check_headers(scope["headers"])
        holding = _Holding()
        try:
            await self._app(scope, await self._received(receive, holding, visit_of(scope)), send)
        finally:
            self._held_bytes -= holding.n_bytes

    async def _received(self, receive: Receive, holding: "_Holding", visit: Visit) -> Receive:
        """A receive that gives the whole body at once, and then what the server's own gives."""
        try:
            async with asyncio.timeout(self._receive_seconds):
                with visit.stage("receive"):
                    body = await self._receive_all(receive, holding)
        except TimeoutError:
            message = f"the body did not arrive within {self._receive_seconds:g} seconds"
            raise BadRequest("receive_timeout", message) from None
        pending: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

        async def replay() -> Message:
            return pending.pop() if pending else await receive()

        return replay

    def _check_headers(self, headers: Iterable[tuple[bytes, bytes]]) -> None:
        for name, value in headers:
            if name == b"content-length" and _number(value) > self._max_body_bytes:
                raise self._too_large()
            if name == b"content-encoding" and value.strip().lower() not in (b"", b"identity"):
                raise BadRequest("unsupported_encoding", "send the body without Content-Encoding")

    async def _receive_all(self, receive: Receive, holding: "_Holding") -> bytes:
        body = bytearray()
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise ClientDisconnect
            body += message.get("body", b"")
            if len(body) > self._max_body_bytes:
                raise self._too_large()
            self._hold(len(body) - UNCOUNTED_BYTES, holding)
            if not message.get("more_body"):
                return bytes(body)

    def _hold(self, n_bytes: int, holding: "_Holding") -> None:
        """Count what one request holds, by what has arrived: who announces much and sends little takes no room."""
        more = max(0, n_bytes) - holding.n_bytes
        if self._held_bytes + more > self._max_held_bytes:
            message = "too much is being received already; try again in 1 seconds"
            raise Unavailable("overloaded", message, retry_after_seconds=1, unread=True)
        self._held_bytes += more
        holding.n_bytes += more

    def _too_large(self) -> BadRequest:
        return BadRequest("body_too_large", f"the body is larger than {self._max_body_bytes:,} bytes")


def _number(value: bytes) -> int:
    """A declared length; 0 for what is none, which the server's parser or the counting of bytes deals with."""
    return int(value[: MAX_DIGITS + 1]) if value.isdigit() else 0
