"""The report: right counts and intervals, over time and by actor, in one file that needs nothing else."""

import re
from collections import Counter
from pathlib import Path

import pytest

from benchmarks.kills import open_free
from training.intervals import wilson
from training.score import main
from training.score_report import by_period, day_of


def report(folder: Path, *options: str, name: str = "out.csv") -> str:
    """The page that a run writes."""
    arguments = [str(folder / "in.csv"), "--output", str(folder / name), "--report", str(folder / "r.html"), *options]
    assert main(arguments, open_model=open_free) in (0, 3)
    return (folder / "r.html").read_text(encoding="utf-8")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Statements of two speakers in two months, one without a date, one without text."""
    rows = [
        f"2024-0{1 + n % 2}-1{n % 3},<b>A & B</b>,statement {n}" if n % 3 else f"soon,$C,talks {n}" for n in range(30)
    ]
    (tmp_path / "in.csv").write_text("\n".join(["day,who,text", *rows, "2024-01-01,$C,"]) + "\n")
    return tmp_path


@pytest.mark.parametrize("name", ["out.csv", "out.jsonl", "out.parquet"])
def test_page(folder: Path, name: str) -> None:
    """The page has the account, both charts and both tables, names escaped, and points to nothing outside itself."""
    page = report(folder, "--time-column", "day", "--actor-column", "who", name=name)
    assert "31 rows in, 30 scored, 1 refused." in page
    assert page.count("<svg") == 2
    assert "10 rows have no date" in page
    assert "<td>&lt;b&gt;A &amp; B&lt;/b&gt;</td><td>20</td>" in page
    assert "<td>$C</td><td>10</td>" in page
    assert "<b>A" not in page
    assert not re.search(r'(?:src|href)="(?!#)', page)
    assert "<script" not in page


def test_copies_count_once(folder: Path) -> None:
    """With near-duplicate groups, each group counts once and the page says how many rows were left out."""
    (folder / "in.csv").write_text("text,who\n" + "We are ready to talk to the other side in Geneva.,A\n" * 10)
    page = report(folder, "--group-duplicates", "--actor-column", "who")
    assert "9 near-duplicates are left out" in page
    assert "<td>A</td><td>1</td>" in page


def test_again_after_the_end(folder: Path) -> None:
    """A report can be asked for when the output is there already; the same data give the same bytes."""
    first = report(folder, "--time-column", "day")
    assert report(folder, "--time-column", "day") == first


@pytest.mark.parametrize(
    ("value", "day"),
    [
        ("2024-05-01", "2024-05-01"),
        ("2024-05-01T10:00:00Z", "2024-05-01"),
        ("2024", "2024-01-01"),
        ("2024-05", "2024-05-01"),
        ("soon", None),
        ("", None),
        (None, None),
        (5, None),
    ],
)
def test_days(value: object, day: str | None) -> None:
    """ISO dates and times, months and years are dates; anything else is none."""
    assert day_of(value) == day


def test_periods() -> None:
    """Few days stay days; many become months, very many years; no row is lost."""
    days = {
        f"20{year:02d}-{month:02d}-{day:02d}": Counter(hostile=1)
        for year in range(9)
        for month in range(1, 13)
        for day in (1, 2)
    }
    assert len(by_period(dict(list(days.items())[:40]))) == 40
    assert len(by_period(dict(list(days.items())[:60]))) == 30
    years = by_period(days)
    assert len(years) == 9
    assert sum(stances.total() for stances in years.values()) == len(days)


def test_wilson() -> None:
    """The interval of a share lies within 0 and 1, holds the share, and is what the textbook says."""
    assert wilson(0, 0) == (0.0, 1.0)
    assert wilson(8, 10) == pytest.approx((0.4902, 0.9433), abs=1e-4)
    assert wilson(0, 10)[0] == pytest.approx(0)
