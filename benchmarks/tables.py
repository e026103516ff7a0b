"""The measurements as Markdown tables, and the ratios that are asked for. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from benchmarks.servers import INFINITY, OURS, PLAIN

SINGLE, GROUPED = "one", "32 each"
"""What a request holds: one statement, or thirty-two."""
AIMS: Final = {
    "of the engine alone, single statements": 0.7,
    "of the engine alone, 32 statements a request": 0.9,
    "times the faster plain server": 8.0,
    "times the plain server with def": 12.0,
    "times infinity": 5.0,
    "times torch fp32 eager, 32 x 30 tokens": 5.0,
}


@dataclass(frozen=True)
class Measurement:
    """One side under one load. Statements a second; milliseconds of a request; CPU of all cores; memory in MiB."""

    side: str
    load: str
    connections: int
    statements_per_second: float
    p50_ms: float
    p99_ms: float
    cpu_ms_per_statement: float
    peak_mib: float
    errors: int


@dataclass(frozen=True)
class Limits:
    """What bounds the service: the engine in this process, alone and in batches, torch, and integer arithmetic."""

    engine_per_second: float
    engine_lone_ms: float
    engine_fixed_per_second: float
    torch_fixed_per_second: float
    multiplications_per_second: float
    roof_per_second: float
    padding: float | None


def row(r: Measurement) -> str:
    """A measurement as a line of the table."""
    return (
        f"| {r.side} | {r.load} | {r.connections} | {r.statements_per_second:.0f} | {r.p50_ms:.1f} | {r.p99_ms:.1f} "
        f"| {r.cpu_ms_per_statement:.1f} | {r.peak_mib:.0f} | {r.errors} |"
    )


def table(results: Sequence[Measurement], limits: Limits) -> str:
    """The measurements and limits, a line each."""
    lines = [
        "| side | a request | connections | statements/s | p50 ms | p99 ms | CPU ms a statement | peak MiB | errors |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    lines += map(row, results)
    lines.append(f"| engine alone, predict() of 32 | | | {limits.engine_per_second:.0f} | | | | | |")
    lines.append(f"| engine alone, predict() of 1 | | | | {limits.engine_lone_ms:.1f} | | | | |")
    billions = limits.multiplications_per_second / 1e9
    lines.append(
        f"| roof: {billions:.0f} G int8 multiply-adds/s, no padding | | | {limits.roof_per_second:.0f} | | | | | |"
    )
    return "\n".join(lines)


def ratios(results: Sequence[Measurement], limits: Limits) -> dict[str, float]:
    """What AIMS ask for, as far as it was measured: singles at the most connections, and the grouped load."""
    most = max(r.connections for r in results if r.load == SINGLE)
    single = {r.side: r.statements_per_second for r in results if r.load == SINGLE and r.connections == most}
    grouped = {r.side: r.statements_per_second for r in results if r.load == GROUPED}
    ours = single[OURS]
    plain = [rate for side, rate in single.items() if side.startswith(PLAIN)]
    found = {
        "of the engine alone, single statements": ours / limits.engine_per_second,
        "times torch fp32 eager, 32 x 30 tokens": limits.engine_fixed_per_second / limits.torch_fixed_per_second,
    }
    if OURS in grouped:
        found["of the engine alone, 32 statements a request"] = grouped[OURS] / limits.engine_per_second
    if plain:
        found["times the faster plain server"] = ours / max(plain)
    if f"{PLAIN}, def" in single:
        found["times the plain server with def"] = ours / single[f"{PLAIN}, def"]
    if INFINITY in single:
        found["times infinity"] = ours / single[INFINITY]
    return {name: found[name] for name in AIMS if name in found}


def verdicts(results: Sequence[Measurement], limits: Limits) -> str:
    """Each ratio beside its aim; then the wait of a lone request beyond the engine's, and the padding."""
    lines = ["| ratio | measured | aim |", "|---|---|---|"]
    lines += [f"| {name} | {ratio:.2f} | {AIMS[name]:g} |" for name, ratio in ratios(results, limits).items()]
    for r in results:
        if (r.side, r.load, r.connections) == (OURS, SINGLE, 1):
            lines.append(f"| ms of a lone request beyond the engine's | {r.p50_ms - limits.engine_lone_ms:.2f} | 1.5 |")
    if limits.padding is not None:
        lines.append(f"| padded tokens for each real one | {limits.padding:.3f} | 1.15 |")
    return "\n".join(lines)
