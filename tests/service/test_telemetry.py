"""Request ids, counters, the one error body, and texts that show up nowhere."""

import asyncio
import json
import logging
import re
from collections.abc import Callable
from typing import Any

import httpx2 as httpx
import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from models.errors import EngineFailed
from service.errors import ServiceError, trace

TEXT = "We will talk."
CANARY = "Quetzalcoatlus"


def sample(client: TestClient, name: str, **labels: str) -> float:
    """The value of one sample of /metrics; 0 when it is not there."""
    wanted = ",".join(f'{label}="{value}"' for label, value in sorted(labels.items()))
    for line in client.get("/metrics").text.splitlines():
        if not line.startswith("#"):
            left, _, value = line.rpartition(" ")
            found, _, rest = left.partition("{")
            if found == name and ",".join(sorted(rest.rstrip("}").split(","))) == wanted:
                return float(value)
    return 0.0


def test_every_answer_has_a_request_id(client: TestClient) -> None:
    """Each answer, good or bad, carries an id of its own when the caller sent none."""
    paths = ["/info", "/nothing", "/health/live", "/metrics", "/docs", "/openapi.json"]
    ids = [client.get(path).headers["x-request-id"] for path in paths]
    assert len(set(ids)) == len(paths)
    assert all(re.fullmatch("[0-9a-f]{16}", request_id) for request_id in ids)


@pytest.mark.parametrize("given", ["a", "trace-01.B_2", "x" * 64])
def test_a_plain_request_id_is_kept(client: TestClient, given: str) -> None:
    """A short and plain id of the caller's comes back, in the header and in the error body."""
    response = client.get("/nothing", headers={"x-request-id": given})
    assert response.headers["x-request-id"] == given
    assert response.json()["error"]["request_id"] == given


@pytest.mark.parametrize(
    "given", ["", "x" * 65, "parley_key", "a b", "a;b", 'a"b', "a\\nb", "é".encode().decode("latin-1"), "{}"]
)
def test_a_forged_request_id_is_replaced(client: TestClient, given: str) -> None:
    """An id that is long, or that could forge a log line or be a key, is replaced by one of ours."""
    response = client.get("/nothing", headers={"x-request-id": given.encode("latin-1")})
    assert re.fullmatch("[0-9a-f]{16}", response.headers["x-request-id"])


def test_requests_are_counted_by_route_and_status(client: TestClient) -> None:
    """Each request is counted once, under its route and status; each error under its code; latency under its route."""
    for _ in range(3):
        client.post("/classify", json={"text": TEXT})
    client.post("/classify", json={"text": ""})
    client.post("/classify/batch", json={"items": [{"text": TEXT}, {"text": ""}]})
    client.get("/classify")
    assert sample(client, "parley_requests_total", route="/classify", status="200") == 3
    assert sample(client, "parley_requests_total", route="/classify", status="422") == 1
    assert sample(client, "parley_requests_total", route="/classify", status="405") == 1
    assert sample(client, "parley_requests_total", route="/classify/batch", status="200") == 1
    assert sample(client, "parley_errors_total", code="empty_text") == 1
    assert sample(client, "parley_errors_total", code="method_not_allowed") == 1
    assert sample(client, "parley_request_seconds_count", route="/classify") == 5
    assert sample(client, "parley_predictions_total", stance="conditional") == 4
    assert sample(client, "parley_engine_texts_total") == 4 + 1  # and the canary
    assert sample(client, "parley_queued_tokens") == 0


def test_unknown_paths_share_one_label(client: TestClient) -> None:
    """A scanner of paths adds one series, not one for each path."""
    for number in range(50):
        client.get(f"/scan/{CANARY}{number}", params={"q": CANARY})
    assert sample(client, "parley_requests_total", route="unknown", status="404") == 50
    assert CANARY not in client.get("/metrics").text


def test_metrics_are_prometheus(client: TestClient) -> None:
    """/metrics is in the Prometheus text format and can be parsed by its own client."""
    from prometheus_client.parser import text_string_to_metric_families

    client.post("/classify", json={"text": TEXT})
    response = client.get("/metrics")
    assert response.headers["content-type"].startswith("text/plain; version=")
    names = {family.name for family in text_string_to_metric_families(response.text)}
    assert {"parley_requests", "parley_errors", "parley_request_seconds", "parley_predictions"} <= names
    assert {"parley_engine_batches", "parley_engine_seconds", "parley_engine_expired", "parley_queued_tokens"} <= names


def test_an_internal_error_says_nothing_and_is_logged(
    make_app: Callable[..., FastAPI], assert_refused: Callable[..., Any], caplog: pytest.LogCaptureFixture
) -> None:
    """An unexpected exception gives the one 500 body without detail; the log has its type, its place and the id."""
    app = make_app()

    @app.get("/broken")
    async def broken() -> None:
        raise KeyError(CANARY)

    with TestClient(app, raise_server_exceptions=False) as client, caplog.at_level(logging.ERROR):
        response = client.get("/broken", headers={"x-request-id": "look-here"})
        error = assert_refused(response, "internal", without="KeyError")
        assert error["message"] == "an internal error; the request id finds it in the log"
        assert sample(client, "parley_requests_total", route="/broken", status="500") == 1
    (record,) = [r for r in caplog.records if r.name == "parley.requests"]
    assert "look-here" in record.getMessage()
    assert "KeyError" in record.getMessage()
    assert "test_telemetry.py" in record.getMessage()
    assert CANARY not in record.getMessage()


