"""uvicorn's connection with the limits that it lacks: how long the head of a request may take, and how large it may be.

The body is the size guard's business; before the head is complete there is no request that a guard could see.
"""

import asyncio
from typing import Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from service.headers import SAFE

HEAD_SECONDS: Final = 10.0
"""From the connection, or the last answer on it, to the end of the next request's head."""
MAX_HEAD_BYTES: Final = 65_536
"""What a head may have. Servers at large allow 8 to 64 KiB."""


class Connection(HttpToolsProtocol):
    """One connection; closed when a head is late, answered with 400 when it is too large."""

    _n_head_bytes = 0
    _head_is_complete = False
    _closing_late: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as in uvicorn
        """Begin to wait for the first head."""
        super().connection_made(transport)
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop waiting."""
        self._stop_waiting()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse what came, and count it while no head is complete."""
        super().data_received(data)
        if not self._head_is_complete:
            self._n_head_bytes += len(data)
            if self._n_head_bytes > MAX_HEAD_BYTES and not self.transport.is_closing():
                self.send_400_response("The request's head is too large.")

    def on_message_begin(self) -> None:
        """Begin to count."""
        super().on_message_begin()
        self._n_head_bytes, self._head_is_complete = 0, False

    def on_headers_complete(self) -> None:
        """Stop waiting: from here on the size guard watches."""
        self._stop_waiting()
        self._head_is_complete = True
        super().on_headers_complete()

    def on_response_complete(self) -> None:
        """Begin to wait for the next head, unless one has come already."""
        if not self.pipeline:
            self._await_head()
        super().on_response_complete()

    def send_400_response(self, msg: str) -> None:
        """Refuse what is no HTTP request, with the safe headers: no layer of the application sees it."""
        shared = self.server_state.default_headers
        self.server_state.default_headers = [*shared, *SAFE.items()]
        try:
            super().send_400_response(msg)
        finally:
            self.server_state.default_headers = shared

    def _await_head(self) -> None:
        self._stop_waiting()
        self._closing_late = self.loop.call_later(HEAD_SECONDS, self._close_late)

    def _stop_waiting(self) -> None:
        if self._closing_late:
            self._closing_late.cancel()
            self._closing_late = None

    def _close_late(self) -> None:
        if not self.transport.is_closing():
            self.transport.close()
