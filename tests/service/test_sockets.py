"""Sockets that do not speak HTTP as they should, against a real server: it is ready and answers after each."""

import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from typing import Any

import pytest

GOOD = b'{"text": "We will talk."}'
HEAD = b"POST /classify HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
WHOLE = HEAD + b"Content-Length: %d\r\n\r\n%b" % (len(GOOD), GOOD)
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"


@pytest.fixture
def connect(live: Any) -> Iterator[Callable[[], socket.socket]]:
    """Opens connections to the live server, and checks afterwards that the server is ready and answers."""
    opened: list[socket.socket] = []

    def open_one() -> socket.socket:
        opened.append(socket.create_connection(("127.0.0.1", live.port), timeout=60))
        return opened[-1]

    yield open_one
    for connection in opened:
        connection.close()
    assert live.get("/health/ready").status_code == 200
    with closing(socket.create_connection(("127.0.0.1", live.port), timeout=60)) as connection:
        connection.sendall(WHOLE)
        assert status(one_answer(connection)) == 200


def everything(connection: socket.socket) -> bytes:
    """What the server sends until it closes the connection."""
    received = b""
    try:
        while piece := connection.recv(65_536):
            received += piece
    except ConnectionError:
        pass  # the server closed with bytes of ours unread
    return received


def one_answer(connection: socket.socket) -> bytes:
    """The next answer on a connection that stays open; it has a length."""
    received = b""
    while piece := connection.recv(65_536):
        received += piece
        head, end, body = received.partition(b"\r\n\r\n")
        length = re.search(rb"content-length: (\d+)", head)
        if end and length and len(body) >= int(length[1]):
            break
    return received


def status(answer: bytes) -> int:
    """The status of the first answer; 0 when there is none."""
    return int(answer.split(b" ", 2)[1]) if answer.startswith(b"HTTP/1.1 ") else 0


@pytest.mark.parametrize(
    "sent",
    [
        b"\x00\x01\x02\xff" * 1_000 + b"\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 200,
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"SSH-2.0-OpenSSH_9.9\r\n",
        b"POST /classify HTTP/9.9\r\n\r\n",
        b"POST  HTTP/1.1\r\n\r\n",
        HEAD + b"Content-Length: -5\r\n\r\n",
        HEAD + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
        HEAD + b"Content-Length: 99999999999999999999999999\r\n\r\n",
        HEAD + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        HEAD + b"Bad Header\r\n\r\n",
        CHUNKED + b"zz\r\n",
        CHUNKED + b"-1\r\nx\r\n",
        CHUNKED + b"ffffffffffffffffff\r\nx",
        CHUNKED + b"3\r\nabcdef\r\n0\r\n\r\n",
    ],
    ids=[
        "noise", "tls", "http2", "ssh", "version", "no-path", "negative-length", "two-lengths", "endless-length",
        "length-and-chunked", "bad-header", "chunk-size-letters", "chunk-size-negative", "chunk-size-overflow",
        "chunk-longer-than-said",
    ],
)  # fmt: skip
def test_what_is_not_http_is_refused(connect: Callable[[], socket.socket], sent: bytes) -> None:
    """Bytes that are no HTTP request get a 4xx, or the connection is closed."""
    connection = connect()
    connection.sendall(sent)
    assert status(everything(connection)) in (0, 400, 404, 413)


def test_a_half_closed_request(connect: Callable[[], socket.socket]) -> None:
    """A client that stops sending after part of its body leaves nothing behind."""
    connection = connect()
    connection.sendall(HEAD + b"Content-Length: 100\r\n\r\nhalf")
    connection.shutdown(socket.SHUT_WR)
    assert status(everything(connection)) == 0


def test_pipelined_requests_are_answered_in_order(connect: Callable[[], socket.socket]) -> None:
    """Requests sent without waiting are each answered, in order."""
    connection = connect()
    last = b"POST /nothing HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
    connection.sendall(WHOLE * 20 + last)
    answers = everything(connection)
    assert answers.count(b"HTTP/1.1 200 ") == 20
    assert answers.rindex(b"HTTP/1.1 404 ") > answers.rindex(b"HTTP/1.1 200 ")


def test_a_body_in_single_bytes_is_answered(connect: Callable[[], socket.socket]) -> None:
    """A chunked body of one-byte chunks is a body."""
    connection = connect()
    connection.sendall(CHUNKED + b"".join(b"1\r\n%c\r\n" % byte for byte in GOOD) + b"0\r\n\r\n")
    assert status(one_answer(connection)) == 200


