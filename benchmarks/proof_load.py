"""Load for the proofs: a client that costs little, closed loops and open ones. It shares the cores with the service."""

import asyncio
import json
import socket
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import cycle
from typing import Any, Final, TypeVar

import uvloop

Result = TypeVar("Result")

TIMEOUT_SECONDS: Final = 60
TICK_SECONDS: Final = 0.002
"""How often an open loop sends what is due."""
SEND_BUFFER_BYTES: Final = 16_384
MAX_OPEN: Final = 900
"""Connections of an open loop; an arrival that finds none free is counted as not sent."""


def run(main: Awaitable[Result]) -> Result:
    """What a coroutine returns, on the quickest loop at hand."""

    async def wrapped() -> Result:
        return await main

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(wrapped())


def post(path: str, value: Any, *, headers: str = "") -> bytes:
    """The bytes of a POST of a JSON value; each of ``headers`` ends with a line break."""
    body = json.dumps(value).encode()
    head = f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n{headers}"
    return head.encode() + b"Content-Length: %d\r\n\r\n%b" % (len(body), body)


def singles(texts: Sequence[str], *, headers: str = "") -> list[bytes]:
    """A request for each text."""
    return [post("/classify", {"text": text}, headers=headers) for text in texts]


@dataclass(slots=True)
class Answer:
    """What came back: the status (0 for a connection that ended without an answer), seconds, head and body."""

    status: int
    seconds: float
    head: bytes = b""
    body: bytes = b""

    @property
    def retry_after(self) -> bool:
        """Whether the answer says when to come back."""
        return b"\r\nretry-after: " in self.head

    def json(self) -> Any:
        """The body."""
        return json.loads(self.body)


class Caller(asyncio.Protocol):
    """One connection that asks one thing at a time."""

    def __init__(self) -> None:
        self.closed = False
        self._transport: Any = None
        self._waiting: asyncio.Future[Answer] | None = None
        self._received = bytearray()
        self._started = 0.0
        self._may_write = asyncio.Event()
        self._may_write.set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = transport

    def connection_lost(self, _: Exception | None) -> None:
        """Whoever waits gets an answer of status 0."""
        self.closed = True
        self._may_write.set()
        self._finish(Answer(0, time.perf_counter() - self._started))

    def data_received(self, data: bytes) -> None:
        """Collect an answer, by its length."""
        self._received += data
        end = self._received.find(b"\r\n\r\n")
        if end < 0:
            return
        head = bytes(self._received[:end])
        found = head.find(b"\r\ncontent-length: ")
        length = int(head[found + 18 :].split(b"\r\n", 1)[0]) if found >= 0 else 0
        if len(self._received) >= end + 4 + length:
            body = bytes(self._received[end + 4 : end + 4 + length])
            self._received.clear()
            if b"\r\nconnection: close" in head:
                self.closed = True
            self._finish(Answer(int(head[9:12]), time.perf_counter() - self._started, head, body))

    def ask(self, request: bytes) -> "asyncio.Future[Answer]":
        """The answer to come."""
        self._started = time.perf_counter()
        self._waiting = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return self._waiting

    def more(self, data: bytes) -> None:
        """Send another part of the request."""
        if not self.closed:
            self._transport.write(data)

    def buffer_little(self) -> None:
        """Have the system take little more than the other side does, so that what was sent is what has arrived."""
        self._transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
        self._transport.set_write_buffer_limits(high=0)

    async def writable(self) -> None:
        """Return when the socket takes more."""
        await self._may_write.wait()

    def pause_writing(self) -> None:
        """The socket is full."""
        self._may_write.clear()

    def resume_writing(self) -> None:
        """The socket takes more."""
        self._may_write.set()

    def close(self) -> None:
        """End the connection at once."""
        self.closed = True
        if self._transport:
            self._transport.abort()

    def _finish(self, answer: Answer) -> None:
        if self._waiting and not self._waiting.done():
            self._waiting.set_result(answer)


async def connect(port: int) -> Caller:
    """A new connection. Raises: OSError."""
    _, caller = await asyncio.get_running_loop().create_connection(Caller, "127.0.0.1", port)
    return caller


async def ask(port: int, request: bytes) -> Answer:
    """The answer to one request on a connection of its own."""
    caller = await connect(port)
    try:
        async with asyncio.timeout(TIMEOUT_SECONDS):
            return await caller.ask(request)
    finally:
        caller.close()


