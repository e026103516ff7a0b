"""The size guard alone: what it lets through, what it refuses, and how little it holds."""

import asyncio
import gc
import time
import tracemalloc
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

import pytest
from starlette.requests import ClientDisconnect

from service.errors import BadRequest
from service.guard import SizeGuard

LIMIT = 65_536

Receive = Callable[[], Awaitable[Any]]


def part(body: bytes, *, more: bool) -> dict[str, Any]:
    """One message of a request body."""
    return {"type": "http.request", "body": body, "more_body": more}


def receiving(messages: Iterable[dict[str, Any]], taken: list[int] | None = None) -> Receive:
    """A receive that gives these messages and then waits for ever; ``taken`` counts the bytes it gave."""
    iterator = iter(messages)

    async def receive() -> Any:
        for message in iterator:
            if taken is not None:
                taken.append(len(message.get("body", b"")))
            return message
        return await asyncio.Event().wait()

    return receive


def guard(receive: Receive, headers: Iterable[tuple[bytes, bytes]] = (), *, seconds: float = 5.0) -> list[Any]:
    """The messages that the application behind the guard receives: one body, if any."""
    got: list[Any] = []

    async def application(scope: Any, receive: Receive, send: Any) -> None:
        got.append(await receive())

    async def send(message: Any) -> None:
        raise AssertionError("the guard answers nothing by itself")

    guarded = SizeGuard(application, max_body_bytes=LIMIT, max_held_bytes=10 * LIMIT, receive_seconds=seconds)
    asyncio.run(guarded({"type": "http", "method": "POST", "headers": list(headers)}, receive, send))  # type: ignore[arg-type]  # a stand-in has what is asked of it
    return got


def refused(receive: Receive, headers: Iterable[tuple[bytes, bytes]] = (), *, seconds: float = 5.0) -> str:
    """The code under which the guard refuses."""
    with pytest.raises(BadRequest) as refusal:
        guard(receive, headers, seconds=seconds)
    return refusal.value.kind.code


def test_a_body_arrives_whole() -> None:
    """The application gets the body in one message, however it was cut."""
    parts = [part(b"ab", more=True), part(b"", more=True), part(b"c", more=True), part(b"", more=False)]
    assert guard(receiving(parts)) == [part(b"abc", more=False)]
    assert guard(receiving([part(b"", more=False)])) == [part(b"", more=False)]
    assert guard(receiving([part(b"x" * LIMIT, more=False)])) == [part(b"x" * LIMIT, more=False)]


@pytest.mark.parametrize("length", [b"65537", b"1000000000", b"9" * 5_000])
def test_a_declared_length_is_refused_before_a_byte_is_read(length: bytes) -> None:
    """A body declared too large is refused without receiving any of it."""
    taken: list[int] = []
    assert refused(receiving([part(b"x", more=True)], taken), [(b"content-length", length)]) == "body_too_large"
    assert taken == []


@pytest.mark.parametrize("length", [b"65536", b"-1", b"many", b""])
def test_other_lengths_are_left_to_the_parser(length: bytes) -> None:
    """A length within the limit, or one that is no number, does not stop a small body."""
    assert guard(receiving([part(b"x", more=False)]), [(b"content-length", length)])


def test_chunked_bodies_are_counted() -> None:
    """An undeclared body is refused as soon as it passes the limit, and the rest is not taken."""
    taken: list[int] = []
    endless = iter(lambda: part(b"x" * 1_024, more=True), None)
    assert refused(receiving(endless, taken)) == "body_too_large"
    assert LIMIT < sum(taken) <= LIMIT + 1_024


def test_a_lying_length_is_counted_too() -> None:
    """A body longer than its declared length is refused by its bytes."""
    parts = [part(b"x" * LIMIT, more=True), part(b"x", more=False)]
    assert refused(receiving(parts), [(b"content-length", b"10")]) == "body_too_large"


