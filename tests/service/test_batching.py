"""The batcher alone: who gets which answer, what shares a batch, what is refused."""

import asyncio
import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from models.encoding import Encoding
from service import batching
from service.admission import Workload
from service.batching import MAX_PADDED_TOKENS, REPLIES_PER_TURN, WINDOW, Batcher
from service.errors import ServiceError, Unavailable


def test_everyone_gets_their_own_answer(bench: Any) -> None:
    """Many concurrent callers with texts of mixed lengths each get the answers of their own texts, in their order."""
    requests = [
        [f"{caller}-{number}-" + "x" * ((caller * 31 + number * 17) % 250) for number in range(caller % 7 + 1)]
        for caller in range(300)
    ]

    async def scenario(batcher: Batcher) -> None:
        async def call(texts: list[str], pause: float) -> None:
            await asyncio.sleep(pause)
            assert await bench.submit(batcher, *texts) == [bench.own(text) for text in texts]

        await asyncio.gather(*(call(texts, index % 13 / 500) for index, texts in enumerate(requests)))

    batcher = bench.drive(scenario)
    assert batcher.queued_tokens == 0
    assert batcher.statistics.n_texts == sum(map(len, requests)) == sum(map(len, bench.classifier.seen))
    assert batcher.statistics.n_batches < batcher.statistics.n_texts / 4


def test_all_of_a_batch_are_answered_though_the_service_stops(bench: Any) -> None:
    """Replies that wait for their turn are given, even where the batcher is told to stop just then."""
    texts = [f"text {number}" for number in range(3 * REPLIES_PER_TURN)]

    async def scenario(batcher: Batcher) -> None:
        asking = [asyncio.create_task(bench.submit(batcher, text)) for text in texts]
        await asyncio.sleep(0)
        await batcher.close()
        assert await asyncio.gather(*asking) == [[bench.own(text)] for text in texts]

    bench.drive(scenario)


@given(lengths=st.lists(st.integers(1, 256) | st.sampled_from([8, 30, 31, 250, 256]), min_size=1, max_size=200))
@example(lengths=[256] * 40)
@example(lengths=[250, *[8] * 100, *[256] * 20])
@settings(max_examples=60, deadline=None)
def test_batches_are_bounded_and_never_starve_the_oldest(lengths: list[int]) -> None:
    """Each batch is as full as its limit of padded tokens lets it be and holds the oldest text; none is lost."""

    async def main() -> None:
        batcher = Batcher(SimpleNamespace(predict_encoded=None), Workload(10**7))  # type: ignore[arg-type]  # a stand-in has what is asked of it
        loop = asyncio.get_running_loop()
        jobs = [
            batching._Job(Encoding((7,) * n, (), truncated=False), time.monotonic() + 60, loop.create_future())
            for n in lengths
        ]
        batcher._queue.extend(jobs)
        batcher.workload.queued_tokens = sum(job.encoding.width for job in jobs)
        batcher._n_queued = len(lengths)
        waiting = list(jobs)
        while waiting:
            batch = batcher._next_batch()
            assert waiting[0] in batch
            assert len(batch) == 1 or sum(job.encoding.width for job in batch) <= MAX_PADDED_TOKENS
            waiting = [job for job in waiting if job not in batch]
            room = MAX_PADDED_TOKENS - sum(job.encoding.width for job in batch)
            assert all(job.encoding.width > room for job in waiting[:WINDOW])
            assert list(batcher._queue) == waiting
        assert batcher.queued_tokens == 0

    asyncio.run(main())


def test_like_lengths_share_a_batch(bench: Any) -> None:
    """Short and long texts that wait together are run apart, so that little is padded."""

    async def scenario(batcher: Batcher) -> None:
        hung = await bench.hang(batcher)
        calls = [asyncio.create_task(bench.submit(batcher, "s" * 5, "l" * 250)) for _ in range(64)]
        await asyncio.sleep(0.01)
        bench.classifier.release.set()
        await asyncio.gather(hung, *calls)

    statistics = bench.drive(scenario).statistics
    assert statistics.n_padded_tokens / statistics.n_tokens < 1.1


def test_the_window_bounds_the_search(bench: Any) -> None:
    """With more texts waiting than the window looks at, all are answered."""

    async def scenario(batcher: Batcher) -> None:
        texts = [f"{number:05d}" for number in range(3 * WINDOW + 1)]
        assert await bench.submit(batcher, *texts) == [bench.own(text) for text in texts]

    bench.drive(scenario)


def test_a_lone_request_runs_at_once(bench: Any) -> None:
    """Without other traffic nothing is waited for: no timer fills the batch."""

    async def scenario(batcher: Batcher) -> None:
        seconds = []
        for number in range(50):
            started = time.perf_counter()
            await bench.submit(batcher, f"alone {number}")
            seconds.append(time.perf_counter() - started)
        assert min(seconds) < 0.005  # a timer would hold up each; a busy machine holds up most

    bench.drive(scenario)
    assert all(len(texts) == 1 for texts in bench.classifier.seen)


