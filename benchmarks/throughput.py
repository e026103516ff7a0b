"""Single-statement requests: the service beside a plain FastAPI + transformers.pipeline server, both in one run.

    python -m benchmarks.throughput --output runs/bench.json

Closed loop: each connection sends its next statement when the last is answered. Statements are those written here, so
lengths are mixed. The load generator runs on the same machine and takes its share of the cores from every side alike.
The last side is the engine alone, in this process, without HTTP: the limit.
"""

import argparse
import asyncio
import json
import os
import platform
import signal
import socket
import statistics
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from itertools import cycle
from pathlib import Path
from typing import Final

import aiohttp

from models.classifier import StanceClassifier
from training.corpus import WRITTEN
from training.examples import DATA, read_examples

RELEASED: Final = Path("models/stance-minilm")
WARM_UP_REQUESTS: Final = 50
START_SECONDS: Final = 120


class StartError(Exception):
    """Raised when a server to measure has ended or is not ready in time; the message names it."""


@dataclass(frozen=True)
class Measurement:
    """One side under one load. Percentiles in milliseconds, memory in MiB, CPU in milliseconds of all cores."""

    side: str
    connections: int
    requests: int
    requests_per_second: float
    p50_ms: float
    p99_ms: float
    cpu_ms_per_statement: float
    peak_mib: float
    errors: int


@dataclass(frozen=True)
class Side:
    """A server to measure: how to start it and where it listens."""

    name: str
    command: tuple[str, ...]
    port: int
    environment: dict[str, str]


def sides(model: Path) -> list[Side]:
    """The plain server with both kinds of handler, and ours."""
    plain = (sys.executable, "-m", "benchmarks.plain_server", str(model), "--port")
    first, second, third = free_ports(3)
    ours = {"STANCE_MODEL": str(model), "STANCE_PORT": str(third), "STANCE_LOG_LEVEL": "warning"}
    return [
        Side("plain, def", (*plain, str(first), "--style", "sync"), first, {}),
        Side("plain, async def", (*plain, str(second), "--style", "async"), second, {}),
        Side("parley", (sys.executable, "-m", "service"), third, ours),
    ]


def free_ports(n: int) -> list[int]:
    """As many ports on which nobody listens now, all different."""
    with ExitStack() as stack:
        found = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(n)]
        return [one.getsockname()[1] for one in found]


