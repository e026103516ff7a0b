"""Near-duplicates: copies share a group, others do not, and neither chunks nor interruptions matter."""

from pathlib import Path

import pyarrow.parquet as pq

from benchmarks.kills import open_free
from training.duplicates import DuplicateGroups
from training.score import main

WIRE = (
    "The foreign minister said on Monday that his government was ready to return to the negotiating table in Geneva, "
    "provided that the sanctions which were imposed in the spring are lifted before the end of the month"
)


def test_copies_share_a_group() -> None:
    """Other case, punctuation and a changed word or two make a copy; another statement makes another group."""
    groups = DuplicateGroups()
    first = groups.group_of(WIRE + ".")
    assert groups.group_of(WIRE.upper() + "!") == first
    assert groups.group_of("GENEVA - " + WIRE) == first
    assert groups.group_of(WIRE.replace("lifted", "kept")) == first
    assert groups.group_of("The strike goes on until the company returns to the table.") != first
    assert groups.group_of("No.") != groups.group_of("Yes.")


def test_groups_are_stable() -> None:
    """A group's name depends on its first text alone, not on what else was seen."""
    alone = DuplicateGroups().group_of(WIRE)
    groups = DuplicateGroups()
    for number in range(500):
        groups.group_of(f"Statement number {number} of the other delegation was {number * 31} words long, not more.")
    assert groups.group_of(WIRE) == alone


def test_groups_do_not_drift() -> None:
    """A chain of small changes does not end in the group of its beginning: members are no representatives."""
    words = [f"word{n}" for n in range(60)]
    groups, seen = DuplicateGroups(), []
    for step in range(0, 60, 2):
        words[step : step + 2] = [f"other{step}", f"other{step + 1}"]
        seen.append(groups.group_of(" ".join(words)))
    assert seen[0] == seen[1]
    assert seen[-1] != seen[0]


def test_in_a_run(tmp_path: Path) -> None:
    """--group-duplicates adds the column, the same whatever the chunks are."""
    texts = [WIRE, "No.", WIRE + " now", "", "We will not talk to them again.", WIRE.upper()]
    (tmp_path / "in.csv").write_text("text,id\n" + "".join(f'"{text}",{n}\n' for n, text in enumerate(texts)))
    found = []
    for size in ("1", "100"):
        output = tmp_path / f"out-{size}.parquet"
        options = ["--group-duplicates", "--columns", "stance", "--chunk-rows", size]
        assert main([str(tmp_path / "in.csv"), "--output", str(output), *options], open_model=open_free) == 3
        found.append(pq.read_table(output))
    assert found[0].equals(found[1])
    assert found[0].column_names == ["text", "id", "duplicate_group", "stance"]
    wire, no, again, other, upper = found[0]["duplicate_group"].to_pylist()
    assert wire == again == upper
    assert len({wire, no, other}) == 3
