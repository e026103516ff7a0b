"""The watchdog: the canary at the start and when idle, a dead engine thread, and giving up on what stays broken."""

import asyncio
import ctypes
import logging
import time
from collections.abc import Callable
from typing import Any

import httpx2 as httpx
import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from models.errors import EngineFailed
from models.prediction import Prediction
from service.watchdog import CANARY


async def until(condition: Callable[[], bool], *, seconds: float = 30) -> None:
    """Return when the condition holds. Raises: AssertionError when it does not in time."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not come to hold"
        await asyncio.sleep(0.01)


def fail() -> None:
    """What a broken engine does."""
    raise EngineFailed("broken")


def test_ready_after_the_first_canary_only(
    classifier: Any, make_app: Callable[..., FastAPI], assert_refused: Callable[..., dict[str, Any]]
) -> None:
    """A service whose first canary fails starts unready, says why, and is ready as soon as one succeeds."""
    classifier.canary = fail
    with TestClient(make_app(), raise_server_exceptions=False) as client:
        refusal = assert_refused(client.get("/health/ready"), "not_ready")
        assert refusal["message"] == "the engine failed on the test statement"
        assert client.get("/health/live").status_code == 200
        classifier.canary = lambda: None
        end = time.monotonic() + 30
        while client.get("/health/ready").status_code != 200:
            assert time.monotonic() < end
            time.sleep(0.05)


def test_an_idle_service_asks_itself(
    classifier: Any, with_app: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without traffic a canary goes out every so often, and one that fails turns readiness off until one succeeds."""
    monkeypatch.setattr("service.watchdog.IDLE_SECONDS", 0.3)
    monkeypatch.setattr("service.watchdog.RETRY_SECONDS", 0.1)
    calls = []
    classifier.canary = lambda: calls.append(time.monotonic())

    async def scenario(http: httpx.AsyncClient, app: FastAPI) -> None:
        await until(lambda: len(calls) >= 3)
        classifier.canary = fail
        await until(lambda: app.state.watchdog.trouble() is not None)
        assert (await http.get("/health/ready")).status_code == 503
        classifier.canary = lambda: None
        await until(lambda: app.state.watchdog.trouble() is None)
        assert (await http.get("/health/ready")).status_code == 200

    with_app(scenario)


def test_traffic_needs_no_canary(
    classifier: Any, with_app: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """While forward passes succeed, none is spent on a canary."""
    monkeypatch.setattr("service.watchdog.IDLE_SECONDS", 1.5)
    calls = []
    classifier.canary = lambda: calls.append(None)

    async def scenario(http: httpx.AsyncClient, _: FastAPI) -> None:
        end = time.monotonic() + 2.5
        while time.monotonic() < end:
            assert (await http.post("/classify", json={"text": "text"})).status_code == 200
            await asyncio.sleep(0.05)
        assert len(calls) == 1

    with_app(scenario)


def garble(_: object) -> None:
    """What a broken tokeniser does."""
    raise ValueError("broken")


@pytest.mark.parametrize("broken", ["engine fails", "engine stalls", "encoder fails"])
def test_answered_requests_end_what_a_canary_began(
    classifier: Any, with_app: Callable[..., None], assert_refused: Callable[..., dict[str, Any]], broken: str
) -> None:
    """Once requests are answered a canary that got no answer is no reason to stay unready, or to give up."""
    encode = classifier.encode
    if broken == "engine fails":
        classifier.canary = fail
    elif broken == "engine stalls":
        classifier.canary = lambda: classifier.release.wait(20)
    else:
        classifier.encode = garble

    async def scenario(http: httpx.AsyncClient, app: FastAPI) -> None:
        refusal = assert_refused(await http.get("/health/ready"), "not_ready")
        assert refusal["message"] != "the service is starting"
        classifier.encode = encode
        classifier.release.set()
        for n in range(40):  # longer than hang_seconds, and never idle for as long as a canary waits
            assert (await http.post("/classify", json={"text": f"text {n}"})).status_code == 200
            assert (await http.get("/health/ready")).status_code == 200
            await asyncio.sleep(0.05)
        assert not app.state.watchdog.gave_up

    with_app(scenario, deadline_seconds=1.0, hang_seconds=1.5)


def test_an_engine_that_answered_otherwise_is_asked_under_traffic(
    classifier: Any, with_app: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Answers to others prove nothing of an engine that answered otherwise; the canary, sent between them, does."""
    monkeypatch.setattr("service.watchdog.IDLE_SECONDS", 0.1)
    right = classifier.signature

    async def scenario(http: httpx.AsyncClient, app: FastAPI) -> None:
        async def ask() -> bool:
            assert (await http.post("/classify", json={"text": "text"})).status_code == 200
            await asyncio.sleep(0.05)
            return (await http.get("/health/ready")).status_code == 200

        classifier.signature = lambda text: right(text) + 0.01
        await until(lambda: app.state.watchdog.trouble() is not None)
        assert not any([await ask() for _ in range(25)])
        classifier.signature = right
        end = time.monotonic() + 3
        while not await ask():
            assert time.monotonic() < end, "no canary was sent between the requests"

    with_app(scenario)


def test_an_engine_that_answers_otherwise_is_not_ready(
    classifier: Any,
    with_app: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
    assert_refused: Callable[..., dict[str, Any]],
) -> None:
    """A canary whose probabilities have moved since the start shows an engine that cannot be trusted."""
    monkeypatch.setattr("service.watchdog.IDLE_SECONDS", 0.1)

    async def scenario(http: httpx.AsyncClient, app: FastAPI) -> None:
        right = classifier.signature(CANARY)
        classifier.signature = lambda _: right + 0.01
        await until(lambda: app.state.watchdog.trouble() is not None)
        refusal = assert_refused(await http.get("/health/ready"), "not_ready")
        assert refusal["message"] == "the engine answers the test statement otherwise than at first"

    with_app(scenario)


def test_r5_a_dead_engine_thread_is_visible(
    classifier: Any, with_app: Callable[..., None], assert_refused: Callable[..., dict[str, Any]]
) -> None:
    """When the engine's thread dies, readiness is 503 and everybody who waits is refused, long before any deadline."""

    async def scenario(http: httpx.AsyncClient, app: FastAPI) -> None:
        assert (await http.post("/classify", json={"text": "before"})).status_code == 200
        thread = app.state.batcher._thread
        ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread.ident), ctypes.py_object(SystemExit))
        calls = [asyncio.create_task(http.post("/classify", json={"text": f"text {n}"})) for n in range(10)]
        responses = await asyncio.wait_for(asyncio.gather(*calls), 30)
        for response in responses:
            assert_refused(response, "not_ready")
        assert not thread.is_alive()
        assert_refused(await http.get("/health/ready"), "not_ready")
        assert (await http.get("/health/live")).status_code == 200
        assert_refused(await http.post("/classify", json={"text": "late"}), "not_ready")

    with_app(scenario, deadline_seconds=600)


