"""Batch scoring beside the engine: how its rounds become figures."""

from pathlib import Path

import pytest

from benchmarks.scoring import Pair, size, statements, summary


def test_the_median_round_counts() -> None:
    """A share compares each run with the forward passes right before it; one disturbed round does not decide."""
    pairs = [Pair(9, 18, 10, 20), Pair(9, 18, 10, 20), Pair(9, 18, 30, 25)]
    found = summary(pairs, 90)
    assert found["engine_rows_per_second"] == pytest.approx(10)
    assert found["rows_per_second"] == pytest.approx(9)
    assert found["share"] == pytest.approx(0.9)
    assert found["share_by_cpu"] == pytest.approx(0.9)


def test_columns_that_scoring_adds_are_left_out(tmp_path: Path) -> None:
    """Statements of the corpus have columns that scoring would add; they are left out, and lines without a text too."""
    (tmp_path / "a.jsonl").write_text('{"id": 1, "text": "A.", "conditions": [], "confidence": 3}\n{"text": null}\n')
    assert statements(tmp_path / "a.jsonl") == ['{"id": 1, "text": "A."}']


def test_a_size_is_a_whole_run(tmp_path: Path) -> None:
    """A run of a size scores that many rows, repeating statements, and says its time and memory."""
    found = size(['{"text": "We will talk."}', '{"text": "We will not."}'], 301, tmp_path)
    assert (tmp_path / "out.csv").read_text().count("\n") == 302
    assert found["rows"] == 301
    assert found["seconds"] > 0
    assert found["peak_mib"] > 10
