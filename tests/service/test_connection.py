"""Many connections, and ones that take no answer, against a real server with few places: others are served."""

import re
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import pytest

from service.app import create_app
from service.connection import MAX_HEADERS, MAX_PIPELINED, limited
from service.settings import Settings

PLACES = 20
BODY = b'{"text": "We will talk."}'
HEAD = b"POST /classify HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
WHOLE = HEAD + b"Content-Length: %d\r\n\r\n%b" % (len(BODY), BODY)
READY = b"GET /health/ready HTTP/1.1\r\nHost: x\r\n\r\n"


@pytest.fixture
def crowded(classifier: Any, live_server: Callable[..., Any]) -> Iterator[Any]:
    """A real server with twenty places, 64 KiB of room for bodies, and a minute for a body to arrive."""
    settings = Settings(receive_seconds=60.0, max_body_bytes=200_000, max_held_bytes=300_000)
    with live_server(create_app(settings, classifier), http=limited(PLACES)) as server:
        yield server


@pytest.fixture
def connect(crowded: Any) -> Iterator[Callable[..., socket.socket]]:
    """Opens connections to the crowded server, and closes them."""
    opened: list[socket.socket] = []

    def open_one(sent: bytes = b"") -> socket.socket:
        opened.append(socket.create_connection(("127.0.0.1", crowded.port), timeout=60))
        opened[-1].sendall(sent)
        return opened[-1]

    yield open_one
    for connection in opened:
        connection.close()


def everything(connection: socket.socket) -> bytes:
    """What the server sends until it closes the connection."""
    received = b""
    with suppress(ConnectionError):
        while piece := connection.recv(65_536):
            received += piece
    return received


def status(connection: socket.socket) -> int:
    """The status of the next answer on a connection; 0 where it ends without one."""
    with suppress(ConnectionError):
        answer = connection.recv(65_536)
        return int(answer.split(b" ", 2)[1]) if answer.startswith(b"HTTP/1.1 ") else 0
    return 0


def until(condition: Callable[[], bool]) -> None:
    """Return when the condition holds. Raises: AssertionError when it does not within half a minute."""
    end = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < end, "it did not come to hold"
        time.sleep(0.01)


@pytest.mark.parametrize(
    "dawdling", [b"", b"POST /cl", HEAD + b"Content-Length: 9\r\n\r\nslow"], ids=["idle", "head", "body"]
)
def test_r9_dawdlers_give_way(connect: Callable[..., socket.socket], dawdling: bytes) -> None:
    """When every place is taken by clients that we wait for, a new one takes that of the one that waits longest."""
    slow = [connect(dawdling) for _ in range(PLACES * 3)]
    time.sleep(0.2)
    for _ in range(PLACES):
        assert status(connect(WHOLE)) == 200
    assert status(connect(READY)) == 200
    assert everything(slow[0]) == b""


def test_a_busy_connection_never_gives_way(classifier: Any, connect: Callable[..., socket.socket]) -> None:
    """Who waits for an answer keeps the place, however many come after."""
    waiting = connect(WHOLE.replace(b"talk", b"HANG"))
    until(lambda: bool(classifier.seen))
    idle = [connect() for _ in range(PLACES * 3)]
    classifier.release.set()
    assert status(waiting) == 200
    assert idle


def test_health_answers_when_every_place_is_taken(
    classifier: Any, crowded: Any, connect: Callable[..., socket.socket]
) -> None:
    """When all places wait for answers, a further request is refused with Retry-After, and health still answers."""
    waiting = [connect(WHOLE.replace(b"talk", b"HANG")) for _ in range(PLACES)]
    batcher = crowded.server.config.app.state.batcher
    until(lambda: sum(map(len, classifier.seen)) + batcher._n_queued == PLACES)
    for _ in range(5):
        answer = everything(connect(WHOLE))
        assert answer.startswith(b"HTTP/1.1 429 ")
        assert re.search(rb"retry-after: \d", answer)
        assert b'"overloaded"' in answer
        assert status(connect(READY)) == 200
    classifier.release.set()
    assert [status(connection) for connection in waiting] == [200] * PLACES


def test_r11_bodies_together_are_bounded(crowded: Any, connect: Callable[..., socket.socket]) -> None:
    """What all bodies hold together is limited: beyond it large ones are refused, small ones are not; and it frees."""
    large = HEAD + b"Content-Length: 200000\r\n\r\n" + b"x" * 190_000
    holding = [connect(large)]
    answer = b""
    while not answer:  # the next is answered only where it is refused: then the one before holds what it may
        holding.append(connect(large))
        holding[-1].settimeout(1)
        with suppress(TimeoutError):
            answer = everything(holding[-1])
        assert len(holding) < PLACES
    assert len(holding) >= 3
    assert answer.startswith(b"HTTP/1.1 429 ")
    assert b"connection: close" in answer
    assert re.search(rb"retry-after: \d", answer)
    assert status(connect(WHOLE)) == 200
    for connection in holding:
        connection.close()
    until(lambda: status(connect(large + b"x" * 10_000)) == 400)


def test_announcing_much_takes_no_room(connect: Callable[..., socket.socket]) -> None:
    """A length that is announced and not sent counts nothing: only bytes that have come are held."""
    for _ in range(10):
        connect(HEAD + b"Content-Length: 200000\r\n\r\n")
    assert status(connect(HEAD + b"Content-Length: 200000\r\n\r\n" + b"x" * 200_000)) == 400


