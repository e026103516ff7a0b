"""The web page of a scoring run: stances in all, over time and by actor, with intervals; one file, nothing else needed.

It is made from the output, read row by row: memory grows with the number of days and of actors, not of rows. Where the
output says which texts are near-duplicates, each group counts once.
"""

import argparse
import datetime
import html
import io
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from matplotlib import rc_context
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from models.labels import STANCES
from training.duplicates import COLUMN
from training.durable import write_whole
from training.input import open_source, read_rows
from training.intervals import wilson
from training.layout import Layout
from training.pictures import BLUE, GREEN, GREY, VERMILION
from training.rows import InputError, OutputError, Row, quoted
from training.tally import Tally

MAX_PERIODS: Final = 48
"""Points of a curve that can still be told apart; longer times are shown by month or by year."""
MAX_ACTORS: Final = 20
COLOURS: Final = dict(zip(map(str, STANCES), (GREEN, VERMILION, BLUE, GREY), strict=True))
STYLE: Final = """body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#222}
table{border-collapse:collapse;margin:1rem 0}td,th{padding:.25rem .75rem;text-align:right;border-bottom:1px solid #ddd}
td:first-child,th:first-child{text-align:left}svg{max-width:100%;height:auto}small{color:#555}"""

Counts = dict[str, Counter[str]]
"""By period or actor: rows by stance."""


@dataclass
class Found:
    """What the output holds, counted."""

    stances: Counter[str] = field(default_factory=Counter)
    by_day: Counts = field(default_factory=lambda: defaultdict(Counter))
    by_actor: Counts = field(default_factory=lambda: defaultdict(Counter))
    n_undated: int = 0
    n_copies: int = 0


def check_report(flags: argparse.Namespace, layout: Layout) -> None:
    """Raise when the report could not be made from the output. Raises: InputError, OutputError."""
    wanted = [name for name in (flags.time_column, flags.actor_column) if name is not None]
    if flags.report is None:
        if wanted:
            raise InputError("--time-column and --actor-column are for --report")
        return
    if not flags.report.parent.is_dir():
        raise OutputError(f"{flags.report}: there is no directory {flags.report.parent}")
    missing = [name for name in wanted if name not in (*layout.columns, *layout.added)]
    if missing or "stance" not in layout.answers.names:
        missing = missing or [f"{layout.answers.prefix}stance"]
        raise InputError(f"--report needs {quoted(missing)} in the output (see --keep and --columns)")


def write_report(flags: argparse.Namespace, layout: Layout, tally: Tally) -> None:
    """Write the page. Raises: InputError, OutputError."""
    found = count(flags, layout)
    try:
        write_whole(flags.report, lambda file: file.write(page(flags, found, tally).encode("utf-8")))
    except OSError as error:
        raise OutputError(f"{flags.report}: cannot be written: {error.strerror or error}") from error


def count(flags: argparse.Namespace, layout: Layout) -> Found:
    """The rows of the output by stance, day and actor. Raises: InputError."""
    found, groups = Found(), set()
    stance_column, group_column = layout.answers.prefix + "stance", layout.answers.prefix + COLUMN
    needed = {stance_column, group_column, flags.time_column, flags.actor_column} - {None}
    source = open_source(
        flags.output, format=layout.format, delimiter="," if layout.format == "csv" else None, only=needed
    )
    for row in read_rows(source, str(flags.output)):
        if not isinstance(row, Row):
            continue
        group = row.values.get(group_column) if group_column in layout.added else None
        if group in groups:
            found.n_copies += 1
            continue
        if group:
            groups.add(group)
        stance = str(row.values[stance_column])
        found.stances[stance] += 1
        if flags.actor_column:
            found.by_actor[str(row.values.get(flags.actor_column) or "(no name)")][stance] += 1
        if flags.time_column:
            day = day_of(row.values.get(flags.time_column))
            found.n_undated += day is None
            if day:
                found.by_day[day][stance] += 1
    return found


def day_of(value: object) -> str | None:
    """The day of a date or time as 2024-05-01; a year or a month alone stands for its first day; None for no date."""
    if isinstance(value, datetime.date):  # a datetime is one too
        return value.isoformat()[:10]
    text = str(value).strip()
    text += "-01-01" if len(text) == 4 else "-01" if len(text) == 7 else ""
    try:
        return datetime.datetime.fromisoformat(text).date().isoformat()
    except ValueError:
        return None


def by_period(by_day: Mapping[str, Counter[str]]) -> Counts:
    """The days gathered so that there are at most MAX_PERIODS: by day, by month or by year, whichever first fits."""
    for digits in (10, 7, 4):
        periods: Counts = defaultdict(Counter)
        for day in sorted(by_day):
            periods[day[:digits]] += by_day[day]
        if len(periods) <= MAX_PERIODS:
            break
    return periods