def test_a_trace_names_causes_without_foreign_messages() -> None:
    """The trace of an error has the place of each cause; only messages of our own errors are in it."""
    try:
        try:
            raise ValueError(CANARY)
        except ValueError as error:
            raise EngineFailed("forward pass failed") from error
    except EngineFailed as error:
        text = trace(error)
    assert "EngineFailed: forward pass failed" in text
    assert "ValueError\n" in text
    assert CANARY not in text


def test_the_access_log_has_one_line_for_each_request(client: TestClient, caplog: pytest.LogCaptureFixture) -> None:
    """A request leaves one line: method, route, status, milliseconds, id; health checks leave none."""
    with caplog.at_level(logging.INFO, logger="parley"):
        client.post(f"/classify?note={CANARY}", json={"text": TEXT}, headers={"x-request-id": "line"})
        client.get("/health/ready")
    (line,) = [record.getMessage() for record in caplog.records if record.name.startswith("parley")]
    assert re.fullmatch(r"POST /classify 200 [\d.]+ ms id=line", line)


WAYS: list[tuple[str, dict[str, Any]]] = [
    ("/classify", {"json": {"text": CANARY}}),
    ("/classify", {"json": {"text": f"POISON {CANARY}"}}),
    ("/classify", {"json": {"text": f"BUG {CANARY}"}}),
    ("/classify", {"json": {"text": f"{CANARY}\x00"}}),
    ("/classify", {"json": {"text": CANARY * 3_000}}),
    ("/classify", {"json": {"text": [CANARY]}}),
    ("/classify", {"json": {CANARY: CANARY}}),
    ("/classify", {"json": {"text": TEXT, CANARY: 1}}),
    ("/classify", {"json": [CANARY]}),
    ("/classify", {"json": CANARY}),
    ("/classify", {"content": CANARY.encode()}),
    ("/classify", {"content": CANARY.encode(), "headers": {"content-type": "text/plain"}}),
    ("/classify", {"content": CANARY.encode() + b"\xff", "headers": {"content-type": "text/plain"}}),
    ("/classify", {"content": b'{"text": "' + CANARY.encode() + b'\\ud800"}', "headers": {"content-type": "a/b+json"}}),
    ("/classify", {"content": b'{"' + CANARY.encode(), "headers": {"content-type": "application/json"}}),
    ("/classify", {"content": CANARY.encode(), "headers": {"content-type": CANARY}}),
    ("/classify", {"content": CANARY.encode(), "headers": {"content-encoding": CANARY}}),
    ("/classify", {"json": {"text": TEXT}, "headers": {"x-request-id": f"{CANARY} !"}}),
    ("/classify", {"json": {"text": TEXT}, "params": {"text": CANARY}}),
    (f"/{CANARY}", {"json": {"text": CANARY}}),
    ("/classify/batch", {"json": {"items": [{"text": CANARY}, {"text": f"POISON {CANARY}"}, {CANARY: 1}, CANARY]}}),
    ("/classify/batch", {"json": {"items": CANARY, CANARY: CANARY}}),
    ("/classify/batch", {"json": {"items": [{"text": CANARY}] * 300}}),
]


@pytest.mark.parametrize(("path", "request_options"), WAYS)
def test_texts_show_up_nowhere(
    client: TestClient, caplog: pytest.LogCaptureFixture, path: str, request_options: dict[str, Any]
) -> None:
    """However a text is sent, it is in no log record at any level, in no metric and in no answer."""
    caplog.set_level(logging.DEBUG)
    response = client.post(path, **request_options)
    assert CANARY not in response.text
    assert CANARY not in str(response.headers)
    for record in caplog.records:
        if record.name.startswith(("httpx", "httpcore")):
            continue  # the test's own client
        assert CANARY not in record.getMessage()
        assert CANARY not in logging.Formatter().format(record)
        assert CANARY not in json.dumps(record.__dict__, default=repr)
    assert CANARY not in client.get("/metrics").text


def test_a_request_cut_off_by_the_end_of_draining_is_told(
    classifier: Any, make_app: Callable[..., FastAPI], assert_refused: Callable[..., Any]
) -> None:
    """When the server cancels what still runs at the end of the drain, the caller gets not_ready, not a bare 500."""

    async def main() -> None:
        app = make_app()
        transport = httpx.ASGITransport(app=app)
        async with (
            app.router.lifespan_context(app),
            httpx.AsyncClient(transport=transport, base_url="http://parley") as http,
        ):
            call = asyncio.create_task(http.post("/classify", json={"text": "HANG"}))
            while not classifier.seen:
                await asyncio.sleep(0.001)
            call.cancel()
            response = await call
            assert_refused(response, "not_ready")
            assert response.headers["retry-after"]
            classifier.release.set()

    asyncio.run(main())


def test_a_service_error_is_worded_by_the_table(
    make_app: Callable[..., FastAPI], assert_refused: Callable[..., Any]
) -> None:
    """Whatever code of the table is raised anywhere, its status, message and headers are what goes out."""
    app = make_app()

    @app.get("/full")
    async def full() -> None:
        raise ServiceError("overloaded", "full", retry_after_seconds=7)

    with TestClient(app, raise_server_exceptions=False) as client:
        response = client.get("/full")
        assert assert_refused(response, "overloaded")["message"] == "full"
        assert response.headers["retry-after"] == "7"
