"""The size guard: a body is received whole, within a limit of bytes and of time, before anything else looks at it."""

import asyncio
from collections.abc import Iterable
from typing import Final

from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.errors import BadRequest
from service.telemetry import visit_of

MAX_DIGITS: Final = 15
"""More digits than any length has; Python refuses to read numbers of more than 4,300."""
BODILESS: Final = frozenset({"GET", "HEAD"})
"""Methods whose routes read no body: one that is sent all the same is passed over by the server, never kept."""


class SizeGuard:
    """Pure ASGI. Counts the bytes that arrive, so a chunked body without a declared length is bounded too."""

    def __init__(self, app: ASGIApp, *, max_body_bytes: int, receive_seconds: float) -> None:
        self._app = app
        self._max_body_bytes = max_body_bytes
        self._receive_seconds = receive_seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand the request on with its body complete. Raises: BadRequest, ClientDisconnect."""
        if scope["type"] != "http" or scope["method"] in BODILESS:
            await self._app(scope, receive, send)
            return
        self._check_headers(scope["headers"])
        try:
            async with asyncio.timeout(self._receive_seconds):
                with visit_of(scope).stage("receive"):
                    body = await self._receive_all(receive)
        except TimeoutError:
            message = f"the body did not arrive within {self._receive_seconds:g} seconds"
            raise BadRequest("receive_timeout", message) from None
        pending: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

        async def replay() -> Message:
            return pending.pop() if pending else await receive()

        await self._app(scope, replay, send)

    def _check_headers(self, headers: Iterable[tuple[bytes, bytes]]) -> None:
        for name, value in headers:
            if name == b"content-length" and _number(value) > self._max_body_bytes:
                raise self._too_large()
            if name == b"content-encoding" and value.strip().lower() not in (b"", b"identity"):
                raise BadRequest("unsupported_encoding", "send the body without Content-Encoding")

    async def _receive_all(self, receive: Receive) -> bytes:
        body = bytearray()
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise ClientDisconnect
            body += message.get("body", b"")
            if len(body) > self._max_body_bytes:
                raise self._too_large()
            if not message.get("more_body"):
                return bytes(body)

    def _too_large(self) -> BadRequest:
        return BadRequest("body_too_large", f"the body is larger than {self._max_body_bytes:,} bytes")


def _number(value: bytes) -> int:
    """A declared length; 0 for what is none, which the server's parser or the counting of bytes deals with."""
    return int(value[: MAX_DIGITS + 1]) if value.isdigit() else 0
