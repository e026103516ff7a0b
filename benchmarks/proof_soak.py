"""R17: mixed load for a long time, and whether memory and descriptors stay flat."""

import asyncio
import statistics
import time
from collections.abc import Sequence
from typing import Final

from benchmarks.proof_load import Tally, ask, closed_loop, connect, post, run, singles
from benchmarks.proving import Finding, Plan, Service, running
from models.classifier import MAX_PADDED_TOKENS

WARM_UP_SHARE: Final = 0.34
MAX_SLOPE_MIB_PER_HOUR: Final = 60.0
"""What passes as flat: a MiB a minute, below what the allocator's own moods give over a few minutes."""
SAMPLE_SECONDS: Final = 1.0
WIDTHS: Final = range(8, 257, 8)
ROWS: Final = (1, 2, 4, 8, 16)
"""The shapes of forward passes; each is prepared when it is first met, and kept. Source: docs/log.md, "Shapes"."""
SHAPE_ROUNDS: Final = 3
"""How often each is sent before the soak: each of several threads prepares its own."""
BAD: Final = (
    post("/classify", {"text": ""}),
    post("/classify", {"text": "x" * 30_000}),
    post("/nothing", {}),
    b"POST /classify HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\n{",
)


def prove(plan: Plan, texts: Sequence[str]) -> list[Finding]:
    """The finding on R17."""
    with running(plan.model, log_level="warning") as service:
        return [soak(service, texts, plan.soak_seconds)]


def soak(service: Service, texts: Sequence[str], seconds: float) -> Finding:
    """R17: statements, batches, bad requests, and clients that leave; memory and descriptors sampled meanwhile."""
    rest = service.resident_mib()
    run(_every_shape(service))
    prepared = service.resident_mib()
    tallies, samples = run(_load_and_sample(service, texts, seconds))
    settled = [sample for sample in samples if sample[0] > WARM_UP_SHARE * seconds]
    slope = statistics.linear_regression([s[0] for s in settled], [s[1] for s in settled]).slope * 3_600
    descriptors = [sample[2] for sample in settled]
    n_answers = sum(len(tally.answers) for tally in tallies)
    n_lost = sum(tally.n(0, 500, 503, 504) for tally in tallies)
    return Finding(
        "R17 soak",
        f"{seconds:g} s of statements, batches, bad requests and leaving clients, {len(samples)} samples",
        f"{n_answers:,} answers, {n_lost} lost or 5xx; memory {rest:.0f} MiB at rest, {prepared:.0f} with every shape "
        f"met, then {settled[0][1]:.1f} to {settled[-1][1]:.1f} MiB, slope "
        f"{slope:+.1f} MiB/h; descriptors {min(descriptors)} to {max(descriptors)}",
        not n_lost and abs(slope) < MAX_SLOPE_MIB_PER_HOUR and max(descriptors) - min(descriptors) < 10,
    )


async def _every_shape(service: Service) -> None:
    """Have every shape of forward pass prepared: what each keeps would look like a leak, slower as they get rarer."""
    for width in list(WIDTHS) * SHAPE_ROUNDS:
        for rows in ROWS:
            if rows * width <= MAX_PADDED_TOKENS or rows == 1:
                items = [{"text": "peace " * (width - 2)}] * rows
                await ask(service.port, post("/classify/batch", {"items": items}))


async def _load_and_sample(
    service: Service, texts: Sequence[str], seconds: float
) -> tuple[list[Tally], list[tuple[float, float, int]]]:
    """What was answered, and samples of (seconds, resident MiB, descriptors)."""
    good = singles(texts)
    batches = [post("/classify/batch", {"items": [{"text": t} for t in texts[n : n + 32]]}) for n in range(0, 320, 32)]
    samples: list[tuple[float, float, int]] = []
    started = time.monotonic()

    async def leaving() -> None:
        while time.monotonic() < started + seconds:
            caller = await connect(service.port)
            caller.ask(good[len(samples) % len(good)])
            await asyncio.sleep(0.005)
            caller.close()
            await asyncio.sleep(0.2)

    async def sampling() -> None:
        while time.monotonic() < started + seconds:
            samples.append((time.monotonic() - started, service.resident_mib(), service.n_descriptors()))
            await asyncio.sleep(SAMPLE_SECONDS)

    loads = [
        closed_loop(service.port, requests, connections=n, seconds=seconds)
        for requests, n in ((good, 8), (batches, 1), (BAD, 1))
    ]
    beside = asyncio.gather(leaving(), sampling())
    tallies = await asyncio.gather(*loads)
    await beside
    return list(tallies), samples