def test_a_million_tiny_chunks_hold_little_memory() -> None:
    """A body in one-byte chunks costs no more memory than its limit, and is refused after limit + 1 bytes."""
    chunks = iter(range(1_000_000))
    tiny = (part(b"x", more=True) for _ in chunks)
    gc.collect()
    tracemalloc.start()
    try:
        assert refused(receiving(tiny), seconds=300) == "body_too_large"
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert next(chunks) == LIMIT + 1
    assert peak < 4 * LIMIT


def test_refused_bodies_are_not_kept() -> None:
    """A hundred refused bodies leave less than 1 MiB behind (promise R10)."""

    def once() -> None:
        refused(receiving(iter(lambda: part(b"x" * 8_192, more=True), None)))

    once()
    gc.collect()
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        for _ in range(100):
            once()
        gc.collect()
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert after - before < 2**20


def test_a_slow_body_meets_its_deadline() -> None:
    """A body that does not arrive in time is refused at the receive deadline, however it dawdles."""

    async def trickle() -> Any:
        await asyncio.sleep(0.02)
        return part(b"x", more=True)

    for receive in (trickle, receiving([part(b"x", more=True)])):
        started = time.perf_counter()
        assert refused(receive, seconds=0.2) == "receive_timeout"
        assert 0.15 < time.perf_counter() - started < 20


def test_a_client_that_leaves_is_not_answered() -> None:
    """A disconnect in the middle of the body ends the request; the application never sees it."""
    with pytest.raises(ClientDisconnect):
        guard(receiving([part(b"x", more=True), {"type": "http.disconnect"}]))


@pytest.mark.parametrize("encoding", [b"gzip", b"br", b"deflate, gzip", b"anything"])
def test_encoded_bodies_are_refused_unread(encoding: bytes) -> None:
    """A compressed body is refused by its header: nothing is ever inflated."""
    taken: list[int] = []
    assert (
        refused(receiving([part(b"x", more=False)], taken), [(b"content-encoding", encoding)]) == "unsupported_encoding"
    )
    assert taken == []


def test_identity_is_no_encoding() -> None:
    """Content-Encoding: identity says that there is none."""
    assert guard(receiving([part(b"x", more=False)]), [(b"content-encoding", b"identity")])


def test_the_application_hears_of_a_later_disconnect() -> None:
    """After the body, receive goes on to the server's own: that is how a caller's leaving is noticed."""
    messages = [part(b"x", more=False), {"type": "http.disconnect"}]
    heard: list[Any] = []

    async def application(scope: Any, receive: Receive, send: Any) -> None:
        heard.extend([await receive(), await receive()])

    guarded = SizeGuard(application, max_body_bytes=LIMIT, max_held_bytes=LIMIT, receive_seconds=1)
    asyncio.run(guarded({"type": "http", "method": "POST", "headers": []}, receiving(messages), None))  # type: ignore[arg-type]  # a stand-in has what is asked of it
    assert heard == messages


def test_unread_bodies_close_the_connection(client: Any) -> None:
    """A refusal before the body was read to its end tells the client that the connection ends."""
    too_large = client.post("/classify", content=b"x", headers={"content-length": "99999999"})
    encoded = client.post("/classify", content=b"x", headers={"content-encoding": "gzip"})
    wrong_type = client.post("/classify", content=b"x", headers={"content-type": "text/html"})
    assert [r.status_code for r in (too_large, encoded, wrong_type)] == [413, 415, 415]
    assert [r.headers.get("connection") for r in (too_large, encoded, wrong_type)] == ["close", "close", None]


def test_a_body_on_a_get_is_nobodys_business(client: Any) -> None:
    """A GET is answered whatever body it declares or sends: its routes document no refusal of bodies."""
    for headers in ({"content-length": "99999999"}, {"content-encoding": "gzip"}):
        assert client.request("GET", "/health/live", content=b"x", headers=headers).status_code == 200
