"""The program around the app, over a fake classifier: how it starts, drains and ends."""

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

SLACK_SECONDS = 30
"""What an end may take besides notice and drain on a very busy machine; a quiet one needs about one. What should not
hold up the end would hold it up for longer, or for ever."""
WAIT_SECONDS = 90
"""After so long a program that should end is taken for one that does not."""

PROGRAM = """
import importlib.util, sys
from models.classifier import StanceClassifier
from models.errors import EngineFailed
spec = importlib.util.spec_from_file_location("fakes", sys.argv[1])
fakes = importlib.util.module_from_spec(spec)
spec.loader.exec_module(fakes)
def fail(self):
    raise EngineFailed("no forward pass succeeds")
if len(sys.argv) > 2:
    fakes.FakeClassifier.warm_up = fail
StanceClassifier.open = lambda *_, **__: fakes.FakeClassifier()
import service.__main__ as program
program.TURN_SECONDS = 3.0
import service.connection
service.connection.LAST_HEAD_SECONDS = 10.0  # a busy machine sends late
raise SystemExit(program.main())
"""

Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def start(root: Path) -> Iterator[Start]:
    """Starts the program over a fake classifier; whatever still runs at the end is killed."""
    started: list[subprocess.Popen[str]] = []

    def begin(*arguments: str, **settings: str) -> subprocess.Popen[str]:
        fakes = root / "tests" / "service" / "conftest.py"
        process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, str(fakes), *arguments],
            cwd=root,
            env={**os.environ, "PYTHONPATH": str(root), "STANCE_PORT": "0", **settings},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield begin
    for process in started:
        process.kill()
        process.communicate()


def port(process: subprocess.Popen[str]) -> int:
    """The port that the program says it listens on."""
    assert process.stdout
    found = re.search(r"http://127\.0\.0\.1:(\d+)", process.stdout.readline())
    assert found
    return int(found[1])


def send(process_port: int, text: str) -> socket.socket:
    """A connection on which this statement has been sent."""
    body = json.dumps({"text": text}).encode()
    head = b"POST /classify HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
    connection = socket.create_connection(("127.0.0.1", process_port), timeout=60)
    connection.sendall(head % len(body) + body)
    return connection


def read_to_end(connection: socket.socket) -> bytes:
    """What a connection brings until the server closes it."""
    with connection:
        return b"".join(iter(lambda: connection.recv(65_536), b""))


def read_head(connection: socket.socket) -> bytes:
    """The beginning of the next answer, on a connection that ends with it."""
    with connection:
        return connection.recv(65_536)


def ask(process_port: int, path: str) -> bytes:
    """The answer to a GET on a connection of its own."""
    with socket.create_connection(("127.0.0.1", process_port), timeout=60) as connection:
        connection.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
        return b"".join(iter(lambda: connection.recv(65_536), b""))


def is_ready(process_port: int) -> bool:
    """Whether the program says that requests should be sent there."""
    answer = ask(process_port, "/health/ready")
    assert answer.startswith((b"HTTP/1.1 200 ", b"HTTP/1.1 503 "))
    return answer.startswith(b"HTTP/1.1 200 ")


def until(condition: Callable[[], bool]) -> None:
    """Return when the condition holds. Raises: AssertionError when it does not within half a minute."""
    end = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < end, "it did not come to hold"
        time.sleep(0.02)


def test_r2_the_end_is_bounded_though_a_client_never_reads(start: Start) -> None:
    """A client that asks for much and reads nothing does not hold up the end beyond the drain."""
    process = start(STANCE_DRAIN_SECONDS="1")
    with socket.create_connection(("127.0.0.1", port(process)), timeout=1) as connection:
        with contextlib.suppress(TimeoutError):  # the service stops taking more, as it should
            for _ in range(60):
                connection.sendall(b"GET /openapi.json HTTP/1.1\r\nHost: x\r\n\r\n" * 50)
        started = time.monotonic()
        process.send_signal(signal.SIGTERM)
        assert process.wait(WAIT_SECONDS) == 0
        assert time.monotonic() - started < 2 + SLACK_SECONDS


def test_r1_readiness_turns_before_the_socket_closes(start: Start) -> None:
    """Told to stop, readiness is 503 on new connections while requests are still answered, each closing its own."""
    process = start(STANCE_NOTICE_SECONDS="5")
    number = port(process)
    waiting = send(number, "SLOW")
    process.send_signal(signal.SIGTERM)
    until(lambda: not is_ready(number))
    for _ in range(5):
        assert not is_ready(number)
        answer = read_to_end(send(number, "still answered"))
        assert answer.startswith(b"HTTP/1.1 200 ")
        assert b"connection: close" in answer
    assert read_to_end(waiting).startswith(b"HTTP/1.1 200 ")
    assert process.wait(WAIT_SECONDS) == 0
    with pytest.raises(ConnectionError):
        socket.create_connection(("127.0.0.1", number), timeout=60)


