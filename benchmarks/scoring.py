"""Batch scoring beside the engine alone, in one run: which share of the engine's rate is left when files are scored.

    python -m benchmarks.scoring --output runs/scoring.json
    python -m benchmarks.scoring --statements pool.jsonl --rows 6060 --rounds 5
    python -m benchmarks.scoring --only sizes --sizes 10000 100000 1000000

rates    the same statements through the forward passes alone, tokenised beforehand and sorted by length, and through
         whole scoring runs, reading, writing and joining included, into each format; one classifier does all of it, on
         all cores, warm. Each run is compared with the forward passes right before it, as machines have moods, and the
         median of the rounds counts; CPU seconds are compared too. Then predict(), all at once and in batches of 32.
sizes    runs of so many rows in a process of its own, with a model that costs nothing: what reading and writing take,
         and the most memory that it held. The statements are repeated.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import redirect_stderr, redirect_stdout
from functools import partial
from io import StringIO
from itertools import cycle, islice
from pathlib import Path
from statistics import median
from typing import Any, Final, NamedTuple

from benchmarks.engine import BATCH
from benchmarks.statements import evenly, groups
from models.classifier import StanceClassifier, forward_all
from training.answers import ANSWERS
from training.corpus import HYDRATED_FOLDER, RECORD, WRITTEN
from training.examples import DATA
from training.input import FORMATS
from training.score import main as run
from training.score_command import open_model
from training.score_options import parser_of
from training.scoring_run import Model

SHARE: Final = 0.92
"""Of the rate of the forward passes alone, what scoring must reach on two cores (the issue of batch scoring)."""
SIZES: Final = (10_000, 100_000, 1_000_000)

FREE_RUN: Final = """
import sys
from benchmarks.kills import open_free
from training.score import main
status = main(sys.argv[1:], open_model=open_free)
print(next(int(line.split()[1]) // 1024 for line in open("/proc/self/status") if line.startswith("VmHWM")))
sys.exit(status)
"""
"""VmHWM, as ru_maxrss would count what the process held that started this one."""


def main() -> int:
    """The program; 1 where scoring does not reach its share."""
    record = DATA / HYDRATED_FOLDER / RECORD
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--only", choices=("rates", "sizes"))
    parser.add_argument("--statements", type=Path, default=record if record.is_file() else DATA / WRITTEN)
    parser.add_argument("--rows", type=int, default=3_000, help="statements of the rates (default: 3,000)")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--formats", nargs="+", choices=FORMATS, default=FORMATS)
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES)
    parser.add_argument("--output", type=Path)
    flags = parser.parse_args()
    lines = statements(flags.statements)
    results: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        if flags.only != "sizes":
            results["rates"] = rates(evenly(lines, flags.rows), Path(folder), flags)
        if flags.only != "rates":
            results["sizes"] = [size(lines, n_rows, Path(folder)) for n_rows in flags.sizes]
    if flags.output:
        flags.output.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    return 0 if results.get("rates", {"share": 1})["share"] >= SHARE else 1


def statements(path: Path) -> list[str]:
    """The lines of a JSONL file that have a text, without columns that scoring would add."""
    rows = (json.loads(line) for line in path.read_text(encoding="utf-8").splitlines())
    kept = ({name: value for name, value in row.items() if name not in ANSWERS} for row in rows if row.get("text"))
    return [json.dumps(row, ensure_ascii=False) for row in kept]


def rates(lines: Sequence[str], folder: Path, flags: argparse.Namespace) -> dict[str, Any]:
    """Statements a second, and the share that whole runs have of the rate of the forward passes alone."""
    (folder / "in.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    texts = [json.loads(line)["text"] for line in lines]
    arguments = [str(folder / "in.jsonl"), "--threads", str(flags.threads), "--force", "--output"]
    model = open_model(parser_of("").parse_args([*arguments, "out.csv"]))
    classifier = model.classifiers[0]
    if not isinstance(classifier, StanceClassifier):
        raise TypeError("the engine is measured through StanceClassifier")
    encodings = classifier.encoder.encode(texts)

    def forward() -> object:
        return forward_all(classifier.engine, encodings)

    forward()  # every shape is prepared
    rounds: dict[str, list[Pair]] = {format: [] for format in flags.formats}
    for _ in range(flags.rounds):
        for format in flags.formats:
            whole = partial(score, [*arguments, str(folder / f"out.{format}")], model)
            rounds[format].append(Pair(*seconds(forward), *seconds(whole)))
            print(json.dumps({"pair": rounds[format][-1]._asdict()}), file=sys.stderr, flush=True)
    result: dict[str, Any] = {"rows": len(lines), "mean_tokens": sum(e.n_tokens for e in encodings) / len(lines)}
    for format, pairs in rounds.items():
        result[format] = summary(pairs, len(lines))
        print(json.dumps({format: result[format]}), flush=True)
    result["predict, all at once"] = len(lines) / seconds(lambda: classifier.predict(texts))[0]
    result["predict, by 32"] = len(lines) / seconds(lambda: [classifier.predict(g) for g in groups(texts, BATCH)])[0]
    result["share"] = median(pair.share for pairs in rounds.values() for pair in pairs)
    print(json.dumps({name: value for name, value in result.items() if isinstance(value, float)}), flush=True)
    return result


class Pair(NamedTuple):
    """The forward passes alone and a whole run right after them, in seconds of the clock and of CPUs."""

    engine_seconds: float
    engine_cpu: float
    run_seconds: float
    run_cpu: float

    @property
    def share(self) -> float:
        """Of the engine's rate, what the run reaches."""
        return self.engine_seconds / self.run_seconds


def summary(pairs: Sequence[Pair], n_rows: int) -> dict[str, float]:
    """The medians of these rounds: rows a second of both, the share by the clock and by CPU seconds."""
    return {
        "engine_rows_per_second": n_rows / median(pair.engine_seconds for pair in pairs),
        "rows_per_second": n_rows / median(pair.run_seconds for pair in pairs),
        "share": median(pair.share for pair in pairs),
        "share_by_cpu": median(pair.engine_cpu / pair.run_cpu for pair in pairs),
    }


def score(arguments: Sequence[str], model: Model) -> None:
    """A whole run from its options to its output, without opening the model."""
    said = StringIO()
    with redirect_stderr(said), redirect_stdout(said):
        status = run(arguments, open_model=lambda _: model)
    if status != 0:
        raise RuntimeError(f"not every row was scored: {said.getvalue()}")


def seconds(step: Callable[[], object]) -> tuple[float, float]:
    """How long a step takes, and how long it keeps CPUs busy."""
    started, busy = time.perf_counter(), time.process_time()
    step()
    return time.perf_counter() - started, time.process_time() - busy


def size(lines: Sequence[str], n_rows: int, folder: Path) -> dict[str, Any]:
    """Seconds and peak memory of a run of so many rows without an engine, in a process of its own."""
    with (folder / "in.jsonl").open("w", encoding="utf-8") as file:
        file.writelines(f"{line}\n" for line in islice(cycle(lines), n_rows))
    columns = (
        "stance,probabilities,certain,conditions"  # without the language, which is compute and no reading or writing
    )
    command = [sys.executable, "-c", FREE_RUN, str(folder / "in.jsonl"), "--columns", columns, "--force", "--output"]
    started = time.perf_counter()
    done = subprocess.run([*command, str(folder / "out.csv")], capture_output=True, text=True, check=True)
    took = time.perf_counter() - started
    result = {"rows": n_rows, "seconds": round(took, 1), "peak_mib": int(done.stdout.split()[-1])}
    print(json.dumps(result), flush=True)
    return result


if __name__ == "__main__":
    raise SystemExit(main())
