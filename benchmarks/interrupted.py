"""The same statements scored as CSV, JSONL and Parquet, killed on the way, and the three results compared row by row.

    python -m benchmarks.interrupted --statements pool.jsonl --folder runs/interrupted
    python -m benchmarks.interrupted --statements pool.jsonl --folder runs/interrupted --formats csv

Each format is a run of its own, from a fresh folder: the command is started, killed (SIGKILL) at a random instant,
given again, killed again, and given once more. What must come out: every statement once, in order, with its own columns
as they were, and in all three files the same stance, probabilities and conditions. With --formats a part is done at a
time; the comparison comes when all are there. Prints the counts as JSON; ends with status 1 where anything differs.
"""

import argparse
import json
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from training.input import FORMATS, open_source, read_rows
from training.rows import Row

COMMAND: Final = (sys.executable, "-m", "training.score")
AFTER_START: Final = (0.2, 3.0)
"""Seconds between the first chunk that a run finishes and its end by SIGKILL."""


def main() -> int:
    """The program."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--statements", type=Path, required=True, help="JSONL with the columns id and text")
    parser.add_argument("--folder", type=Path, required=True, help="where inputs and outputs go; made where needed")
    parser.add_argument("--formats", nargs="+", choices=FORMATS, default=FORMATS)
    parser.add_argument("--kills", type=int, default=2)
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--seed", type=int, default=0)
    flags = parser.parse_args()
    flags.folder.mkdir(parents=True, exist_ok=True)
    given = [json.loads(line) for line in flags.statements.read_text(encoding="utf-8").splitlines()]
    for format in flags.formats:
        write_input(given, flags.folder / f"in.{format}")
        print(json.dumps({format: killed_and_resumed(flags, format)}), flush=True)
    if not all((flags.folder / f"out.{format}").exists() for format in FORMATS):
        return 0
    counts = compare(given, {format: flags.folder / f"out.{format}" for format in FORMATS})
    print(json.dumps({"compared": counts}))
    return 0 if counts == {"rows": len(given), "lost": 0, "doubled": 0, "out of order": 0, "differ": 0} else 1


def write_input(given: list[dict[str, Any]], path: Path) -> None:
    """Write the statements, with all of their columns, in the format of the suffix."""
    if path.suffix == ".jsonl":
        path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in given), encoding="utf-8")
        return
    table = pa.Table.from_pylist(given)
    if path.suffix == ".csv":
        pyarrow.csv.write_csv(table, path)
    else:
        pyarrow.parquet.write_table(table, path)


def killed_and_resumed(flags: argparse.Namespace, format: str) -> dict[str, Any]:
    """Run the command until it ends by itself, killed as often as asked before; what it said at its end."""
    chance = random.Random(f"{flags.seed} {format}")
    output = flags.folder / f"out.{format}"
    command = [*COMMAND, str(flags.folder / f"in.{format}"), "--output", str(output), "--threads", str(flags.threads)]
    journal = flags.folder / f"out.{format}.run" / "journal.jsonl"
    finished_chunks = []
    for _ in range(flags.kills):
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        before = lines(journal)
        while process.poll() is None and lines(journal) <= max(before, 1):  # its first line is not of a chunk
            time.sleep(0.05)
        time.sleep(chance.uniform(*AFTER_START))
        process.kill()
        if process.wait() != -signal.SIGKILL:
            raise RuntimeError("the run was over before it could be killed")
        finished_chunks.append(lines(journal) - 1)
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    said = [line for line in done.stderr.splitlines() if line.startswith("going on")]
    return {"chunks finished at each kill": finished_chunks, "said": [*said, done.stdout.strip().split(" -> ")[0]]}


def lines(path: Path) -> int:
    """The whole lines of a file, 0 where there is none."""
    return path.read_bytes().count(b"\n") if path.exists() else 0


def compare(given: list[dict[str, Any]], outputs: dict[str, Path]) -> dict[str, int]:
    """How many rows went in, and how many are lost, doubled, out of order or not the same in all outputs."""
    found = {format: list(records(path)) for format, path in outputs.items()}
    wanted = [row["id"] for row in given]
    ids = {format: [row["id"] for row in rows] for format, rows in found.items()}
    counted = {format: Counter(names) for format, names in ids.items()}
    originals = {row["id"]: row for row in given}
    by_id = {format: {row["id"]: row for row in rows} for format, rows in found.items()}
    first, *others = by_id.values()
    return {
        "rows": len(wanted),
        "lost": sum((Counter(wanted) - names).total() for names in counted.values()),
        "doubled": sum((names - Counter(wanted)).total() for names in counted.values()),
        "out of order": sum(names != wanted for names in ids.values()),
        "differ": sum(
            any(other.get(name) != row for other in others) or as_text(originals[name]).items() - row.items() != set()
            for name, row in first.items()
        ),
    }


def records(path: Path) -> Iterable[dict[str, str]]:
    """The rows of an output, every value as CSV would write it."""
    for row in read_rows(open_source(path), str(path)):
        if not isinstance(row, Row):
            raise TypeError(f"{path}: {row}")
        yield as_text(row.values)


def as_text(values: Any) -> dict[str, str]:
    """The values as text: what three formats can be compared by."""
    return {
        name: "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
        for name, value in values.items()
    }


if __name__ == "__main__":
    raise SystemExit(main())
