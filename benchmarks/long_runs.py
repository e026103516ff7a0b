"""Runs of ten thousand, a hundred thousand and a million statements with the released model: time, memory, linearity.

    python -m benchmarks.long_runs --statements pool.jsonl --max-tokens 16 --output runs/long-runs.json
    python -m benchmarks.long_runs --statements pool.jsonl --sizes 10000 100000

Each size is one run of training.score as it is installed, in a process of its own, on all cores, JSONL in and CSV out
with every column. The rows are the statements of the file, in order, again and again; with --max-tokens only those of
so many tokens or fewer, which are quicker: what is said of such a run holds for short statements. Told are the seconds
from the command to its end, and from the moment when the model is open; rows a second of the latter; the most memory;
and how rate and memory compare with those of the first size. Ends with status 1 where a row is missing or refused, or
the last size has less than nine tenths of the first one's rate, or more than ten ninths of its memory.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from itertools import cycle, islice
from pathlib import Path
from typing import Any, Final

from benchmarks.scoring import SIZES, statements
from models import artifact as artifacts
from models.encoding import TextEncoder
from training.input import FORMATS
from training.score_options import DEFAULT_ARTIFACT

KEPT: Final = 0.9
"""Of the rate of the smallest run, what the largest must reach for the cost to be called linear, and of the memory of
the largest, what the smallest must have. A busy machine's speed changes by more."""
RUN: Final = """
import json, sys, time
started = time.perf_counter()
from training.score import main
ready = [started]
def open_model(flags):
    from training.score_command import open_model
    model = open_model(flags)
    ready[0] = time.perf_counter()
    return model
status = main(sys.argv[1:], open_model=open_model)
ended = time.perf_counter()
peak = next(int(line.split()[1]) // 1024 for line in open("/proc/self/status") if line.startswith("VmHWM"))
print(json.dumps({"seconds": ended - started, "scoring_seconds": ended - ready[0], "peak_mib": peak}))
sys.exit(status)
"""


def main() -> int:
    """The program; 1 where rows are lost, or time or memory grow otherwise than they should."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--statements", type=Path, required=True, help="JSONL with a column text")
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES)
    parser.add_argument(
        "--max-tokens", type=int, metavar="N", help="only statements of N tokens or fewer (default: all)"
    )
    parser.add_argument("--format", choices=FORMATS, default="csv", help="of the output (default: csv)")
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--output", type=Path)
    flags = parser.parse_args()
    lines, about = choose(statements(flags.statements), flags.max_tokens)
    print(json.dumps(about), flush=True)
    found = []
    with tempfile.TemporaryDirectory() as folder:
        for n_rows in sorted(flags.sizes):
            measured = measure(lines, n_rows, Path(folder), threads=flags.threads, format=flags.format)
            found.append(compared(measured, found[0] if found else measured))
            print(json.dumps(found[-1]), flush=True)
            if flags.output:  # after each: the largest takes long
                flags.output.write_text(json.dumps({**about, "runs": found}, indent=1) + "\n", encoding="utf-8")
    last = found[-1]
    complete = all(run["rows_scored"] == run["rows"] for run in found)
    return 0 if complete and last["rate_kept"] >= KEPT and last["peak_grown"] <= 1 / KEPT else 1


def choose(lines: Sequence[str], max_tokens: int | None) -> tuple[list[str], dict[str, Any]]:
    """The lines whose text is short enough, and what they are like."""
    artifact = artifacts.load(DEFAULT_ARTIFACT)
    encoder = TextEncoder.from_file(str(artifact.file(artifacts.TOKENIZER)), max_tokens=artifact.manifest.max_tokens)
    texts = [json.loads(line)["text"] for line in lines]
    lengths = [encoding.n_tokens for encoding in encoder.encode(texts)]
    kept = [place for place, n_tokens in enumerate(lengths) if max_tokens is None or n_tokens <= max_tokens]
    if not kept:
        sys.exit(f"no statement has at most {max_tokens} tokens")
    mean = sum(lengths[place] for place in kept) / len(kept)
    about = {"max_tokens": max_tokens, "statements": len(kept), "of": len(lines), "mean_tokens": round(mean, 1)}
    return [lines[place] for place in kept], about


def measure(lines: Sequence[str], n_rows: int, folder: Path, *, threads: int, format: str) -> dict[str, Any]:
    """A run of so many rows: its account, seconds and memory. What it says goes to the terminal."""
    source, output = folder / "in.jsonl", folder / f"out.{format}"
    with source.open("w", encoding="utf-8") as file:
        file.writelines(f"{line}\n" for line in islice(cycle(lines), n_rows))
    command = [sys.executable, "-c", RUN, str(source), "--output", str(output), "--threads", str(threads), "--force"]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    account = json.loads(output.with_name(f"{output.name}.manifest.json").read_text(encoding="utf-8"))
    return {"rows": n_rows, "rows_scored": account["rows_scored"], **json.loads(done.stdout.splitlines()[-1])}


def compared(run: dict[str, Any], first: dict[str, Any]) -> dict[str, Any]:
    """A run with its rate, the share of the first run's rate that it keeps, and its memory beside the first run's."""
    rate, first_rate = (one["rows_scored"] / one["scoring_seconds"] for one in (run, first))
    return {
        **{name: round(value, 1) if isinstance(value, float) else value for name, value in run.items()},
        "rows_per_second": round(rate),
        "rate_kept": round(rate / first_rate, 3),
        "peak_grown": round(run["peak_mib"] / first["peak_mib"], 3),
    }


if __name__ == "__main__":
    raise SystemExit(main())
