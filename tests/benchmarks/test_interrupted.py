"""The comparison of three outputs of the same statements: what it counts, and that it cannot be satisfied by chance."""

import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks.interrupted import compare, write_input
from benchmarks.kills import open_free
from training.input import FORMATS
from training.score import main

GIVEN: list[dict[str, Any]] = [
    {"id": f"p-{n}", "text": f"We will talk, they said {n}.", "sentence": n} for n in range(12)
]
CLEAN = {"rows": 12, "lost": 0, "doubled": 0, "out of order": 0, "differ": 0}


@pytest.fixture
def outputs(tmp_path: Path) -> dict[str, Path]:
    """The statements scored from and into each format by a free model."""
    for format in FORMATS:
        write_input(GIVEN, tmp_path / f"in.{format}")
        arguments = [str(tmp_path / f"in.{format}"), "--output", str(tmp_path / f"out.{format}")]
        assert main(arguments, open_model=open_free) == 0
    return {format: tmp_path / f"out.{format}" for format in FORMATS}


def test_equal_outputs(outputs: dict[str, Path]) -> None:
    """Outputs of the three formats that hold the same are found to be the same."""
    assert compare(GIVEN, outputs) == CLEAN


@pytest.mark.parametrize(
    ("change", "found"),
    [
        (lambda lines: lines[:3] + lines[4:], {"lost": 1, "out of order": 1, "differ": 1}),
        (lambda lines: [*lines, lines[5]], {"doubled": 1, "out of order": 1}),
        (lambda lines: lines[::-1], {"out of order": 1}),
        (lambda lines: [lines[0].replace('"n_tokens": ', '"n_tokens": 1'), *lines[1:]], {"differ": 1}),
        (lambda lines: [lines[0].replace("We will", "We shall"), *lines[1:]], {"differ": 1}),
    ],
)
def test_outputs_that_are_not_the_same(outputs: dict[str, Path], change: Any, found: dict[str, int]) -> None:
    """A lost, doubled or moved row, and a changed answer or text, are each counted."""
    lines = outputs["jsonl"].read_text().splitlines(keepends=True)
    outputs["jsonl"].write_text("".join(change(lines)))
    assert compare(GIVEN, outputs) == {**CLEAN, **found}


def test_a_column_that_is_altered_in_every_output(outputs: dict[str, Path]) -> None:
    """A column that all three hold alike, but not as it was given, is counted too."""
    given = json.loads(json.dumps(GIVEN))
    given[7]["sentence"] = 70
    assert compare(given, outputs)["differ"] == 1
