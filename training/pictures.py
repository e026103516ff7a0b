"""The pictures of an evaluation report, as small PNG files in colours that the colour-blind can tell apart."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from models.labels import STANCES

DOTS_PER_INCH: Final = 100
BLUE, VERMILION, GREEN, GREY = "#0072B2", "#D55E00", "#009E73", "#767676"
"""Source: Okabe and Ito 2008, "Color universal design", but for the grey."""
NAMES: Final = tuple(map(str, STANCES))


@contextmanager
def _picture(path: Path, *, width_inches: float = 5.0, height_inches: float = 4.0) -> Iterator[Axes]:
    """Axes to draw on; the picture is written when the block ends. Agg is asked for by name: no display is needed."""
    figure = Figure(figsize=(width_inches, height_inches), dpi=DOTS_PER_INCH, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    yield axes
    figure.savefig(path, metadata={"Software": None})  # without it, the same data give the same bytes


def draw_confusion(counts: Sequence[Sequence[int]], path: Path) -> None:
    """Write the confusion matrix: counts, shaded by the share of their row. Shapes: counts [L, L]."""
    matrix = np.asarray(counts)
    shares = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    with _picture(path) as axes:
        axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
        axes.set_xticks(range(len(NAMES)), NAMES, rotation=20)
        axes.set_yticks(range(len(NAMES)), NAMES)
        axes.set_xlabel("predicted stance")
        axes.set_ylabel("annotated stance")
        for (row, column), count in np.ndenumerate(matrix):
            colour = "white" if shares[row, column] > 0.55 else "black"
            axes.text(column, row, f"{count}\n{shares[row, column]:.0%}", ha="center", va="center", color=colour)


def draw_reliability(bins: Sequence[Mapping[str, Any]], path: Path) -> None:
    """Write the reliability diagram: accuracy against mean confidence, the area of a dot by its statements."""
    filled = [item for item in bins if item["n"]]
    most = max(item["n"] for item in filled)
    with _picture(path) as axes:
        axes.plot([0, 1], [0, 1], color=GREY, linestyle="--", label="perfectly calibrated")
        confidence, accuracy = [b["confidence"] for b in filled], [b["accuracy"] for b in filled]
        axes.plot(confidence, accuracy, color=BLUE, linewidth=1)
        areas = [20 + 180 * item["n"] / most for item in filled]
        axes.scatter(confidence, accuracy, s=areas, color=BLUE, label="bins (larger: more statements)")
        axes.set(xlim=(0, 1), ylim=(0, 1), xlabel="confidence (top probability)", ylabel="accuracy")
        axes.legend(loc="upper left", frameon=False)


def draw_risk_coverage(curves: Mapping[str, Mapping[str, Sequence[float]]], path: Path) -> None:
    """Write risk-coverage curves, each a mapping with ``coverage`` and ``risk``; the first is drawn boldest."""
    styles = [(BLUE, "-", 2.0), (VERMILION, "--", 1.5), (GREEN, "-.", 1.5), (GREY, ":", 1.5), ("black", ":", 1.0)]
    with _picture(path) as axes:
        for (name, curve), (colour, line, width) in zip(curves.items(), styles, strict=False):
            # A constant or a rule knows one confidence only: a single point, which a line would not show.
            marker = "o" if len(curve["coverage"]) < 3 else None
            style: dict[str, Any] = {"color": colour, "linestyle": line, "linewidth": width, "marker": marker}
            axes.plot(curve["coverage"], curve["risk"], label=name, **style)
        axes.set(xlim=(0, 1.02), xlabel="coverage (share answered, surest first)", ylabel="risk (error rate)")
        axes.set_ylim(bottom=0)
        axes.legend(loc="best", frameon=False, fontsize="small")


def draw_learning_curve(points: Sequence[Mapping[str, Any]], path: Path) -> None:
    """Write the learning curve: macro-F1 of model and baseline by training statements, on a logarithmic axis."""
    sizes = [point["n_train"] for point in points]
    with _picture(path) as axes:
        axes.plot(sizes, [point["model"] for point in points], color=BLUE, marker="o", label="fine-tuned encoder")
        baseline = [point["tfidf_logistic"] for point in points]
        axes.plot(sizes, baseline, color=VERMILION, marker="s", linestyle="--", label="TF-IDF + logistic regression")
        axes.set_xscale("log", base=2)
        axes.set_xticks(sizes, [f"{size:,}" for size in sizes])
        axes.minorticks_off()
        axes.set(xlabel="training statements", ylabel="macro-F1 on the validation split")
        axes.legend(loc="lower right", frameon=False)


def draw_all(report: Mapping[str, Any], folder: Path) -> dict[str, str]:
    """Write every picture that the report has data for; returns title -> file name, in the order to show them."""
    draw_confusion(report["confusion"], folder / "confusion.png")
    draw_reliability(report["reliability"], folder / "reliability.png")
    draw_risk_coverage(report["risk_coverage"], folder / "risk-coverage.png")
    pictures = {
        "Confusion matrix": "confusion.png",
        "Reliability diagram": "reliability.png",
        "Risk-coverage curve": "risk-coverage.png",
    }
    if report["learning_curve"]:
        draw_learning_curve(report["learning_curve"]["points"], folder / "learning-curve.png")
        pictures["Learning curve"] = "learning-curve.png"
    return pictures
