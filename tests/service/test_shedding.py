"""Refusals on the connection where keys are needed: nobody without one learns of the load, and all is recorded."""

import json
import logging
import re
import socket
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from service import shedding
from service.app import create_app
from service.auth import fingerprint
from service.connection import limited
from service.headers import SAFE
from service.settings import Settings

KEY = "parley_x"
BODY = b'{"text": "We will talk."}'


@pytest.fixture
def exporter() -> InMemorySpanExporter:
    """Where spans end up."""
    return InMemorySpanExporter()


@pytest.fixture
def overloaded(classifier: Any, live_server: Callable[..., Any], exporter: InMemorySpanExporter) -> Iterator[Any]:
    """A real server that asks for a key and sends spans, and whose queue is full."""
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    settings = Settings(keys=f"desk {fingerprint(KEY.encode())}", cors_origins="https://desk.example")
    app = create_app(settings, classifier, spans=provider)
    with live_server(app, http=limited(20, app.state.shedder)) as server:
        app.state.batcher.workload.queued_tokens += 10**7
        yield server


def answer(server: Any, *headers: str) -> tuple[int, dict[str, str], dict[str, Any]]:
    """Status, headers and body of the answer to a statement that comes with these headers."""
    head = "".join(f"{line}\r\n" for line in ("POST /classify HTTP/1.1", "Host: x", *headers))
    sent = f"{head}Content-Type: application/json\r\nContent-Length: {len(BODY)}\r\n\r\n".encode() + BODY
    received = b""
    with socket.create_connection(("127.0.0.1", server.port), timeout=60) as connection, suppress(TimeoutError):
        connection.sendall(sent)
        while piece := connection.recv(65_536):
            received += piece
            connection.settimeout(1)
    first, _, rest = received.decode().partition("\r\n")
    lines, _, body = rest.partition("\r\n\r\n")
    names = dict(line.lower().split(": ", 1) for line in lines.split("\r\n"))
    return int(first.split()[1]), names, json.loads(body)


@pytest.mark.parametrize("sent", [(), ("Authorization: Bearer parley_other",), ("Authorization: Basic parley_x",)])
def test_without_a_key_nothing_is_learnt_of_the_load(overloaded: Any, sent: tuple[str, ...]) -> None:
    """Who has no valid key is told that, under overload too, and neither that nor for how long the queue is full."""
    status, headers, body = answer(overloaded, *sent)
    assert (status, body["error"]["code"]) == (401, "unauthorized")
    assert "retry-after" not in headers


def test_a_refusal_with_a_key_is_safe_and_recorded(
    overloaded: Any, exporter: InMemorySpanExporter, caplog: pytest.LogCaptureFixture
) -> None:
    """With a key it is refused before the application: with the safe headers, and a line, counters and a span of it."""
    caplog.set_level(logging.INFO, "parley.requests")
    status, headers, body = answer(overloaded, f"Authorization: Bearer {KEY}", "X-Request-ID: mine")
    assert (status, body["error"]["code"], body["error"]["request_id"]) == (429, "overloaded", "mine")
    assert "date" not in headers  # the server adds it to what the application answers
    assert re.fullmatch(r"\d+", headers["retry-after"])
    assert {name.decode(): value.decode() for name, value in SAFE.items()}.items() <= headers.items()
    (line,) = (record for record in caplog.records if record.name == "parley.requests")
    fields = {"method": "POST", "route": "/classify", "status": 429, "ms": 0.0, "request_id": "mine", "key": "desk"}
    assert vars(line)["fields"] == fields
    (span,) = exporter.get_finished_spans()
    assert dict(span.attributes or {}).items() >= {"http.response.status_code": 429, "parley.key": "desk"}.items()


def test_a_browser_is_told_whether_its_page_may_read(overloaded: Any) -> None:
    """What comes from a page goes through the application, which adds the leave to read the refusal."""
    sent = (f"Authorization: Bearer {KEY}", "Origin: https://desk.example")
    status, headers, _ = answer(overloaded, *sent)
    assert status == 429
    assert headers["access-control-allow-origin"] == "https://desk.example"


LINES = b"POST /classify HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
PLAIN = LINES + b"Content-Length: %d\r\n\r\n%b" % (len(BODY), BODY)


