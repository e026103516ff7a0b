"""The service beside a plain FastAPI + transformers.pipeline server, infinity's, and the engine alone; all in one run.

    python -m benchmarks.throughput --infinity .venv-infinity/bin/infinity_emb --output runs/bench.json

Closed loop: each connection sends its next request when the last is answered; each side gets the same statements in the
same order. The load generator runs on the same machine and takes a little of the cores from every side alike.
"""

import argparse
import json
import os
import platform
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Final

import uvloop

from benchmarks import engine
from benchmarks.load import load, request_bytes
from benchmarks.servers import OURS, Side, StartError, cpu_seconds, memory_mib, padding, running, sides
from benchmarks.statements import Statements, groups, read_statements
from benchmarks.tables import GROUPED, SINGLE, Limits, Measurement, row, table, verdicts
from models.classifier import StanceClassifier
from models.errors import ParleyError

RELEASED: Final = Path("models/stance-minilm")
LOADS: Final = ((SINGLE, 1), (SINGLE, 16), (SINGLE, 64), (GROUPED, 4))
"""What a request holds, and how many connections there are."""
WARM_UP_SECONDS: Final = 5.0
"""At the most connections: every engine that compiles as it goes has met the shapes that will come."""


def cpu_model() -> str:
    """What the machine calls its processor, and the integer instructions that matter."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        text = ""
    names = (line.partition(":")[2].strip() for line in text.splitlines() if line.startswith("model name"))
    vnni = " with AVX-512 VNNI" if "avx512_vnni" in text else ""
    return next(names, platform.processor() or platform.machine()) + vnni


def measure(side: Side, texts: Sequence[str], *, seconds: float) -> tuple[list[Measurement], float | None]:
    """One measurement for each load, on one running server; and its padding, where the server tells it."""
    requests = {
        SINGLE: [request_bytes(*side.one(text)) for text in texts],
        GROUPED: [request_bytes(*side.several(group)) for group in groups(texts, engine.BATCH)],
    }
    results = []
    with running(side) as (pid, ready_seconds):
        print(f"{side.name}: ready after {ready_seconds:.1f} s, {memory_mib(pid, peak=False):.0f} MiB", file=sys.stderr)
        uvloop.run(load(side.port, requests[SINGLE], connections=64, seconds=WARM_UP_SECONDS))
        for kind, connections in LOADS:
            n_each = engine.BATCH if kind == GROUPED else 1
            cpu = cpu_seconds(pid)
            answers = uvloop.run(load(side.port, requests[kind], connections=connections, seconds=seconds))
            n = max(1, len(answers.latencies) * n_each)
            results.append(
                Measurement(
                    side=side.name,
                    load=kind,
                    connections=connections,
                    statements_per_second=answers.per_second * n_each,
                    p50_ms=answers.percentile_ms(50),
                    p99_ms=answers.percentile_ms(99),
                    cpu_ms_per_statement=(cpu_seconds(pid) - cpu) / n * 1000,
                    peak_mib=memory_mib(pid, peak=True),
                    errors=answers.errors,
                )
            )
            print(row(results[-1]), file=sys.stderr, flush=True)
        return results, padding(side.port) if side.name == OURS else None


def measure_limits(model: Path, statements: Statements, *, padded: float | None, seconds: float) -> Limits:
    """What the engine does in this process, and what the machine's arithmetic would allow it."""
    classifier = StanceClassifier.open(model)
    classifier.warm_up()
    fixed, torch_fixed = engine.fixed_rates(model, classifier, seconds=seconds / 2)
    multiplications = engine.integer_rate(seconds=seconds / 4)
    tokens = statements.mean_tokens
    return Limits(
        engine_per_second=engine.predict_rate(classifier, statements.texts, seconds=seconds),
        engine_lone_ms=engine.lone_ms(classifier, statements.texts, seconds=seconds / 2),
        engine_fixed_per_second=fixed,
        torch_fixed_per_second=torch_fixed,
        multiplications_per_second=multiplications,
        roof_per_second=multiplications / (tokens * engine.multiplications_per_token(tokens)),
        padding=padded,
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """The program; returns its exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.throughput",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--model", type=Path, default=RELEASED, help="artifact to serve on all sides")
    parser.add_argument(
        "--infinity", type=Path, help="infinity_emb in its own environment; that side is left out without"
    )
    parser.add_argument("--seconds", type=float, default=6, help="length of each measurement")
    parser.add_argument("--output", type=Path, help="where to write the figures as JSON")
    flags = parser.parse_args(arguments)
    results: list[Measurement] = []
    padded = None
    try:
        statements = read_statements(StanceClassifier.open(flags.model).encoder)
        for side in sides(flags.model, infinity=flags.infinity):
            measured, told = measure(side, statements.texts, seconds=flags.seconds)
            results, padded = results + measured, told or padded
        limits = measure_limits(flags.model, statements, padded=padded, seconds=flags.seconds)
    except (StartError, ParleyError) as error:
        print(f"throughput: {error}", file=sys.stderr)
        return 2
    machine = f"{cpu_model()}, {os.cpu_count()} cores, {time.strftime('%Y-%m-%d')}"
    print(
        f"{machine}; {len(statements.texts):,} statements, {statements.origin}, {statements.mean_tokens:.1f} tokens\n"
    )
    print(table(results, limits), verdicts(results, limits), sep="\n\n")
    if flags.output:
        flags.output.parent.mkdir(parents=True, exist_ok=True)
        figures = {"machine": machine, "measurements": [asdict(r) for r in results], "limits": asdict(limits)}
        flags.output.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    return 1 if any(r.errors for r in results) else 0


if __name__ == "__main__":
    raise SystemExit(main())
