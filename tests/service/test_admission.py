"""Admission by estimated work: what waits, at the measured rate, against the deadline; and the deadline's header."""

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable
from typing import Any

import httpx2 as httpx
import pytest
from fastapi import FastAPI
from hypothesis import given
from hypothesis import strategies as st

from service.admission import MARGIN, Workload
from service.batching import Batcher
from service.errors import Unavailable
from service.gate import DEADLINE_HEADER


def test_the_wait_is_estimated_from_the_measured_rate() -> None:
    """The estimate grows with what waits and runs, and shrinks with the rate of the engine."""
    workload = Workload(10**6, queued_tokens=50_000, running_tokens=2_000, tokens_per_second=20_000.0)
    assert workload.wait_seconds() == pytest.approx(2.6)
    assert workload.wait_seconds(8_000) == pytest.approx(3.0)
    workload.tokens_per_second = 4_000.0
    assert workload.wait_seconds(8_000) == pytest.approx(15.0)


def test_the_rate_is_measured() -> None:
    """The guess gives way to the measured rate, from below and from above; a lone short text moves it little."""
    for guess in (100.0, 10**6):
        workload = Workload(10**6, tokens_per_second=guess)
        for _ in range(60):
            workload.record(2_048, 0.1)
        assert workload.tokens_per_second == pytest.approx(20_480, rel=0.01)
        workload.record(16, 1.0)
        assert workload.tokens_per_second == pytest.approx(20_480, rel=0.01)


def test_a_refusal_says_when_to_come_back() -> None:
    """Retry-After is the estimated time until what waits now is done, in whole seconds, at least one."""
    for queued, seconds in ((10, 1), (20_000, 2), (95_000, 10)):
        with pytest.raises(Unavailable) as refusal:
            Workload(10**6, queued_tokens=queued, tokens_per_second=10_000.0).admit(900_000, within_seconds=15)
        assert refusal.value.kind.code == "overloaded"
        assert refusal.value.headers["retry-after"] == str(seconds)
        assert f"in {seconds} seconds" in refusal.value.message


@given(st.integers(0, 200_000), st.integers(0, 4_096), st.integers(16, 70_000), st.floats(0.1, 60))
def test_admission_is_by_deadline_and_by_room(queued: int, running: int, asked: int, within: float) -> None:
    """Admitted is what fits the queue and is done in time by the estimate, and whatever finds an empty queue."""
    workload = Workload(100_000, queued_tokens=queued, running_tokens=running, tokens_per_second=5_000.0)
    fits = queued + asked <= 100_000 and (queued + running + asked) / 5_000 * MARGIN <= within
    try:
        workload.admit(asked, within_seconds=within)
        admitted = True
    except Unavailable:
        admitted = False
    assert admitted == (fits or queued == 0)


def test_r6_a_request_that_would_be_late_is_refused_now(bench: Any) -> None:
    """Of two requests behind one queue the one with the tighter deadline is refused at once, the other is taken."""

    async def scenario(batcher: Batcher) -> None:
        hung = await bench.hang(batcher)
        batcher.workload.tokens_per_second = 1_000.0
        waiting = asyncio.create_task(bench.submit(batcher, *["w" * 256] * 8))  # two seconds of work
        await asyncio.sleep(0)
        with pytest.raises(Unavailable) as refusal:
            await bench.submit(batcher, "n" * 16, seconds=1)
        assert refusal.value.kind.code == "overloaded"  # at once: at its deadline it would be deadline_exceeded
        assert refusal.value.headers["retry-after"] == "3"
        patient = asyncio.create_task(bench.submit(batcher, "p" * 16, seconds=10))
        bench.classifier.release.set()
        await asyncio.gather(hung, waiting, patient)

    bench.drive(scenario)
    assert not any("n" * 16 in texts for texts in bench.classifier.seen)


Scenario = Callable[[httpx.AsyncClient, FastAPI], Awaitable[None]]


