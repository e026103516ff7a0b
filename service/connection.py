"""uvicorn's connection with the limits that it lacks: how many there are, how long they may dawdle, how much they hold.

The body is the size guard's business; before the head is complete there is no request that a guard could see.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from uvicorn._types import ASGI3Application
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from service.crowd import Crowd
from service.headers import SAFE
from service.shedding import Shedder
from service.telemetry import CLASSIFYING

HEAD_SECONDS: Final = 10.0
"""From the connection, or the last answer on it, to the end of the next request's head."""
MAX_HEAD_BYTES: Final = 65_536
"""What a head may have. Servers at large allow 8 to 64 KiB."""
MAX_HEADERS: Final = 128
"""Each header takes about 130 bytes as Python objects, however short it is. Servers at large allow about 100."""
MAX_PIPELINED: Final = 64
"""Requests that may wait behind another on one connection; no client at large pipelines that many."""
WRITE_SECONDS: Final = 15.0
"""How long a client may read nothing of an answer, or not see a connection closed, before it is cut off."""
LINGER_SECONDS: Final = 2.0
"""For a client that still sends what was refused before it was read. Closed at once, the system would reset the
connection, and the refusal could be lost with it."""
LINGER_BYTES: Final = 262_144
"""What may come meanwhile: what was on its way. A choice."""
LAST_HEAD_SECONDS: Final = 1.0
"""For a new connection at the end: its request may be on its way, and would be lost if it was closed at once."""