@pytest.fixture
def shedder(classifier: Any, live_server: Callable[..., Any]) -> Iterator[Any]:
    """The part that refuses, of a running service whose queue is full; no keys are asked for."""
    app = create_app(Settings(), classifier)
    with live_server(app):
        app.state.batcher.workload.queued_tokens += 10**7
        yield app.state.shedder


@pytest.mark.parametrize(
    "sent",
    [
        PLAIN[:-1],
        PLAIN + b"x",
        PLAIN * 2,
        LINES + b"\r\n",
        PLAIN.replace(b"Host: x", b"Transfer-Encoding: chunked"),
        PLAIN.replace(b"Host: x", b"Content-Length: 9"),
        PLAIN.replace(b"Host: x\r\n", b"Host: x\n"),
        PLAIN.replace(b"Host: x\r\n", b"Host: x\r\n and more\r\n"),
        PLAIN.replace(b"Host: x", b"Origin: https://desk.example"),
        PLAIN.replace(b"Host: x", b"Connection: close"),
        PLAIN.replace(b"Host: x", b"Expect: 100-continue"),
        PLAIN.replace(b"Host: x", b"X-Deadline-Ms: 100\r\nx-deadline-ms: 200"),
        PLAIN.replace(b"Host: x", b"X-Deadline-Ms: soon"),
        PLAIN.replace(b"Content-Length: ", b"Content-Length: -"),
        PLAIN.replace(b"POST", b"PUT"),
        PLAIN.replace(b"/classify", b"/other"),
        b"",
    ],
)
def test_only_a_whole_plain_request_is_refused_unparsed(shedder: Any, sent: bytes) -> None:
    """Whatever has an unusual frame, is not all there, or should be answered otherwise, is left to the parser."""
    assert shedder.at_once(sent) is None


def test_a_plain_request_is_refused_unparsed(shedder: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A whole request in one piece gets its refusal, names in any case; without a queue it gets none."""
    monkeypatch.setattr(shedding.Shedder, "_note", lambda *_: None)  # it needs the event loop
    for sent in (PLAIN, PLAIN.replace(b"Host: x", b"cOnNeCtIoN: Keep-Alive\r\nX-REQUEST-ID: Mine")):
        refusal = shedder.at_once(sent)
        assert refusal.startswith(b"HTTP/1.1 429 ")
    assert b"x-request-id: Mine\r\n" in refusal
    assert b'"request_id": "Mine"' in refusal
    shedder._batcher.workload.queued_tokens = 0
    assert shedder.at_once(PLAIN) is None


def test_many_refusals_leave_few_lines(
    overloaded: Any, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So many refusals in a second have a line each; of the others one line says how many there were."""
    monkeypatch.setattr(shedding.Metrics, "traces", False)
    monkeypatch.setattr(shedding, "LINES_PER_SECOND", 3)
    caplog.set_level(logging.INFO, "parley.requests")
    for _ in range(8):
        assert answer(overloaded, f"Authorization: Bearer {KEY}", "Connection: keep-alive")[0] == 429
    lines = [record.getMessage() for record in caplog.records if record.name == "parley.requests"]
    n_told = sum(int(line.split()[0]) for line in lines if "more requests" in line)
    assert sum(line.startswith("POST /classify 429") for line in lines) + n_told >= 7


@pytest.mark.parametrize(
    ("sent", "status"),
    [(PLAIN, b"200"), (PLAIN.replace(b"json", b"xml"), b"415"), (PLAIN.replace(b'"text"', b'"t\xff"'), b"400")],
)
def test_what_is_let_in_is_counted_until_it_ends(
    classifier: Any, live_server: Callable[..., Any], sent: bytes, status: bytes
) -> None:
    """However a request ends, nothing is expected of it any more afterwards."""
    app = create_app(Settings(), classifier)
    counted: list[int] = []
    expect = app.state.shedder.expect
    app.state.shedder.expect = lambda: (counted.append(1), expect())[1]
    sent = re.sub(rb"Length: \d+", b"Length: %d" % len(sent.partition(b"\r\n\r\n")[2]), sent)
    with live_server(app, http=limited(20, app.state.shedder)) as server:
        with socket.create_connection(("127.0.0.1", server.port), timeout=60) as connection:
            connection.sendall(sent)
            assert connection.recv(65_536).split()[1] == status
        assert counted == [1]
        assert app.state.batcher.workload.expected_tokens == 0