def test_the_header_shortens_the_deadline(
    classifier: Any, with_app: Callable[..., None], assert_refused: Callable[..., dict[str, Any]]
) -> None:
    """With the header the answer is given up after that many milliseconds; more than the service's own is no more."""

    async def scenario(http: httpx.AsyncClient, _: FastAPI) -> None:
        for milliseconds, least, most in ((200, 0.15, 2.5), (60_000, 2.9, 15)):
            started = time.perf_counter()
            response = await http.post("/classify", json={"text": "HANG"}, headers={DEADLINE_HEADER: str(milliseconds)})
            assert_refused(response, "deadline_exceeded")
            assert least < time.perf_counter() - started < most
        classifier.release.set()

    with_app(scenario, deadline_seconds=3.0)


def test_the_header_counts_for_admission(
    classifier: Any, with_app: Callable[..., None], assert_refused: Callable[..., dict[str, Any]]
) -> None:
    """Behind two seconds of work a request with a second to go is refused before any work, a patient one is taken."""

    async def scenario(http: httpx.AsyncClient, app: FastAPI) -> None:
        hung = asyncio.create_task(http.post("/classify", json={"text": "HANG"}))
        while not classifier.seen:
            await asyncio.sleep(0.001)
        app.state.batcher.workload.tokens_per_second = 1_000.0
        waiting = asyncio.create_task(http.post("/classify/batch", json={"items": [{"text": "w" * 250}] * 8}))
        while app.state.batcher.queued_tokens < 2_000:
            await asyncio.sleep(0.001)
        encode, classifier.encode = classifier.encode, None
        response = await http.post("/classify", json={"text": "now"}, headers={DEADLINE_HEADER: "1000"})
        assert_refused(response, "overloaded")
        assert response.headers["retry-after"] == "3"
        classifier.encode = encode
        patient = asyncio.create_task(http.post("/classify", json={"text": "later"}))
        await asyncio.sleep(0.01)
        classifier.release.set()
        assert [(await call).status_code for call in (hung, waiting, patient)] == [200, 200, 200]

    with_app(scenario)


@pytest.mark.parametrize("value", ["0", "-1", "99", "1.5", "soon", "", "1e3", "9" * 11, "9" * 5_000, "²", "1 000"])
def test_a_bad_header_is_refused(client: Any, assert_refused: Callable[..., dict[str, Any]], value: str) -> None:
    """A deadline that is no whole number of milliseconds from 100 up is the caller's mistake, named and not echoed."""
    headers = {DEADLINE_HEADER: value.encode()}
    error = assert_refused(client.post("/classify", json={"text": "text"}, headers=headers), "invalid_request")
    assert error["message"] == f"{DEADLINE_HEADER}: must be a whole number from 100 to 1,000,000,000"


def test_of_two_headers_the_shorter_holds(classifier: Any, client: Any) -> None:
    """A header sent twice, as by a proxy that adds its own, is no error: the less patient of the two counts."""
    started = time.perf_counter()
    headers = [(DEADLINE_HEADER, "200"), (DEADLINE_HEADER, "9000")]
    assert client.post("/classify", json={"text": "HANG"}, headers=headers).status_code == 504
    assert time.perf_counter() - started < 8
    classifier.release.set()


def test_heavy_work_waits_no_longer_than_its_deadline(
    client: Any, monkeypatch: pytest.MonkeyPatch, assert_refused: Callable[..., dict[str, Any]]
) -> None:
    """Large bodies are read one at a time; one that would be read too late is given up at its deadline."""
    slow_calls, over = [], threading.Event()

    def slow(body: bytes, **_: Any) -> Any:
        slow_calls.append(len(body))
        assert over.wait(30)
        return [], []

    monkeypatch.setattr("service.routes.classify._read_batch", slow)

    async def main() -> list[Any]:
        transport = httpx.ASGITransport(app=client.app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://parley") as http:
            items = {"items": [{"text": "x" * 19_000}] * 5}
            first = asyncio.create_task(http.post("/classify/batch", json=items))
            while not slow_calls:
                await asyncio.sleep(0.01)
            second = await http.post("/classify/batch", json=items, headers={DEADLINE_HEADER: "200"})
            over.set()
            return [await first, second]

    first, second = asyncio.run(main())
    assert first.status_code == 200
    assert_refused(second, "deadline_exceeded")
    assert len(slow_calls) == 1
