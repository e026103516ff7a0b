"""R6, R7 and R8: more load than the service can carry, what comes after it, and clients that do not wait."""

import asyncio
import time
from collections.abc import Sequence
from typing import Final

from benchmarks.proof_load import Answer, OpenLoop, Tally, closed_loop, connect, post, probe, run, singles
from benchmarks.proving import Finding, Plan, Service, cores_shared_out, quantile, running

DEADLINE_MS: Final = 2_000
TIMES: Final = 10
"""Arrivals in R6, as a multiple of what the service can answer."""
WARM_UP_SECONDS: Final = 8
"""Until the engine has met nearly all shapes of batch that statements come in."""
LEAVING: Final = 500
LEAVE_SECONDS: Final = 0.01
MAX_HEALTH_SECONDS: Final = 0.1
MAX_REFUSAL_SECONDS: Final = 0.05
MAX_GROWTH_MIB: Final = 64
"""What memory may grow by under overload: the open connections and their requests, with room for the allocator."""


def prove(plan: Plan, texts: Sequence[str]) -> list[Finding]:
    """The findings on R6 and R7, for single statements and for batches, and on R8."""
    one_by_one = singles(texts, headers=f"X-Deadline-Ms: {DEADLINE_MS}\r\n")
    groups = [list(texts[at : at + 32]) for at in range(0, min(len(texts), 640) - 31, 32)]
    batches = [
        post("/classify/batch", {"items": [{"text": text} for text in group]}, headers="X-Deadline-Ms: 5000\r\n")
        for group in groups
    ]
    findings = []
    with (
        cores_shared_out(wanted=not plan.shared_cores) as (move, cores),
        running(plan.model, log_level="warning") as service,
    ):
        move()
        for requests, what, deadline_seconds, connections in (
            (one_by_one, f"statements ({cores})", 2, 64),
            (batches, f"batches of 32 ({cores})", 5, 4),
        ):
            findings += overload(
                service,
                requests,
                plan.overload_seconds,
                what=what,
                deadline_seconds=deadline_seconds,
                connections=connections,
            )
    with running(plan.model, log_level="warning") as service:
        return [*findings, abandoned(service, singles(texts))]


def overload(
    service: Service, requests: Sequence[bytes], seconds: float, *, what: str, deadline_seconds: float, connections: int
) -> list[Finding]:
    """R6 and R7 for one kind of request."""
    run(closed_loop(service.port, requests, connections=connections, seconds=WARM_UP_SECONDS))
    before = quantile(run(closed_loop(service.port, requests, connections=1, seconds=2)).latencies(200), 0.5)
    capacity = run(closed_loop(service.port, requests, connections=connections, seconds=6)).rate
    memory = service.resident_mib()
    tally, health, own_share = run(_flood(service.port, requests, per_second=TIMES * capacity, seconds=seconds))
    growth = service.resident_mib() - memory
    time.sleep(5)
    after = quantile(run(closed_loop(service.port, requests, connections=1, seconds=2)).latencies(200), 0.5)
    found, held = _judge(tally, health, capacity=capacity, deadline_seconds=deadline_seconds)
    load = f"{len(tally.answers) / tally.seconds:.0f}/s sent, {tally.not_sent} not sent ({own_share:.0%} of a core)"
    return [
        Finding(
            "R6 overload is bounded",
            f"{what}, open loop at {TIMES} times the capacity for {seconds:g} s",
            f"{capacity:.0f}/s capacity, {load}; {found}; memory {growth:+.0f} MiB",
            held and growth < MAX_GROWTH_MIB,
        ),
        Finding(
            "R7 recovery",
            f"{what}, one connection, 5 s after the overload",
            f"p50 {after * 1000:.1f} ms, before {before * 1000:.1f} ms",
            after <= 1.25 * before + 0.001,
        ),
    ]


async def _flood(
    port: int, requests: Sequence[bytes], *, per_second: float, seconds: float
) -> tuple[Tally, list[Answer], float]:
    """What was answered to an open loop, what to health probes meanwhile, and the share of a core that asking took."""
    done = False
    health = asyncio.create_task(probe(port, "/health/ready", every_seconds=0.2, stop=lambda: done))
    started = time.process_time()
    tally = await OpenLoop(port).load(requests, per_second=per_second, seconds=seconds)
    done = True
    return tally, await health, (time.process_time() - started) / tally.seconds


def _judge(tally: Tally, health: Sequence[Answer], *, capacity: float, deadline_seconds: float) -> tuple[str, bool]:
    """The figures of R6 in words, and whether they are as promised."""
    late, refusals = quantile(tally.latencies(200), 0.99), tally.latencies(429)
    refusal, slowest = quantile(refusals, 0.99), quantile([answer.seconds for answer in health], 0.99)
    polite = all(answer.retry_after for answer in tally.answers if answer.status == 429)
    others = {status: tally.n(status) for status in {answer.status for answer in tally.answers} - {200, 429}}
    goodput = tally.n_good_in_time / tally.seconds / capacity
    bounded = late <= deadline_seconds and polite and not others and goodput >= 0.9
    quick = refusal < MAX_REFUSAL_SECONDS and slowest <= MAX_HEALTH_SECONDS
    healthy = all(answer.status == 200 for answer in health)
    figure = (
        f"{tally.n(200):,} answered, p99 {late:.2f} s of {deadline_seconds:g}; goodput {goodput:.0%}; "
        f"{len(refusals):,} refused with Retry-After, p99 {refusal * 1000:.0f} ms; others {others}; "
        f"health p99 {slowest * 1000:.0f} ms of {len(health)}"
    )
    return figure, bounded and quick and healthy


def abandoned(service: Service, requests: Sequence[bytes]) -> Finding:
    """R8: clients that disconnect before their answer, all at once."""
    before = service.metric("parley_engine_texts_total")

    async def leave(index: int) -> None:
        caller = await connect(service.port)
        caller.ask(requests[index % len(requests)])
        await asyncio.sleep(LEAVE_SECONDS)
        caller.close()

    async def all_leave() -> None:
        await asyncio.gather(*(leave(index) for index in range(LEAVING)))

    run(all_leave())
    time.sleep(2)
    grown = service.metric("parley_engine_texts_total") - before
    ready = service.status("/health/ready") == 200
    return Finding(
        "R8 abandoned requests cost nothing",
        f"{LEAVING} clients at once that disconnect after {LEAVE_SECONDS * 1000:g} ms",
        f"{grown:.0f} forward texts",
        grown < 0.1 * LEAVING and ready,
    )