def test_too_many_headers_are_refused(connect: Callable[..., socket.socket]) -> None:
    """Short headers take much memory each: a head with too many is refused, one with as many as allowed is not."""
    room = MAX_HEADERS - 3
    assert status(connect(WHOLE.replace(b"Host: x\r\n", b"Host: x\r\n" + b"a: b\r\n" * room))) == 200
    answer = everything(connect(WHOLE.replace(b"Host: x\r\n", b"Host: x\r\n" + b"a: b\r\n" * (room + 1))))
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert answer.count(b"HTTP/1.1") == 1


def test_endless_pipelining_is_cut_off(connect: Callable[..., socket.socket]) -> None:
    """More requests behind one another than any client sends end the connection, rather than pile up."""
    connection = connect(READY * (MAX_PIPELINED * 20))
    assert everything(connection).count(b"HTTP/1.1 200 ") <= MAX_PIPELINED


def test_a_client_that_reads_nothing_is_cut_off(
    connect: Callable[..., socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A client that asks for more than it reads loses its connection, rather than keep its answers in memory."""
    monkeypatch.setattr("service.connection.WRITE_SECONDS", 0.3)
    connection = connect()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
    end = time.monotonic() + 60
    with pytest.raises(ConnectionError):  # noqa: PT012 - each of many sends may be the one that fails
        while time.monotonic() < end:
            with suppress(TimeoutError):
                connection.settimeout(0.5)
                connection.sendall(b"GET /openapi.json HTTP/1.1\r\nHost: x\r\n\r\n" * 20)


@pytest.fixture
def overloaded(classifier: Any, live_server: Callable[..., Any]) -> Iterator[Any]:
    """A real server that refuses at the connection, and whose queue is full."""
    app = create_app(Settings(), classifier)
    with live_server(app, http=limited(PLACES, app.state.shedder)) as server:
        app.state.batcher.workload.queued_tokens += 10**7
        yield server


def answers(server: Any, sent: bytes) -> bytes:
    """What a connection of its own brings for some bytes, until it ends or a second passes after something came."""
    received = b""
    with socket.create_connection(("127.0.0.1", server.port), timeout=60) as connection, suppress(TimeoutError):
        connection.sendall(sent)
        while piece := connection.recv(65_536):
            received += piece
            connection.settimeout(1)
    return received


def test_r6_a_refusal_on_the_connection_is_that_of_the_application(overloaded: Any) -> None:
    """Refused before or behind the application: the same status, headers, code and message, counted the same."""
    named = WHOLE.replace(b"Host: x\r\n", b"Host: x\r\nX-Request-ID: mine\r\n")
    early = answers(overloaded, named)
    late = answers(overloaded, named.replace(b"Host: x\r\n", b"Host: x\r\nExpect: 100-continue\r\n"))
    late = late.replace(b"HTTP/1.1 100 Continue\r\n\r\n", b"")
    assert early.startswith(b"HTTP/1.1 429 Too Many Requests\r\n")
    head, _, body = early.partition(b"\r\n\r\n")
    late_head, _, late_body = late.partition(b"\r\n\r\n")
    assert body == late_body
    assert sorted(head.lower().split(b"\r\n")) == sorted(
        line for line in late_head.lower().split(b"\r\n") if not line.startswith((b"date:", b"server:"))
    )
    assert b"x-request-id: mine" in head
    metrics = overloaded.get("/metrics").text
    assert 'parley_requests_total{route="/classify",status="429"} 2.0' in metrics
    assert 'parley_errors_total{code="overloaded"} 2.0' in metrics


def test_refusals_on_the_connection_keep_it_in_step(overloaded: Any) -> None:
    """Several requests sent at once are refused one by one, and what is no plain case goes to the application."""
    received = answers(overloaded, WHOLE * 3 + READY + WHOLE + b"POST /nothing HTTP/1.1\r\nContent-Length: 0\r\n\r\n")
    statuses = re.findall(rb"HTTP/1.1 (\d+) ", received)
    assert statuses == [b"429", b"429", b"429", b"200", b"429", b"429"]
    assert answers(overloaded, WHOLE.replace(b"Host", b"X-Deadline-Ms: 1\r\nHost")).startswith(b"HTTP/1.1 422 ")
    assert answers(overloaded, WHOLE.replace(b"Host", b"Connection: close\r\nHost")).startswith(b"HTTP/1.1 429 ")
    large = HEAD + b"Content-Length: 70000\r\n\r\n" + b"x" * 70_000
    assert answers(overloaded, large).startswith(b"HTTP/1.1 429 ")


def test_refusals_that_nobody_reads_do_not_pile_up(overloaded: Any) -> None:
    """A client that sends without reading is held back, rather than answered into memory."""
    n_sent = 0
    with socket.create_connection(("127.0.0.1", overloaded.port), timeout=1) as connection, suppress(OSError):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        for _ in range(100_000):
            connection.sendall(WHOLE * 20)
            n_sent += 20 * len(WHOLE)
    assert n_sent < 20 * 2**20
    assert overloaded.get("/health/ready").status_code == 200


def test_r10_the_refusal_of_a_large_body_arrives(connect: Callable[..., socket.socket]) -> None:
    """Who sends on what is refused gets the answer whole, then the end; nobody may go on for ever."""
    for _ in range(20):
        connection = connect(HEAD + b"Content-Length: 900000\r\n\r\n" + b"x" * 100_000)
        answer = everything(connection)
        assert answer.startswith(b"HTTP/1.1 413 ")
        assert b'"body_too_large"' in answer
    endless = connect(HEAD + b"Content-Length: 900000000\r\n\r\n")
    started = time.monotonic()
    with pytest.raises(ConnectionError):  # noqa: PT012 - each of many sends may be the one that fails
        while time.monotonic() < started + 60:
            endless.sendall(b"x" * 65_536)
