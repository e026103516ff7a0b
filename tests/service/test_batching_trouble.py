"""The batcher when its engine hangs, its thread is gone or its own loop breaks, and when it is told to stop."""

import asyncio
import gc
import logging
import time
from collections.abc import Callable
from typing import Any

import httpx2 as httpx
import pytest
from fastapi import FastAPI

from service.batching import Batcher
from service.errors import Unavailable


def test_a_caller_that_goes_leaves_its_room_at_once(bench: Any) -> None:
    """What a cancelled or expired caller had waiting counts no more, and is not hoarded while the engine hangs."""

    async def scenario(batcher: Batcher) -> None:
        hung = await bench.hang(batcher)
        staying = asyncio.create_task(bench.submit(batcher, "stays"))
        for _ in range(50):
            call = asyncio.create_task(bench.submit(batcher, *["x" * 10] * 8))
            await asyncio.sleep(0)
            assert batcher.queued_tokens == 8 + 8 * 16
            call.cancel()
            await asyncio.gather(call, return_exceptions=True)
            assert batcher.queued_tokens == 8
        with pytest.raises(Unavailable):
            await bench.submit(batcher, "x" * 200, seconds=0.01)
        assert batcher.queued_tokens == 8
        assert len(batcher._queue) < 12
        bench.classifier.release.set()
        await asyncio.gather(hung, staying)

    batcher = bench.drive(scenario)
    assert bench.classifier.seen == [["HANG"], ["stays"]]
    assert batcher.statistics.n_expired == 401


def test_an_engine_that_fails_again_and_again_turns_readiness_off(
    client: Any, assert_refused: Callable[..., dict[str, Any]]
) -> None:
    """Three failed forward passes in a row, and the service is not ready until one succeeds; two are no reason."""
    for _ in range(2):
        assert_refused(client.post("/classify", json={"text": "POISON"}), "internal")
    assert client.get("/health/ready").status_code == 200
    assert_refused(client.post("/classify", json={"text": "POISON"}), "internal")
    assert_refused(client.get("/health/ready"), "not_ready")
    assert client.post("/classify", json={"text": "good"}).status_code == 200
    assert client.get("/health/ready").status_code == 200


def test_a_full_queue_refuses_before_encoding(
    classifier: Any, with_app: Callable[..., None], assert_refused: Callable[..., dict[str, Any]]
) -> None:
    """A request that cannot fit, by its words alone, is refused without the work of encoding it."""

    async def scenario(http: httpx.AsyncClient, app: FastAPI) -> None:
        hung = asyncio.create_task(http.post("/classify", json={"text": "HANG"}))
        while not classifier.seen:
            await asyncio.sleep(0.001)
        waiting = asyncio.create_task(http.post("/classify/batch", json={"items": [{"text": "w" * 250}] * 4}))
        while app.state.batcher.queued_tokens < 1_000:
            await asyncio.sleep(0.001)
        encode, classifier.encode = classifier.encode, None
        assert_refused(await http.post("/classify", json={"text": "word " * 25}), "overloaded")
        classifier.encode = encode
        classifier.release.set()
        assert [(await call).status_code for call in (hung, waiting)] == [200, 200]

    with_app(scenario, max_queued_tokens=1_024)


def test_close_answers_what_was_accepted(bench: Any) -> None:
    """Closing waits for the queue to be served, then refuses whatever comes."""

    async def scenario(batcher: Batcher) -> None:
        calls = [asyncio.create_task(bench.submit(batcher, f"SLOW {number}")) for number in range(10)]
        await asyncio.sleep(0.01)
        await batcher.close(within_seconds=5)
        outcomes = await asyncio.gather(*calls)
        assert [one for (one,) in outcomes] == [bench.own(f"SLOW {number}") for number in range(10)]
        assert not batcher.alive
        assert not batcher.abandoned
        with pytest.raises(Unavailable) as refusal:
            await bench.submit(batcher, "late")
        assert refusal.value.kind.code == "not_ready"

    bench.drive(scenario)


def test_close_leaves_a_hung_forward_pass_behind(bench: Any) -> None:
    """Closing is bounded: with a forward pass that never ends, callers are refused and abandoned says so."""

    async def scenario(batcher: Batcher) -> None:
        calls = [await bench.hang(batcher), asyncio.create_task(bench.submit(batcher, "behind it"))]
        await asyncio.sleep(0.01)
        started = time.perf_counter()
        await batcher.close(within_seconds=0.1)
        for outcome in await asyncio.gather(*calls, return_exceptions=True):
            assert isinstance(outcome, Unavailable)
            assert outcome.kind.code == "not_ready"
        assert time.perf_counter() - started < 10  # the pass hangs for twenty seconds
        assert batcher.abandoned
        assert batcher.queued_tokens == 0

    bench.drive(scenario)