@pytest.mark.parametrize("marker", ["POISON", "BUG"])
def test_a_poisonous_text_fails_alone(bench: Any, marker: str) -> None:
    """A text that breaks its batch gets an error; its neighbours, in its request and in others, are answered."""

    async def scenario(batcher: Batcher) -> None:
        hung = await bench.hang(batcher)
        texts = ["first", f"{marker} text", "third"]
        calls = [asyncio.create_task(bench.submit(batcher, *group)) for group in (texts, ["another"], ["more"])]
        await asyncio.sleep(0.01)
        bench.classifier.release.set()
        (first, bad, third), (another,), (more,) = await asyncio.gather(*calls)
        assert isinstance(bad, ServiceError)
        assert bad.kind.code == "internal"
        expected = ["first", "third", "another", "more"]
        assert [first, third, another, more] == [bench.own(text) for text in expected]
        await hung
        assert batcher.alive

    batcher = bench.drive(scenario)
    assert batcher.statistics.n_retries == 5
    assert batcher.queued_tokens == 0


def test_expired_and_cancelled_texts_cost_no_forward_pass(bench: Any) -> None:
    """What nobody waits for any more is dropped from the queue before it reaches the engine."""

    async def scenario(batcher: Batcher) -> None:
        hung = await bench.hang(batcher)
        expired = [asyncio.create_task(bench.submit(batcher, f"expired {n}", seconds=0.05)) for n in range(40)]
        cancelled = [asyncio.create_task(bench.submit(batcher, f"cancelled {n}", "more")) for n in range(40)]
        await asyncio.sleep(0.1)
        for call in cancelled:
            call.cancel()
        for outcome in await asyncio.gather(*expired, return_exceptions=True):
            assert isinstance(outcome, Unavailable)
            assert outcome.kind.code == "deadline_exceeded"
        bench.classifier.release.set()
        await hung
        assert await bench.submit(batcher, "after") == [bench.own("after")]

    batcher = bench.drive(scenario)
    assert bench.classifier.seen == [["HANG"], ["after"]]
    assert batcher.statistics.n_expired == 120
    assert batcher.queued_tokens == 0


def test_a_full_queue_refuses_whole_requests_at_once(bench: Any) -> None:
    """Beyond the limit a request is refused at once, as a whole, with the seconds to wait; what fits is accepted."""

    async def scenario(batcher: Batcher) -> None:
        hung = await bench.hang(batcher)
        waiting = asyncio.create_task(bench.submit(batcher, "w" * 100, "v" * 100))
        await asyncio.sleep(0)
        with pytest.raises(Unavailable) as refusal:
            await bench.submit(batcher, *["x" * 30] * 5)
        assert refusal.value.kind.code == "overloaded"  # at once: at its deadline it would be deadline_exceeded
        assert int(refusal.value.headers["retry-after"]) >= 1
        assert batcher.queued_tokens == 208
        small = asyncio.create_task(bench.submit(batcher, "y" * 100))
        await asyncio.sleep(0)
        assert batcher.queued_tokens == 312
        bench.classifier.release.set()
        await asyncio.gather(hung, waiting, small)
        assert len(await bench.submit(batcher, *["z" * 200] * 5)) == 5  # larger than the limit, but nothing waits

    bench.drive(scenario, max_queued_tokens=340)
    assert not any(text.startswith("x") for texts in bench.classifier.seen for text in texts)


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["ok", "POISON", "BUG", "expire", "cancel"]),
            st.lists(st.integers(1, 256), min_size=1, max_size=4),
            st.booleans(),
        ),
        max_size=25,
    )
)
@settings(max_examples=25, deadline=None)
def test_the_queue_empties_after_anything(
    make_bench: Callable[[], Any], plan: list[tuple[str, list[int], bool]]
) -> None:
    """Whatever mix of answers, failures, expiries and cancellations: all are settled, nothing counts as queued."""
    bench = make_bench()

    async def scenario(batcher: Batcher) -> None:
        hung = await bench.hang(batcher)
        calls = []
        for kind, lengths, pause in plan:
            texts = [(kind + "x" * 256)[:length] for length in lengths]
            seconds = 0.001 if kind == "expire" else 10
            calls.append((kind, texts, asyncio.create_task(bench.submit(batcher, *texts, seconds=seconds))))
            if pause:
                await asyncio.sleep(0)
        for kind, _, call in calls:
            if kind == "cancel":
                call.cancel()
        await asyncio.sleep(0.005)
        bench.classifier.release.set()
        await hung
        outcomes = await asyncio.gather(*(call for _, _, call in calls), return_exceptions=True)
        for (kind, texts, _), outcome in zip(calls, outcomes, strict=True):
            if kind == "expire":
                assert isinstance(outcome, Unavailable)
            elif kind == "cancel":
                assert isinstance(outcome, asyncio.CancelledError)
            else:
                assert isinstance(outcome, list)
                for text, one in zip(texts, outcome, strict=True):
                    broken = "POISON" in text or "BUG" in text
                    assert isinstance(one, ServiceError) if broken else one == bench.own(text)
        assert batcher.alive

    batcher = bench.drive(scenario)
    assert batcher.queued_tokens == 0
    assert not batcher._queue