def page(flags: argparse.Namespace, found: Found, tally: Tally) -> str:
    """The page."""
    refused = f"{tally.n_in:,} rows in, {tally.n_scored:,} scored, {tally.n_refused:,} refused."
    parts = [f"<h1>Stances toward negotiations</h1><p>{html.escape(flags.output.name)}: {refused}"]
    if found.n_copies:
        parts.append(f" {found.n_copies:,} near-duplicates are left out below.")
    parts.append("</p>" + table({"all": found.stances}))
    if flags.time_column:
        periods = by_period(found.by_day)
        undated = f"<p>{found.n_undated:,} rows have no date that can be read.</p>" if found.n_undated else ""
        parts.append(f"<h2>Over time ({html.escape(flags.time_column)})</h2>{undated}")
        parts.append(curves(periods) + table(periods) if periods else "")
    if flags.actor_column:
        most = sorted(found.by_actor.items(), key=lambda item: (-item[1].total(), item[0]))[:MAX_ACTORS]
        actors = dict(most)
        parts.append(f"<h2>By {html.escape(flags.actor_column)}</h2>")
        if len(found.by_actor) > MAX_ACTORS:
            parts.append(f"<p>The {MAX_ACTORS} with most rows of {len(found.by_actor):,}.</p>")
        parts.append(bars(actors) + table(actors) if actors else "")
    parts.append(
        "<p><small>Brackets and bands: 95 % intervals (Wilson) of a share, as if the rows were drawn at random; "
        "they do not cover the model's own mistakes, which are described in its card.</small></p>"
    )
    head = f'<meta charset="utf-8"><title>Stances: {html.escape(flags.output.name)}</title><style>{STYLE}</style>'
    return f'<!doctype html><html lang="en"><head>{head}</head><body>{"".join(parts)}</body></html>\n'


def table(counts: Mapping[str, Counter[str]]) -> str:
    """Rows, and the share of each stance with its interval, for each name."""
    head = "".join(f"<th>{name}</th>" for name in ("", "rows", *map(str, STANCES)))
    lines = []
    for name, stances in counts.items():
        n_rows = stances.total()
        cells = [f"<td>{html.escape(name)}</td><td>{n_rows:,}</td>"]
        for stance in STANCES:
            low, high = wilson(stances[stance], n_rows)
            share = stances[stance] / n_rows if n_rows else 0.0
            cells.append(f"<td>{share:.0%} [{low:.0%}, {high:.0%}]</td>")
        lines.append(f"<tr>{''.join(cells)}</tr>")
    return f"<table><tr>{head}</tr>{''.join(lines)}</table>"


def curves(periods: Mapping[str, Counter[str]]) -> str:
    """The share of each stance over time, with bands."""
    figure = Figure(figsize=(9, 4), layout="constrained")
    axes = figure.add_subplot()
    places = range(len(periods))
    for stance, colour in COLOURS.items():
        shares = [stances[stance] / stances.total() for stances in periods.values()]
        bands = [wilson(stances[stance], stances.total()) for stances in periods.values()]
        axes.plot(places, shares, color=colour, label=stance, marker="o", markersize=3)
        axes.fill_between(
            places, [low for low, _ in bands], [high for _, high in bands], color=colour, alpha=0.15, linewidth=0
        )
    axes.set_xticks(places, list(periods), rotation=60, fontsize=8)
    axes.set(ylim=(0, 1), ylabel="share of rows")
    axes.legend(loc="upper left", ncols=len(COLOURS), frameon=False)
    return _svg(figure)


def bars(actors: Mapping[str, Counter[str]]) -> str:
    """The share of each stance by actor, most rows on top."""
    figure = Figure(figsize=(9, 1.2 + 0.32 * len(actors)), layout="constrained")
    axes = figure.add_subplot()
    names = list(actors)
    left = [0.0] * len(names)
    for stance, colour in COLOURS.items():
        shares = [stances[stance] / stances.total() for stances in actors.values()]
        axes.barh(range(len(names)), shares, left=left, color=colour, label=stance)
        left = [start + share for start, share in zip(left, shares, strict=True)]
    axes.set_yticks(range(len(names)), [_plain(name) for name in names], fontsize=8)
    axes.invert_yaxis()
    axes.set(xlim=(0, 1), xlabel="share of rows")
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=len(COLOURS), frameon=False)
    return _svg(figure)


def _plain(name: str) -> str:
    """The name without matplotlib's own markup, short enough for an axis."""
    return (name if len(name) <= 40 else name[:39] + "…").replace("$", r"\$")


def _svg(figure: Figure) -> str:
    written = io.StringIO()
    FigureCanvasSVG(figure)
    # text stays text, and the same data give the same bytes
    with rc_context({"svg.fonttype": "none", "svg.hashsalt": "parley"}):
        figure.savefig(written, format="svg", metadata={"Date": None, "Creator": None})
    return written.getvalue().partition("<svg")[1] + written.getvalue().partition("<svg")[2]