def test_r1_a_connection_just_made_is_answered(start: Start) -> None:
    """A client that connected before the socket closed, and sends its request a moment after, has its answer."""
    process = start(STANCE_NOTICE_SECONDS="0.5")
    number = port(process)
    with socket.create_connection(("127.0.0.1", number), timeout=60) as late:
        process.send_signal(signal.SIGTERM)
        time.sleep(0.7)  # after the notice, while new connections may still bring their first request
        late.sendall(b"GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n")
        assert late.recv(65_536).startswith(b"HTTP/1.1 200 ")
    assert process.wait(WAIT_SECONDS) == 0


def test_r4_a_hung_engine_ends_the_program(start: Start) -> None:
    """A forward pass that never ends: 504 at the deadline, readiness 503, and exit status 1 within a stated time."""
    process = start(STANCE_DEADLINE_SECONDS="0.5", STANCE_HANG_SECONDS="4", STANCE_DRAIN_SECONDS="1")
    number = port(process)
    started = time.monotonic()
    assert read_head(send(number, "HANG")).startswith(b"HTTP/1.1 504 ")
    until(lambda: not is_ready(number))
    assert process.wait(WAIT_SECONDS) == 1
    assert 3.5 < time.monotonic() - started < 4 + 1 + SLACK_SECONDS
    assert process.stderr
    assert "gave up after 4 seconds: the engine does not answer" in process.stderr.read()


def test_r4_a_hung_event_loop_ends_the_program(start: Start) -> None:
    """When the event loop hangs, nothing in Python can notice: the program ends with 1 all the same, and says where."""
    process = start(STANCE_HANG_SECONDS="1")
    connection = send(port(process), "FREEZE")
    started = time.monotonic()
    assert process.wait(WAIT_SECONDS) == 1
    assert time.monotonic() - started < 1 + SLACK_SECONDS
    connection.close()
    assert process.stderr
    assert "Timeout" in process.stderr.read()


def test_r2_the_end_is_bounded_though_a_forward_pass_hangs(start: Start) -> None:
    """While a forward pass hangs, its caller gets 503 and the process ends with 1 soon after the drain."""
    process = start(STANCE_DRAIN_SECONDS="1", STANCE_NOTICE_SECONDS="0")
    number = port(process)
    connection, behind = send(number, "HANG"), send(number, "behind it")
    until(lambda: b"\nparley_queued_tokens 0" not in ask(number, "/metrics"))
    started = time.monotonic()
    process.send_signal(signal.SIGTERM)
    answer = read_to_end(connection)
    assert answer.startswith(b"HTTP/1.1 503 ")
    assert b'"not_ready"' in answer
    behind.close()
    assert process.wait(WAIT_SECONDS) == 1
    assert time.monotonic() - started < 1 + SLACK_SECONDS
    assert process.stderr
    assert "Traceback" not in process.stderr.read()


def test_r2_the_end_is_bounded_though_a_body_trickles(start: Start) -> None:
    """A client that never finishes its body does not hold up the end beyond the drain."""
    process = start(STANCE_DRAIN_SECONDS="1")
    with socket.create_connection(("127.0.0.1", port(process)), timeout=20) as connection:
        connection.sendall(b"POST /classify HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nx")
        time.sleep(0.2)
        started = time.monotonic()
        process.send_signal(signal.SIGTERM)
        assert process.wait(WAIT_SECONDS) == 0
        assert time.monotonic() - started < 1 + SLACK_SECONDS
    assert process.stderr
    assert "Traceback" not in process.stderr.read()


def test_an_idle_connection_does_not_hold_up_the_end(start: Start) -> None:
    """A connection kept alive without a request is closed at once, long before the drain is over."""
    process = start(STANCE_DRAIN_SECONDS="300")
    connection = send(port(process), "first")
    assert connection.recv(65_536).startswith(b"HTTP/1.1 200 ")
    started = time.monotonic()
    process.send_signal(signal.SIGTERM)
    assert b"HTTP/1.1" not in read_to_end(connection)  # at most the rest of the answer
    assert process.wait(WAIT_SECONDS) == 0
    assert time.monotonic() - started < SLACK_SECONDS


def test_a_model_that_cannot_answer_is_not_served(start: Start) -> None:
    """When the first forward pass fails the program ends with 1 and one line, before it listens."""
    process = start("broken")
    output, errors = process.communicate(timeout=WAIT_SECONDS)
    assert process.returncode == 1
    assert output == ""
    assert errors.splitlines()[-1] == "parley: the model cannot be served: no forward pass succeeds"
    assert "Traceback" not in errors


def test_a_port_in_use_ends_the_start(start: Start) -> None:
    """A port that is taken ends the program with status 3, the cause and no traceback."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        process = start(STANCE_PORT=str(taken.getsockname()[1]))
        output, errors = process.communicate(timeout=WAIT_SECONDS)
    assert process.returncode == 3
    assert output == ""
    assert "address already in use" in errors
    assert "Traceback" not in errors
