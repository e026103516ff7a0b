"""A closed-loop load generator: each connection sends its next request when the last is answered.

It speaks HTTP/1.1 on bare asyncio transports with uvicorn's own parser, and its requests are made beforehand: it shares
the cores with what it measures, and a client library would take as much of them as a server does.
"""

import asyncio
import json
import statistics
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import cycle
from typing import Final

import httptools

ANSWER_SECONDS: Final = 20.0
"""After this long without an answer a connection is given up, and counted as an error."""


@dataclass(slots=True)
class Answers:
    """What came back: seconds of each answered request, how many were not a 200, and how long it all took."""

    latencies: list[float] = field(default_factory=list)
    errors: int = 0
    seconds: float = 0.0

    @property
    def per_second(self) -> float:
        """Requests answered in a second."""
        return len(self.latencies) / self.seconds if self.seconds else 0.0

    def percentile_ms(self, percent: int) -> float:
        """The latency in milliseconds that so many per cent of the requests did not exceed; 0 without two requests."""
        if len(self.latencies) < 2:
            return 0.0
        return statistics.quantiles(self.latencies, n=100, method="inclusive")[percent - 1] * 1000


def request_bytes(path: str, body: object) -> bytes:
    """A whole POST request with a JSON body."""
    payload = json.dumps(body).encode()
    head = (
        f"POST {path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: {len(payload)}"
    )
    return head.encode() + b"\r\n\r\n" + payload


class Connection(asyncio.Protocol):
    """One connection that keeps asking until ``stop_at`` on the performance counter, then sets ``done``."""

    def __init__(self, supply: Iterator[bytes], answers: Answers, *, stop_at: float) -> None:
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._supply = supply
        self._answers = answers
        self._stop_at = stop_at
        self._sent_at = 0.0
        self._parser = httptools.HttpResponseParser(self)
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as in uvicorn
        """Send the first request."""
        self._transport = transport
        self._ask()

    def data_received(self, data: bytes) -> None:
        """Parse a part of an answer."""
        self._parser.feed_data(data)

    def on_message_complete(self) -> None:
        """Note the answer and send the next request; called by the parser."""
        now = time.perf_counter()
        self._answers.latencies.append(now - self._sent_at)
        self._answers.errors += self._parser.get_status_code() != 200
        self._parser = httptools.HttpResponseParser(self)
        if now < self._stop_at:
            self._ask()
        elif not self.done.done():
            self.done.set_result(None)

    def connection_lost(self, _: Exception | None) -> None:
        """Count a connection that the server closed before its time."""
        if not self.done.done():
            self._answers.errors += 1
            self.done.set_result(None)

    def _ask(self) -> None:
        assert self._transport is not None
        self._sent_at = time.perf_counter()
        self._transport.write(next(self._supply))


async def load(port: int, requests: Sequence[bytes], *, connections: int, seconds: float) -> Answers:
    """What came back within the time. Every request of the last moment is waited for."""
    answers = Answers()
    supply = cycle(requests)
    started = time.perf_counter()
    loop = asyncio.get_running_loop()
    opened = []
    for _ in range(connections):
        _, connection = await loop.create_connection(
            lambda: Connection(supply, answers, stop_at=started + seconds), "127.0.0.1", port
        )
        opened.append(connection)
    _, late = await asyncio.wait([one.done for one in opened], timeout=seconds + ANSWER_SECONDS)
    answers.errors += len(late)
    answers.seconds = time.perf_counter() - started
    return answers
