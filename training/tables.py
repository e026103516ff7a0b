"""Figures, intervals and tables as Markdown."""

from collections.abc import Iterable, Mapping, Sequence


def number(value: float | None) -> str:
    """A figure with three decimals, or a dash where there was nothing to measure."""
    return "-" if value is None else f"{value:.3f}"


def interval(estimate: Mapping[str, float | None]) -> str:
    """An estimate with its interval, as ``0.675 [0.612, 0.731]``."""
    if estimate["value"] is None:
        return "-"
    return f"{number(estimate['value'])} [{number(estimate['low'])}, {number(estimate['high'])}]"


def table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A Markdown table; bars within cells are escaped."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(str(cell).replace("|", r"\|") for cell in line) + " |" for line in lines)