def test_r4_the_watchdog_gives_up_on_a_hung_engine(
    classifier: Any,
    with_app: Callable[..., None],
    assert_refused: Callable[..., dict[str, Any]],
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A forward pass that hangs for hang_seconds: who waits is refused at once, and the program is told to end."""

    async def scenario(http: httpx.AsyncClient, app: FastAPI) -> None:
        hung = asyncio.create_task(http.post("/classify", json={"text": "HANG"}))
        assert_refused(await asyncio.wait_for(hung, 15), "not_ready")
        assert app.state.watchdog.gave_up
        assert app.state.batcher.abandoned
        assert_refused(await http.get("/health/ready"), "not_ready")
        classifier.release.set()

    with_app(scenario, hang_seconds=1.0)
    assert "gave up after 1 seconds" in caplog.text


def test_a_long_pass_that_ends_is_forgiven(
    classifier: Any, with_app: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A forward pass slower than most, but not for hang_seconds, is answered and leaves the service ready."""
    monkeypatch.setattr("service.watchdog.SLOW_SECONDS", 3.0)

    async def scenario(http: httpx.AsyncClient, app: FastAPI) -> None:
        hung = asyncio.create_task(http.post("/classify", json={"text": "HANG"}))
        await asyncio.sleep(1.6)
        classifier.release.set()
        assert (await hung).status_code == 200
        await asyncio.sleep(0.6)
        assert not app.state.watchdog.gave_up
        assert (await http.get("/health/ready")).status_code == 200

    with_app(scenario, hang_seconds=1.5)


def test_an_engine_that_leaves_the_program_fails_alone(bench: Any) -> None:
    """A SystemExit inside a forward pass is that text's error, not the end of the event loop."""

    async def scenario(batcher: Any) -> None:
        predict = bench.classifier.predict_encoded
        bench.classifier.predict_encoded = lambda _: (_ for _ in ()).throw(SystemExit(1))
        (bad,) = await bench.submit(batcher, "text")
        assert not isinstance(bad, Prediction)
        bench.classifier.predict_encoded = predict
        assert await bench.submit(batcher, "text") == [bench.own("text")]

    bench.drive(scenario)


def test_draining_shows_first(client: TestClient, assert_refused: Callable[..., dict[str, Any]]) -> None:
    """Told to stop, the service says so in readiness while it still answers."""
    client.app.state.watchdog.draining = True  # type: ignore[attr-defined]  # the app of this client is a FastAPI
    assert assert_refused(client.get("/health/ready"), "not_ready")["message"] == "the service is stopping"
    assert client.post("/classify", json={"text": "text"}).status_code == 200


def test_the_log_has_no_text(
    classifier: Any, make_app: Callable[..., FastAPI], caplog: pytest.LogCaptureFixture
) -> None:
    """A canary that fails is logged by its cause, without the statement."""
    caplog.set_level(logging.DEBUG)
    classifier.canary = fail
    with TestClient(make_app()):
        pass
    assert "EngineFailed: broken" in caplog.text
    assert CANARY not in caplog.text