class Connection(HttpToolsProtocol):
    """One connection; closed when its client dawdles, answered with 400 when a head is too large."""

    crowd: Crowd | None = None
    surplus = False
    """Whether there were too many connections already when it came."""
    _is_last = False
    _refusal: bytes | None = None
    _n_head_bytes = 0
    _head_is_complete = False
    _is_between = True
    """Whether no byte of a next request has come."""
    _n_unwanted_bytes: int | None = None
    """What has come since the last answer was given; None while it has not been."""
    _timer: asyncio.TimerHandle | None = None
    _due = 0.0  # on the loop's clock
    _otherwise: Callable[[], None] | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as in uvicorn
        """Begin to wait for the first head."""
        super().connection_made(transport)
        if self.crowd:
            self.crowd.join(self)
        self._within(HEAD_SECONDS, self._close)

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop waiting."""
        self._stop_waiting()
        if self._timer:
            self._timer.cancel()  # it would keep all of this in memory until it went off
        if self.crowd:
            self.crowd.leave(self)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse what came, and count it while no head is complete; or answer at once what is refused at sight."""
        if self._n_unwanted_bytes is not None:
            self._n_unwanted_bytes += len(data)
            if self._n_unwanted_bytes > LINGER_BYTES:
                self.transport.abort()
            return
        shedder = self._shedder() if self._is_between else None
        if shedder and (refusal := shedder.at_once(data)):
            self._unset_keepalive_if_required()
            self._refuse(refusal)
            return
        super().data_received(data)
        if not self._head_is_complete:
            self._n_head_bytes += len(data)
            if self._n_head_bytes > MAX_HEAD_BYTES and not self.transport.is_closing():
                self.send_400_response("The request's head is too large.")

    def on_message_begin(self) -> None:
        """Begin to count."""
        super().on_message_begin()
        self._n_head_bytes, self._head_is_complete, self._is_between = 0, False, False

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a header, unless there are too many."""
        if len(self.headers) < MAX_HEADERS:
            super().on_header(name, value)
        elif not self.transport.is_closing():
            self.send_400_response("The request has too many headers.")

    def on_headers_complete(self) -> None:
        """Stop waiting: from here on the size guard watches."""
        self._stop_waiting()
        self._head_is_complete = True
        if self.transport.is_closing():  # the head was refused already
            return
        if self._is_shed():
            return
        self.scope["state"]["surplus"] = self.surplus
        super().on_headers_complete()
        self.cycle.keep_alive = self.cycle.keep_alive and not self._is_last
        if len(self.pipeline) > MAX_PIPELINED:
            self._close()

    def _is_shed(self) -> bool:
        """Whether the request is refused here, once its body has gone by: nothing runs on this connection then."""
        if self.parser.get_method() != b"POST" or self.expect_100_continue or not self.parser.should_keep_alive():
            return False
        if shedder := self._shedder():
            self._refusal = shedder.refusal(self.url, self.headers)
        return self._refusal is not None

    def _shedder(self) -> Shedder | None:
        """Who refuses, where a refusal may be written now: nothing runs on the connection, which will be used again."""
        if not self.crowd or self._is_last or self.surplus or self.flow.write_paused or self.transport.is_closing():
            return None
        return self.crowd.shedder if self.cycle is None or self.cycle.response_complete else None

    def _refuse(self, refusal: bytes) -> None:
        self._within(HEAD_SECONDS, self._close)
        self.transport.write(refusal)
        if self.crowd:
            self.crowd.wait_no_more(self)
            self.crowd.wait(self)

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        """Begin with a request."""
        counts = self.crowd and self.crowd.shedder and cycle.scope["path"] in CLASSIFYING
        outlet = _Outlet(self.transport.write, partial(self._part, cycle), self.transport.is_closing)
        cycle.transport = outlet  # type: ignore[assignment]  # it has all that is used
        super()._start_asgi_task(cycle, partial(_counted, app) if counts else app)

    def _part(self, cycle: RequestResponseCycle) -> None:
        """Close the connection; where the client still sends, once it has had the time to read the answer."""
        if not cycle.more_body or self.transport.is_closing():
            self.transport.close()
            return
        self._n_unwanted_bytes = 0
        self.transport.write_eof()
        self._within(LINGER_SECONDS, self.transport.abort)

    def on_body(self, body: bytes) -> None:
        """Keep a part of a body, unless its request was refused."""
        if self.cycle is not None and not self._refusal:
            super().on_body(body)

    def on_message_complete(self) -> None:
        """Note that it is our turn, or answer here what is refused."""
        self._is_between = True
        if self._refusal:
            refusal, self._refusal = self._refusal, None
            self._refuse(refusal)
            return
        if self.crowd:
            self.crowd.wait_no_more(self)
        if self.cycle is None:
            return
        super().on_message_complete()
        scope = self.cycle.scope
        is_running = not (self.pipeline or self.cycle.response_complete)
        if is_running and self.crowd and self.crowd.shedder and scope["path"] in CLASSIFYING:
            scope["state"]["expectation"] = self.crowd.shedder.expect()

    def on_response_complete(self) -> None:
        """Begin to wait for the next head, unless one has come already; or for the end of the connection."""
        if self.transport.is_closing():
            self._within(WRITE_SECONDS, self.transport.abort)
        elif self._n_unwanted_bytes is None and not self.pipeline:
            self._within(HEAD_SECONDS, self._close)
            if self.crowd:
                self.crowd.wait(self)
        super().on_response_complete()

    def timeout_keep_alive_handler(self) -> None:
        """Close a connection on which no next request came."""
        self._close()

    def send_400_response(self, msg: str) -> None:
        """Refuse what is no HTTP request, with the safe headers, and wait for the end of the connection."""
        shared = self.server_state.default_headers
        self.server_state.default_headers = [*shared, *SAFE.items()]
        try:
            super().send_400_response(msg)
        finally:
            self.server_state.default_headers = shared
        self._within(WRITE_SECONDS, self.transport.abort)

    def shutdown(self) -> None:
        """Answer what is being answered, and what a new connection may be sending just now; close others."""
        self._is_last = True
        if self.cycle is None and not self.transport.is_closing():
            self._within(LAST_HEAD_SECONDS, self._close)
        else:
            super().shutdown()

    def pause_writing(self) -> None:
        """Begin to wait for a client that does not read."""
        super().pause_writing()
        self._within(WRITE_SECONDS, self.transport.abort)

    def resume_writing(self) -> None:
        """Stop waiting: it reads."""
        self._stop_waiting()
        super().resume_writing()

    def give_way(self) -> None:
        """End the connection, whatever its client was about to send."""
        if self.crowd:
            self.crowd.leave(self)
        self.transport.abort()

    def _close(self) -> None:
        """Close once everything is written; cut off a client that does not take it."""
        if not self.transport.is_closing():
            self.transport.close()
            self._within(WRITE_SECONDS, self.transport.abort)

    def _within(self, seconds: float, otherwise: Callable[[], None]) -> None:
        """Do what is said after that time, unless told to stop or told otherwise. A timer that runs is left to run on
        where it can be: most requests would only put it off.
        """
        self._due, self._otherwise = self.loop.time() + seconds, otherwise
        if self._timer and self._timer.when() > self._due:
            self._timer.cancel()
            self._timer = None
        if not self._timer:
            self._timer = self.loop.call_later(seconds, self._look_at_the_clock)

    def _look_at_the_clock(self) -> None:
        self._timer = None
        if self._otherwise:
            remaining = self._due - self.loop.time()
            if remaining > 0:
                self._timer = self.loop.call_later(remaining, self._look_at_the_clock)
            else:
                self._otherwise()

    def _stop_waiting(self) -> None:
        self._otherwise = None


@dataclass(frozen=True, slots=True)
class _Outlet:
    """What a request's answer is written to, and how the connection ends after it."""

    write: Callable[[bytes], None]
    close: Callable[[], None]
    is_closing: Callable[[], bool]


async def _counted(app: ASGI3Application, scope: Any, receive: Any, send: Any) -> None:
    """Serve a request, and expect no more of it at its end, however far it came."""
    try:
        await app(scope, receive, send)
    finally:
        if expectation := scope["state"].get("expectation"):
            expectation.end()


def limited(max_connections: int, shedder: Shedder | None = None) -> Callable[..., Connection]:
    """What uvicorn makes connections with: all of them in one crowd."""
    return partial(_joined, Crowd(max_connections, shedder))


def _joined(crowd: Crowd, *args: Any, **kwargs: Any) -> Connection:
    connection = Connection(*args, **kwargs)
    connection.crowd = crowd
    return connection
