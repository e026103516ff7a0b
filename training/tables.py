"""Figures, intervals and tables as Markdown."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any


def number(value: float | None) -> str:
    """A figure with three decimals, or a dash where there was nothing to measure."""
    return "-" if value is None else f"{value:.3f}"


def interval(estimate: Mapping[str, float | None]) -> str:
    """An estimate with its interval, as ``0.675 [0.612, 0.731]``."""
    if estimate["value"] is None:
        return "-"
    return f"{number(estimate['value'])} [{number(estimate['low'])}, {number(estimate['high'])}]"


def weights_of(model: Mapping[str, Any]) -> str:
    """Which weights a described model has, by the beginning of the sha256 of each file.

    The artifact's digest covers its card too, which is written after the measurement.
    """
    return ", ".join(f"`{path}` `{sha256[:12]}`" for path, sha256 in model["weights"].items()) or "not named"


def table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A Markdown table; bars within cells are escaped."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(str(cell).replace("|", r"\|") for cell in line) + " |" for line in lines)
