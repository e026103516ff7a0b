"""Spans: what is in them, what is not, and that FastAPI adds none of its own."""

import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from starlette.testclient import TestClient

from service.app import create_app
from service.auth import fingerprint
from service.settings import Settings, SettingsError
from service.tracing import open_provider

MARK = "Quetzalcoatlus"
PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.fixture
def exporter() -> InMemorySpanExporter:
    """Where spans end up."""
    return InMemorySpanExporter()


@pytest.fixture
def provider(exporter: InMemorySpanExporter) -> TracerProvider:
    """What sends spans there at once."""
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    return provider


@pytest.fixture
def traced(classifier: Any, provider: TracerProvider) -> Iterator[TestClient]:
    """A client of an app that asks for a key and sends spans."""
    settings = Settings(keys=f"desk {fingerprint(b'parley_x')}")
    with TestClient(create_app(settings, classifier, spans=provider), raise_server_exceptions=False) as client:
        client.headers["Authorization"] = "Bearer parley_x"
        yield client


def test_a_request_is_one_span(traced: TestClient, exporter: InMemorySpanExporter) -> None:
    """Each request but the probes leaves one span with route, status, id, key and stages, below the caller's own."""
    traced.get("/health/live")
    traced.post("/classify", json={"text": "We will talk."}, headers={"traceparent": PARENT, "x-request-id": "seen"})
    (span,) = exporter.get_finished_spans()
    assert span.name == "POST /classify"
    assert span.parent
    assert f"{span.context.trace_id:032x}" == PARENT.split("-")[1]
    attributes = dict(span.attributes or {})
    stages = {name: value for name, value in attributes.items() if name.endswith("_seconds")}
    assert stages.keys() == {"parley.receive_seconds", "parley.encode_seconds", "parley.respond_seconds"}
    assert {name: value for name, value in attributes.items() if name not in stages} == {
        "http.request.method": "POST", "http.route": "/classify", "http.response.status_code": 200,
        "parley.request_id": "seen", "parley.key": "desk",
    }  # fmt: skip
    assert span.end_time
    assert span.start_time
    assert 0 < span.end_time - span.start_time < 60e9


def test_a_span_has_no_text(traced: TestClient, exporter: InMemorySpanExporter) -> None:
    """However a text is sent, and whatever it breaks, it is in no span; what is ours to mend is marked as an error."""
    for text in (MARK, f"POISON {MARK}", f"BUG {MARK}", f"{MARK}\0"):
        traced.post("/classify", json={"text": text}, params={"text": MARK})
    traced.get(f"/{MARK}", headers={"User-Agent": MARK})
    spans = exporter.get_finished_spans()
    assert len(spans) == 5
    assert MARK not in "".join(span.to_json() for span in spans)
    assert [span.status.is_ok for span in spans] == [True, False, False, True, True]


def test_the_framework_sends_none_of_its_own(
    client: TestClient, exporter: InMemorySpanExporter, provider: TracerProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where a provider is set for the whole process, nothing but service.tracing makes spans."""
    monkeypatch.setattr(trace, "get_tracer_provider", lambda: provider)
    assert client.post("/classify", json={"text": MARK}, params={"text": MARK}).status_code == 200
    assert exporter.get_finished_spans() == ()


def test_it_is_off_unless_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the setting its packages are not even imported; with it they are needed, and the error names the one."""
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk", None)
    monkeypatch.setitem(sys.modules, "opentelemetry.exporter.otlp.proto.http.trace_exporter", None)
    assert open_provider(Settings()) is None
    with pytest.raises(SettingsError, match=r"^STANCE_TRACING: needs opentelemetry-sdk .* is missing"):
        open_provider(Settings(tracing=True))


class Collector(BaseHTTPRequestHandler):
    """A collector that keeps what it is sent."""

    bodies: list[bytes]

    def do_POST(self) -> None:
        """Keep a body."""
        self.bodies.append(self.rfile.read(int(self.headers["content-length"])))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def test_spans_reach_a_collector(classifier: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the setting, spans arrive where OTEL_EXPORTER_OTLP_ENDPOINT says."""
    handler = type("Kept", (Collector,), {"bodies": []})
    with HTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{server.server_port}")
        settings = Settings(tracing=True)
        spans: Any = open_provider(settings)
        with TestClient(create_app(settings, classifier, spans=spans)) as client:
            client.get("/info")
        spans.shutdown()
        server.shutdown()
    assert b"GET /info" in b"".join(handler.bodies)