@pytest.mark.parametrize("where", ["_next_batch", "_reply"])
def test_a_crash_of_the_batcher_leaves_nobody_waiting(
    bench: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, where: str
) -> None:
    """When the batcher's own loop breaks, everybody is refused at once, it is logged, and alive turns false."""

    async def scenario(batcher: Batcher) -> None:
        hung = await bench.hang(batcher)
        calls = [hung, *(asyncio.create_task(bench.submit(batcher, f"text {n}")) for n in range(5))]
        await asyncio.sleep(0.01)
        monkeypatch.setattr(Batcher, where, lambda *_: 1 / 0)
        bench.classifier.release.set()
        outcomes = await asyncio.wait_for(asyncio.gather(*calls, return_exceptions=True), 30)
        assert sum(isinstance(one, Unavailable) for one in outcomes) >= 5
        assert not batcher.alive
        assert batcher.queued_tokens == 0
        with pytest.raises(Unavailable):
            await bench.submit(batcher, "late")

    with caplog.at_level(logging.ERROR):
        bench.drive(scenario)
    assert "the batcher died: ZeroDivisionError" in caplog.text


def test_a_dead_engine_thread_is_visible(bench: Any) -> None:
    """When the engine's thread is gone the batcher stops at once, rather than refuse each text for ever."""

    async def scenario(batcher: Batcher) -> None:
        batcher._pool.shutdown()
        with pytest.raises(Unavailable):
            await bench.submit(batcher, "text")
        assert not batcher.alive

    bench.drive(scenario)


def test_refused_neighbours_leave_no_complaint(bench: Any, caplog: pytest.LogCaptureFixture) -> None:
    """A request of many texts that expires or fails does not make asyncio log exceptions nobody looked at."""

    async def scenario(batcher: Batcher) -> None:
        hung = await bench.hang(batcher)
        call = asyncio.create_task(bench.submit(batcher, *["text"] * 8))
        await asyncio.sleep(0.01)
        for job in batcher._queue:
            job.deadline = 0
        bench.classifier.release.set()
        with pytest.raises(Unavailable):
            await call
        await hung

    bench.drive(scenario)
    gc.collect()  # asyncio complains when the future goes
    assert "never retrieved" not in caplog.text


def test_a_hung_forward_pass_does_not_hang_the_service(
    classifier: Any,
    with_app: Callable[..., None],
    assert_refused: Callable[..., dict[str, Any]],
) -> None:
    """While a forward pass hangs: 504 at the deadline, and not ready from then on at the latest; then recovery."""

    async def scenario(http: httpx.AsyncClient, _: FastAPI) -> None:
        started = time.perf_counter()
        hung = asyncio.create_task(http.post("/classify", json={"text": "HANG"}))
        while not classifier.seen:
            await asyncio.sleep(0.001)
        behind = asyncio.create_task(http.post("/classify", json={"text": "behind it"}))
        assert (await http.get("/health/ready")).status_code == 200
        assert_refused(await hung, "deadline_exceeded")
        assert_refused(await behind, "deadline_exceeded")
        assert 1.4 < time.perf_counter() - started < 15
        refusal = await http.get("/health/ready")
        assert_refused(refusal, "not_ready")
        assert refusal.headers["retry-after"]
        assert (await http.get("/health/live")).status_code == 200
        classifier.release.set()
        async with asyncio.timeout(30):
            while (await http.get("/health/ready")).status_code != 200:
                await asyncio.sleep(0.01)
        assert (await http.post("/classify", json={"text": "after"})).status_code == 200

    with_app(scenario, deadline_seconds=1.5)
    assert not any("behind it" in texts for texts in classifier.seen)


def test_a_dead_batcher_turns_readiness_off(
    client: Any, monkeypatch: pytest.MonkeyPatch, assert_refused: Callable[..., dict[str, Any]]
) -> None:
    """After a crash of the batcher, requests and readiness are refused at once, and the process still says it lives."""
    monkeypatch.setattr(Batcher, "_next_batch", lambda _: 1 / 0)
    assert_refused(client.post("/classify", json={"text": "text"}), "not_ready")
    assert_refused(client.post("/classify", json={"text": "text"}), "not_ready")
    assert_refused(client.get("/health/ready"), "not_ready")
    assert client.get("/health/live").status_code == 200
