"""Runs of growing size: which statements are chosen, and how runs are compared."""

import json

import pytest

from benchmarks.long_runs import choose, compared

RUN = {"rows": 100, "rows_scored": 100, "seconds": 13.0, "scoring_seconds": 10.0, "peak_mib": 400}


def test_short_statements_are_chosen() -> None:
    """Only lines whose text has so many tokens or fewer are kept, whole and in order, and it is said how many."""
    lines = [json.dumps({"id": n, "text": "We will talk. " * n}) for n in (1, 9, 2)]
    kept, about = choose(lines, 12)
    assert kept == [lines[0], lines[2]]
    assert (about["statements"], about["of"], about["max_tokens"]) == (2, 3, 12)
    assert 4 < about["mean_tokens"] <= 12
    assert choose(lines, None)[0] == lines
    with pytest.raises(SystemExit):
        choose(lines, 1)


def test_a_run_is_compared_with_the_first() -> None:
    """The rate is of the time after the model was opened; a slower and a larger run show as shares of the first."""
    assert compared(RUN, RUN)["rate_kept"] == compared(RUN, RUN)["peak_grown"] == 1
    slower = {**RUN, "rows": 1_000, "rows_scored": 1_000, "scoring_seconds": 125.0, "peak_mib": 500}
    found = compared(slower, RUN)
    assert (found["rows_per_second"], found["rate_kept"], found["peak_grown"]) == (8, 0.8, 1.25)