@dataclass(slots=True)
class Tally:
    """Every answer of a load, and what there was no answer to."""

    answers: list[Answer] = field(default_factory=list)
    not_sent: int = 0
    refused_connections: int = 0
    seconds: float = 0.0
    n_good_in_time: int = 0
    """Of an open loop: good answers that came before it ended; those that were still queued then would flatter it."""

    def latencies(self, *statuses: int) -> list[float]:
        """Seconds of the answers with one of these statuses."""
        return [answer.seconds for answer in self.answers if answer.status in statuses]

    def n(self, *statuses: int) -> int:
        """How many answers had one of these statuses."""
        return len(self.latencies(*statuses))

    @property
    def rate(self) -> float:
        """Good answers for each second."""
        return self.n(200) / self.seconds if self.seconds else 0.0


async def closed_loop(
    port: int,
    requests: Sequence[bytes],
    *,
    connections: int,
    seconds: float,
    stop: Callable[[], bool] = lambda: False,
    keep: bool = False,
) -> Tally:
    """Each connection asks again when it is answered. Bodies are dropped unless ``keep``."""
    tally, supply, started = Tally(), cycle(requests), time.perf_counter()

    async def one() -> None:
        caller: Caller | None = None
        while time.perf_counter() - started < seconds and not stop():
            try:
                if caller is None or caller.closed:
                    caller = await connect(port)
                async with asyncio.timeout(TIMEOUT_SECONDS):
                    answer = await caller.ask(next(supply))
            except ConnectionRefusedError:
                tally.refused_connections += 1
                await asyncio.sleep(0.01)
                continue
            except (OSError, TimeoutError):
                answer = Answer(0, TIMEOUT_SECONDS)
            tally.answers.append(answer if keep else Answer(answer.status, answer.seconds, answer.head))
        if caller:
            caller.close()

    await asyncio.gather(*(one() for _ in range(connections)))
    tally.seconds = time.perf_counter() - started
    return tally


class OpenLoop:
    """Requests that leave by the clock, whether or not earlier ones were answered.

    A request costs no task: what the load takes of the cores is taken from the service where they share any.
    """

    def __init__(self, port: int) -> None:
        self.tally = Tally()
        self._port = port
        self._free: list[Caller] = []
        self._waiting: set[asyncio.Future[Answer]] = set()
        self._opening: set[asyncio.Task[None]] = set()

    async def load(self, requests: Sequence[bytes], *, per_second: float, seconds: float) -> Tally:
        """What was answered, late answers included."""
        supply, n_due, started = cycle(requests), 0, time.perf_counter()
        while (elapsed := time.perf_counter() - started) < seconds:
            while n_due < elapsed * per_second:
                n_due += 1
                self._send(next(supply))
            await asyncio.sleep(TICK_SECONDS)
        self.tally.seconds = time.perf_counter() - started
        self.tally.n_good_in_time = self.tally.n(200)
        for some in (self._opening, self._waiting):
            if some:
                await asyncio.wait(some, timeout=TIMEOUT_SECONDS)
        self.tally.answers += [Answer(0, TIMEOUT_SECONDS)] * len(self._waiting)
        for caller in self._free:
            caller.close()
        return self.tally

    def _send(self, request: bytes) -> None:
        while self._free:
            if not (caller := self._free.pop()).closed:  # the service closes what has been idle
                self._ask(caller, request)
                return
        if len(self._waiting) + len(self._opening) >= MAX_OPEN:
            self.tally.not_sent += 1
            return
        task = asyncio.create_task(self._open(request))
        self._opening.add(task)
        task.add_done_callback(self._opening.discard)

    async def _open(self, request: bytes) -> None:
        try:
            self._ask(await connect(self._port), request)
        except OSError:
            self.tally.answers.append(Answer(0, TIMEOUT_SECONDS))

    def _ask(self, caller: Caller, request: bytes) -> None:
        answer = caller.ask(request)
        self._waiting.add(answer)
        answer.add_done_callback(partial(self._note, caller))

    def _note(self, caller: Caller, answered: "asyncio.Future[Answer]") -> None:
        self._waiting.discard(answered)
        answer = answered.result()
        self.tally.answers.append(Answer(answer.status, answer.seconds, answer.head))
        if not caller.closed:
            self._free.append(caller)


async def probe(port: int, path: str, *, every_seconds: float, stop: Callable[[], bool]) -> list[Answer]:
    """The answers to a GET that is repeated on connections of its own until told to stop."""
    answers = []
    request = f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode()
    while not stop():
        started = time.perf_counter()
        try:
            answer = await ask(port, request)
            answers.append(Answer(answer.status, time.perf_counter() - started))
        except OSError:
            answers.append(Answer(0, time.perf_counter() - started))
        await asyncio.sleep(every_seconds)
    return answers
