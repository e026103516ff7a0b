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
    with socket.create_connection(("127.0.0.1", server.port), timeout=1) as connection, suppress(TimeoutError):
        connection.sendall(sent)
        while piece := connection.recv(65_536):
            received += piece
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