def cpu_model() -> str:
    """What the machine calls its processor."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor() or platform.machine())


@contextmanager
def running(side: Side) -> Iterator[subprocess.Popen[bytes]]:
    """The server of a side, ready; stopped at the end. Raises: StartError."""
    process = subprocess.Popen(side.command, env={**os.environ, **side.environment}, stdout=subprocess.DEVNULL)
    try:
        _wait_until_ready(side, process)
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


def _wait_until_ready(side: Side, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise StartError(f"{side.name}: ended at its start with exit status {process.returncode}")
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{side.port}/health/ready", timeout=1):
                return
        except OSError:
            time.sleep(0.1)
    raise StartError(f"{side.name}: not ready within {START_SECONDS} seconds")


def cpu_seconds(pid: int) -> float:
    """CPU time of a process so far, user and system, in seconds."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def peak_mib(pid: int) -> float:
    """The largest resident memory of a process so far, in MiB."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


async def load(port: int, texts: Sequence[str], *, connections: int, seconds: float) -> tuple[list[float], int]:
    """Latencies in seconds of all requests answered within the time, and how many were not answered with 200."""
    latencies: list[float] = []
    errors = 0
    supply = cycle(texts)
    url = f"http://127.0.0.1:{port}/classify"
    stop_at = time.perf_counter() + seconds

    async def one_connection(session: aiohttp.ClientSession) -> None:
        nonlocal errors
        while (started := time.perf_counter()) < stop_at:
            async with session.post(url, json={"text": next(supply)}) as response:
                await response.read()
                errors += response.status != 200
            latencies.append(time.perf_counter() - started)

    connector = aiohttp.TCPConnector(limit=connections)
    async with aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(60)) as session:
        await asyncio.gather(*(one_connection(session) for _ in range(connections)))
    return latencies, errors


def measure(side: Side, texts: Sequence[str], *, connections: Sequence[int], seconds: float) -> list[Measurement]:
    """One measurement for each number of connections, on one running server."""
    results = []
    with running(side) as process:
        asyncio.run(load(side.port, texts[:WARM_UP_REQUESTS], connections=1, seconds=2))
        for n in connections:
            cpu, started = cpu_seconds(process.pid), time.perf_counter()
            latencies, errors = asyncio.run(load(side.port, texts, connections=n, seconds=seconds))
            elapsed, cpu = time.perf_counter() - started, cpu_seconds(process.pid) - cpu
            percentiles = statistics.quantiles(latencies, n=100)
            results.append(
                Measurement(
                    side.name,
                    n,
                    len(latencies),
                    round(len(latencies) / elapsed, 1),
                    round(percentiles[49] * 1000, 2),
                    round(percentiles[98] * 1000, 2),
                    round(cpu / len(latencies) * 1000, 2),
                    round(peak_mib(process.pid), 1),
                    errors,
                )
            )
    return results


def engine_rate(model: Path, texts: Sequence[str], *, seconds: float) -> float:
    """Statements per second of predict() in this process, in batches of 32 as they come: the limit without HTTP."""
    classifier = StanceClassifier.open(model)
    classifier.warm_up()
    n, started = 0, time.perf_counter()
    batches = cycle([texts[i : i + 32] for i in range(0, len(texts) - 31, 32)])
    while time.perf_counter() - started < seconds:
        n += len(classifier.predict(next(batches)))
    return n / (time.perf_counter() - started)


def table(results: Sequence[Measurement], engine: float) -> str:
    """The results as a Markdown table, with the ratios that the README quotes."""
    lines = [
        "| side | connections | requests/s | p50 ms | p99 ms | CPU ms | peak MiB | errors |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for r in results:
        lines.append(
            f"| {r.side} | {r.connections} | {r.requests_per_second:.0f} | {r.p50_ms:.1f} | {r.p99_ms:.1f} "
            f"| {r.cpu_ms_per_statement:.1f} | {r.peak_mib:.0f} | {r.errors} |"
        )
    lines.append(f"| engine alone, batches of 32 | - | {engine:.0f} | | | | | |")
    most = max(r.connections for r in results)
    rates = {r.side: r.requests_per_second for r in results if r.connections == most}
    plain = max(rate for side, rate in rates.items() if side != "parley")
    lines.append(
        f"\nAt {most} connections: {rates['parley'] / plain:.1f} times the faster plain server, "
        f"{rates['parley'] / engine:.0%} of the engine alone."
    )
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    """The program; returns its exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.throughput",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--model", type=Path, default=RELEASED, help="artifact to serve on all sides")
    parser.add_argument("--connections", type=int, nargs="+", default=[1, 16, 64])
    parser.add_argument("--seconds", type=float, default=15, help="length of each measurement")
    parser.add_argument("--output", type=Path, help="where to write the figures as JSON")
    flags = parser.parse_args(arguments)
    texts = [example.text or "" for example in read_examples(DATA / WRITTEN)]
    results = []
    try:
        for side in sides(flags.model):
            print(f"{side.name} ...", file=sys.stderr)
            results += measure(side, texts, connections=flags.connections, seconds=flags.seconds)
    except StartError as error:
        print(f"throughput: {error}", file=sys.stderr)
        return 2
    engine = engine_rate(flags.model, texts, seconds=flags.seconds)
    print(f"{cpu_model()}, {os.cpu_count()} cores, {time.strftime('%Y-%m-%d')}\n")
    print(table(results, engine))
    if flags.output:
        flags.output.parent.mkdir(parents=True, exist_ok=True)
        figures = {
            "cpu": cpu_model(),
            "cores": os.cpu_count(),
            "measurements": [asdict(r) for r in results],
            "engine_per_second": engine,
        }
        flags.output.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    return 1 if any(r.errors for r in results) else 0


if __name__ == "__main__":
    raise SystemExit(main())
