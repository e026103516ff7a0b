"""R9, R10 and R11: slow clients, bodies that are too large, and the most memory that legal requests can take."""

import asyncio
import json
import time
from collections.abc import Iterator, Sequence
from typing import Final

from benchmarks.proof_load import Tally, ask, closed_loop, connect, post, run, singles
from benchmarks.proving import Finding, Plan, Service, quantile, running

SLOW: Final = 500
RECEIVE_SECONDS: Final = 15
"""The service's default."""
LIMIT: Final = 4 * 2**20
"""The service's default limit of a body."""
MAX_SURPLUS_BYTES: Final = 4 * 65_536
"""Beyond the limit: what is promised, the system's buffer, which takes twice what it is told, and the client's own."""
TRIES: Final = 300
MAX_GROWTH_MIB: Final = 1.0
"""For a hundred tries."""
CEILING_MIB: Final = 1_200
"""The peak that is promised for the default limits."""
AT_ONCE: Final = 64
CEILING_SECONDS: Final = 30

HEAD: Final = b"POST /classify/batch HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"


def prove(plan: Plan, texts: Sequence[str]) -> list[Finding]:
    """The findings on R9, R10 and R11."""
    with running(plan.model, log_level="warning") as service:
        findings = [slow_clients(service, texts), huge_bodies(service)]
    with running(plan.model, log_level="warning") as service:
        return [*findings, ceiling(service)]


def slow_clients(service: Service, texts: Sequence[str]) -> Finding:
    """R9: connections that send a byte a second, beside ordinary ones."""
    requests = singles(texts)
    run(closed_loop(service.port, requests, connections=4, seconds=2))
    alone = quantile(run(closed_loop(service.port, requests, connections=4, seconds=3)).latencies(200), 0.99)

    async def one() -> tuple[int, float]:
        started = time.perf_counter()
        caller = await connect(service.port)
        answer = caller.ask(HEAD + b"Content-Length: 1000\r\n\r\n")
        while not answer.done() and time.perf_counter() - started < 2 * RECEIVE_SECONDS:
            caller.more(b"x")
            await asyncio.wait({answer}, timeout=1)
        caller.close()
        return (await answer).status if answer.done() else 0, time.perf_counter() - started

    async def both() -> tuple[list[tuple[int, float]], Tally]:
        slow = asyncio.gather(*(one() for _ in range(SLOW)))
        await asyncio.sleep(2)
        tally = await closed_loop(service.port, requests, connections=4, seconds=RECEIVE_SECONDS - 4)
        return list(await slow), tally

    outcomes, tally = run(both())
    longest, beside = max(seconds for _, seconds in outcomes), quantile(tally.latencies(200), 0.99)
    n_closed = sum(status == 408 for status, _ in outcomes)
    lost = len(tally.answers) - tally.n(200)
    return Finding(
        "R9 slow clients hold no slot",
        f"{SLOW} bodies at 1 byte/s beside 4 ordinary connections",
        f"{n_closed} closed with 408, the last after {longest:.1f} s of {RECEIVE_SECONDS}; "
        f"others: {tally.n(200):,} answered, {lost} not, p99 {beside * 1000:.0f} ms (alone {alone * 1000:.0f} ms)",
        n_closed == SLOW and longest < RECEIVE_SECONDS + 2 and not lost and beside < 2 * alone + 0.05,
    )


def huge_bodies(service: Service) -> Finding:
    """R10: a gigabyte declared, chunks without end, and a million chunks of one byte."""
    declared = HEAD + b"Content-Length: 1000000000\r\n\r\n"
    chunk = b"4000\r\n" + b"x" * 0x4000 + b"\r\n"
    chunked = [HEAD + b"Transfer-Encoding: chunked\r\n\r\n", *[chunk] * (2**30 // 0x4000)]
    tiny = [HEAD + b"Transfer-Encoding: chunked\r\n\r\n", *[b"1\r\nx\r\n" * 10_000] * 100, b"0\r\n\r\n"]

    async def many(parts: Sequence[bytes], n: int) -> tuple[list[int], int]:
        statuses, most = [], 0
        for _ in range(n):
            status, n_sent = await _send_until_answered(service.port, parts)
            statuses.append(status)
            most = max(most, n_sent)
        return statuses, most

    run(many([declared], TRIES))
    run(many(chunked, TRIES))
    run(many(tiny, 3))
    before = service.resident_mib()
    first, _ = run(many([declared], TRIES))
    second, n_sent = run(many(chunked, TRIES))
    growth = service.resident_mib() - before
    third, _ = run(many(tiny, 3))
    refused = set(first) == set(second) == {413} and set(third) == {400}
    return Finding(
        "R10 huge bodies are refused early",
        f"1 GB declared and 1 GB chunked, {TRIES} times each; 3 times a million one-byte chunks (legal: 1 MB, no JSON)",
        f"413 after at most {n_sent / 2**20:.2f} MiB (limit 4 MiB; the systems' buffers of both sides included), "
        f"memory {growth:+.2f} MiB in {2 * TRIES}; statuses {sorted({*first, *second})}, "
        f"tiny chunks {sorted(set(third))}",
        refused and growth < MAX_GROWTH_MIB * 2 * TRIES / 100 and n_sent <= LIMIT + MAX_SURPLUS_BYTES,
    )


async def _send_until_answered(port: int, parts: Sequence[bytes]) -> tuple[int, int]:
    """The status, and the bytes that had been sent when it came, next to all of which have arrived."""
    caller = await connect(port)
    caller.buffer_little()
    answer, n_sent = caller.ask(parts[0]), len(parts[0])
    for part in parts[1:]:
        if answer.done():
            break
        await caller.writable()
        caller.more(part)
        n_sent += len(part)
        await asyncio.sleep(0)
    async with asyncio.timeout(30):
        status = (await answer).status
    caller.close()
    return status, n_sent


def largest_legal() -> Iterator[bytes]:
    """Requests that take as much as the limits allow: wide characters, small objects, long texts."""
    wide = "\U0001f54a" + "a man of peace, he said. " * 650
    for text in (wide, "peace " * 2_700):
        items = [{"text": text}] * 256
        while len(post("/classify/batch", {"items": items})) > LIMIT:
            items.pop()
        yield post("/classify/batch", {"items": items})
    small = b'{"items": [' + b"{}," * (LIMIT // 3 - 10) + b"{}]}"
    nested = b'{"items": [{"text": [' + b"[]," * (LIMIT // 3 - 20) + b"[]]}]}"
    strings = json.dumps({"items": [{str(n): "" for n in range(300_000)}]}).encode()
    for body in (small, nested, strings):
        yield HEAD + b"Content-Length: %d\r\n\r\n%b" % (len(body), body)


def ceiling(service: Service) -> Finding:
    """R11: the largest legal requests, more of them at once than are held."""
    rest = service.resident_mib()
    requests = list(largest_legal())
    tally = run(closed_loop(service.port, requests, connections=AT_ONCE, seconds=CEILING_SECONDS))
    answered = run(ask(service.port, post("/classify", {"text": "We will talk."}))).status
    peak = service.peak_mib()
    codes = {status: tally.n(status) for status in sorted({answer.status for answer in tally.answers})}
    return Finding(
        "R11 memory ceiling",
        f"{AT_ONCE} connections with the largest legal bodies of 4 MiB for {CEILING_SECONDS} s, in five forms",
        f"peak {peak:.0f} MiB ({rest:.0f} at rest), promised {CEILING_MIB:,}; statuses {codes}",
        peak <= CEILING_MIB and answered == 200 and not tally.n(500),
    )