def test_a_large_body_is_refused_and_closed(connect: Callable[[], socket.socket]) -> None:
    """Declared or chunked, a body over the limit gets 413 and the connection ends."""
    for sent in (HEAD + b"Content-Length: 1000000000\r\n\r\n", CHUNKED + b"1001\r\n" + b"x" * 0x1001 + b"\r\n"):
        connection = connect()
        connection.sendall(sent)
        assert status(everything(connection)) == 413


def test_a_trickled_body_meets_the_receive_deadline(connect: Callable[[], socket.socket], live: Any) -> None:
    """Clients that send a byte at a time are cut off at the deadline; meanwhile others are answered."""
    slow = [connect() for _ in range(50)]
    for connection in slow:
        connection.sendall(HEAD + b"Content-Length: 1000\r\n\r\n")
    started = time.monotonic()
    while time.monotonic() - started < 0.8:
        for connection in slow:
            with suppress(ConnectionError):  # on a slow machine the deadline may be over by now
                connection.sendall(b"x")
        assert live.get("/health/ready").status_code == 200
        time.sleep(0.1)
    assert {status(everything(connection)) for connection in slow} == {408}
    assert time.monotonic() - started < 14  # by default a body may take fifteen seconds


@pytest.mark.parametrize(
    "flood",
    [b"X-Flood: yes\r\n" * 5_000, b"X-Flood: " + b"y" * 200_000, b"y" * 200_000],
    ids=["many-headers", "long-value", "long-name"],
)
def test_a_flood_of_headers_is_cut_off(connect: Callable[[], socket.socket], flood: bytes) -> None:
    """A head that does not end is refused after 64 KiB, rather than kept."""
    connection = connect()
    try:
        connection.sendall(HEAD + flood)
        answer = everything(connection)
    except ConnectionError:
        answer = b""  # cut off while we were still sending
    assert status(answer) in (0, 400)


def test_a_long_head_is_answered(connect: Callable[[], socket.socket]) -> None:
    """A head within the limit is no flood, also several on one connection, and with a large body behind it."""
    connection = connect()
    padded = WHOLE.replace(b"Host: x\r\n", b"Host: x\r\nX-Long: " + b"y" * 40_000 + b"\r\n")
    for _ in range(4):
        connection.sendall(padded)
        assert status(one_answer(connection)) == 200


def test_a_trickled_head_is_cut_off(connect: Callable[[], socket.socket], monkeypatch: pytest.MonkeyPatch) -> None:
    """Connections that send no request, or one header byte at a time, are closed; also behind an answered request."""
    monkeypatch.setattr("service.connection.HEAD_SECONDS", 0.5)
    silent, trickling, second = connect(), connect(), connect()
    second.sendall(WHOLE)
    assert status(one_answer(second)) == 200
    started = time.monotonic()
    open_still = {trickling, second}
    while open_still and time.monotonic() - started < 30:
        for connection in list(open_still):
            try:
                connection.sendall(b"G" if time.monotonic() - started < 0.1 else b"E")
            except ConnectionError:
                open_still.discard(connection)
        time.sleep(0.05)
    assert not open_still
    assert everything(silent) == b""


def test_a_busy_connection_outlives_the_wait_for_a_head(
    serve: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The limit on heads does not cut a request that is being answered, nor a body that arrives slowly but in time."""
    monkeypatch.setattr("service.connection.HEAD_SECONDS", 1.0)
    with serve(receive_seconds=60) as server, socket.create_connection(("127.0.0.1", server.port), 60) as connection:
        connection.sendall(HEAD + b"Content-Length: %d\r\n\r\n" % len(GOOD))
        time.sleep(1.5)
        connection.sendall(GOOD)
        assert status(one_answer(connection)) == 200


def test_a_hundred_clients_that_vanish(connect: Callable[[], socket.socket]) -> None:
    """Clients that disconnect in the middle of a request, at any point of it, leave the service ready."""
    for end in range(1, len(WHOLE), 2):
        connection = connect()
        connection.sendall(WHOLE[:end])
        connection.close()


def test_a_client_that_reads_nothing(connect: Callable[[], socket.socket]) -> None:
    """A client that sends requests and never reads holds up nobody else."""
    connection = connect()
    connection.settimeout(0.2)
    large = b"GET /openapi.json HTTP/1.1\r\nHost: x\r\n\r\n"
    try:
        for _ in range(2_000):
            connection.sendall(large)
    except (TimeoutError, ConnectionError):
        pass  # the server stopped taking more, or ended a connection with too many requests under way, as it should


def test_many_at_once(live: Any) -> None:
    """A hundred connections at once are all answered."""
    statuses: list[int] = []

    def one() -> None:
        with closing(socket.create_connection(("127.0.0.1", live.port), timeout=60)) as connection:
            connection.sendall(WHOLE)
            statuses.append(status(one_answer(connection)))

    threads = [threading.Thread(target=one) for _ in range(100)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert statuses == [200] * 100
