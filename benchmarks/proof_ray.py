"""The demonstration of scoring on Ray: a cluster of two raylets on this machine, one of which is killed on the way.

    python -m benchmarks.proof_ray statements.jsonl --output runs/proof-ray.json

Scores the statements as CSV, JSONL and Parquet, with the released model: each on this machine alone and on a cluster of
its own whose second raylet is killed when some chunks are finished, and compares the bytes. CSV goes to a cluster left
undisturbed, too, which then gets chunks of the same rows for a worker whose model costs nothing, one at a time, and it
is said how much longer each took than here. At last the three results of the clusters are compared row by row, with one
another and with what was given. Ends with status 1 where anything differs.
"""

import argparse
import json
import os
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Final

from ray.cluster_utils import Cluster

from benchmarks.interrupted import compare, write_input
from benchmarks.kills import FreeClassifier
from models.prediction import Classifier, Prediction
from training.input import FORMATS, read_rows
from training.rows import chunks
from training.run_folder import manifest_path, run_path
from training.score import main as score
from training.score_command import open_model
from training.score_options import CHUNK_ROWS, parser_of
from training.score_ray import LOOPBACK, open_on_ray, stay_on_this_machine
from training.scoring import score_chunk
from training.scoring_run import Model, make_plan
from training.shipped_model import About

STORE_BYTES: Final = 200 * 2**20
"""Shared memory of a raylet: the model, and the chunks under way."""
KILL_SECONDS: Final = 400
"""How long to wait for the chunks after which a raylet is killed, on a busy machine too."""
N_ALONE: Final = 5
"""Chunks sent one at a time, the first not counted."""


@dataclass(frozen=True)
class OpenFree:
    """What a worker loads in place of the model: answers that cost nothing, ``seconds`` late; ``deadly`` ends it."""

    seconds: float = 0.0
    deadly: str = ""

    def __call__(self) -> tuple[Classifier, About]:
        """The classifier, and what the free model of benchmarks.kills is."""
        return SlowFree(self.seconds, self.deadly), About("free@1", "digest", "free")


class SlowFree(FreeClassifier):
    """The free classifier, a chunk taking its time."""

    def __init__(self, seconds: float, deadly: str) -> None:
        self._seconds = seconds
        self._deadly = deadly

    def predict(self, texts: Sequence[str]) -> list[Prediction]:
        """One prediction for each text."""
        if self._deadly and any(self._deadly in text for text in texts):
            os._exit(1)
        time.sleep(self._seconds)
        return super().predict(texts)


@contextmanager
def two_raylets(*, cpus: int = 1) -> Iterator[tuple[Cluster, Any]]:
    """A cluster on this machine's loopback, and its second raylet; nothing of it is left afterwards."""
    stay_on_this_machine()
    node = {"num_cpus": cpus, "object_store_memory": STORE_BYTES, "node_ip_address": LOOPBACK}
    cluster = Cluster(initialize_head=True, head_node_args={**node, "include_dashboard": False})
    try:
        yield cluster, cluster.add_node(**node)
    finally:
        cluster.shutdown()


def workers_of(node: Any) -> list[int]:
    """The processes of the workers that one raylet of this machine has started for Parley."""
    (raylet,) = node.all_processes["raylet"]
    found = []
    for process in Path("/proc").iterdir():
        try:
            words = (process / "stat").read_text().rpartition(")")[2].split() if process.name.isdigit() else []
            if words and int(words[1]) == raylet.process.pid and b"ray::Worker" in (process / "cmdline").read_bytes():
                found.append(int(process.name))
        except (FileNotFoundError, ProcessLookupError):
            continue
    return found


def outputs(folder: Path) -> dict[str, bytes]:
    """What a run left."""
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir()) if path.is_file()}


class Stopwatch:
    """Runs scoring and says how long it took from the moment on when the model was loaded."""

    def __init__(self, source: Path, *, chunk_rows: int) -> None:
        self._source = source
        self._chunk_rows = chunk_rows

    def run(self, folder: Path, *options: str, opened: Callable[[argparse.Namespace], Model] = open_model) -> float:
        """The seconds of a run into that folder; ends the program where rows were not scored."""
        folder.mkdir()
        ready = [0.0]

        def timed(flags: argparse.Namespace) -> Model:
            model = opened(flags)
            ready[0] = time.perf_counter()
            return model

        small = ["--chunk-rows", str(self._chunk_rows)]
        output = folder / f"out{self._source.suffix}"
        if score([str(self._source), "--output", str(output), *small, *options], open_model=timed):
            sys.exit(f"the run into {folder.name} did not score every row")
        return round(time.perf_counter() - ready[0], 2)


def kill_at(cluster: Cluster, node: Any, *, journal: Path, after: int, said: dict[str, Any]) -> threading.Thread:
    """A thread that kills a raylet with SIGKILL when that many chunks are finished."""

    def kill() -> None:
        deadline = time.monotonic() + KILL_SECONDS
        while time.monotonic() < deadline:
            n_lines = journal.read_bytes().count(b"\n") - 1 if journal.exists() else 0
            if n_lines >= after:
                said["killed after chunks"] = n_lines
                said["its workers"] = len(workers_of(node))
                cluster.remove_node(node, allow_graceful=False)
                return
            time.sleep(0.05)

    thread = threading.Thread(target=kill)
    thread.start()
    return thread


def overhead(source: Path, address: str, *, chunk_rows: int) -> dict[str, float]:
    """Milliseconds that a chunk takes here, and on a worker and back, the model costing nothing in both."""
    flags = parser_of("").parse_args(
        [str(source), "--output", str(source.with_suffix(".free.csv")), "--engine", "ray", "--address", address]
    )
    plan = make_plan(flags)
    found = list(islice(chunks(read_rows(plan.source, plan.name), chunk_rows), N_ALONE))
    here, there = [], []
    with closing(open_on_ray(flags, open_worker=OpenFree())) as model:
        for number, rows in enumerate(found, start=1):
            started = time.perf_counter()
            score_chunk(FreeClassifier(), rows, job=plan.job)
            between = time.perf_counter()
            list(model.score(iter([(number, rows)]), job=plan.job))
            here.append(1000 * (between - started))
            there.append(1000 * (time.perf_counter() - between))
    mine, theirs = statistics.median(here[1:]), statistics.median(there[1:])
    return {"rows": chunk_rows, "here_ms": round(mine, 1), "ray_ms": round(theirs, 1), "more": round(theirs - mine, 1)}


@dataclass(frozen=True)
class Demonstration:
    """The same statements in one format, on this machine and on clusters."""

    folder: Path
    format: str
    chunk_rows: int

    @property
    def source(self) -> Path:
        """The statements in this format."""
        return self.folder / f"in.{self.format}"

    @property
    def broken(self) -> Path:
        """The result of the cluster that lost a raylet."""
        return self._outputs("broken") / f"out.{self.format}"

    def run(self, *, undisturbed: bool) -> dict[str, Any]:
        """What came of it: the times, the account of rows, and whether the bytes are the same."""
        watch = Stopwatch(self.source, chunk_rows=self.chunk_rows)
        result: dict[str, Any] = {"here_seconds": watch.run(self._outputs("here"))}
        if undisturbed:
            with two_raylets() as (cluster, _):
                result["ray_seconds"] = watch.run(self._outputs("there"), *on_ray(cluster))
                sizes = (CHUNK_ROWS, self.chunk_rows)
                result["overhead"] = [overhead(self.source, str(cluster.address), chunk_rows=size) for size in sizes]
            result["same"] = outputs(self._outputs("there")) == outputs(self._outputs("here"))
        with two_raylets() as (cluster, second):
            journal = run_path(self.broken) / "journal.jsonl"
            thread = kill_at(cluster, second, journal=journal, after=8, said=result)  # type: ignore[arg-type]  # it is local
            result["broken_seconds"] = watch.run(self._outputs("broken"), *on_ray(cluster))
            thread.join(KILL_SECONDS)
        account = json.loads(manifest_path(self.broken).read_text(encoding="utf-8"))
        result |= {key: account[key] for key in ("rows_in", "rows_scored", "rows_refused")}
        result["chunks"] = len(account["chunks"])
        result["same_though_killed"] = outputs(self._outputs("broken")) == outputs(self._outputs("here"))
        return result

    def _outputs(self, name: str) -> Path:
        return self.folder / f"{name}-{self.format}"


def on_ray(cluster: Cluster) -> list[str]:
    """The options that have a run scored there."""
    return ["--engine", "ray", "--address", str(cluster.address)]


def demonstrate(flags: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """Every format, and the comparison of their results."""
    given = [json.loads(line) for line in flags.statements.read_text(encoding="utf-8").splitlines()]
    result: dict[str, Any] = {"chunk_rows": flags.chunk_rows}
    ways = {format: Demonstration(folder, format, flags.chunk_rows) for format in FORMATS}
    for format, way in ways.items():
        write_input(given, way.source)
        result[format] = way.run(undisturbed=format == FORMATS[0])
        print(json.dumps({format: result[format]}), flush=True)
    result["compared"] = compare(given, {format: way.broken for format, way in ways.items()})
    clean = {"rows": len(given), "lost": 0, "doubled": 0, "out of order": 0, "differ": 0}
    same = [result[format].get(name, True) for format in ways for name in ("same", "same_though_killed")]
    killed = ["killed after chunks" in result[format] for format in ways]
    result["passed"] = result["compared"] == clean and all(same) and all(killed)
    return result


def main() -> int:
    """The program; 1 where the bytes or the rows differ."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("statements", type=Path, help="a JSONL file with the columns id and text")
    parser.add_argument("--chunk-rows", type=int, default=512)
    parser.add_argument("--output", type=Path)
    flags = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        result = demonstrate(flags, Path(name))
    print(json.dumps({"compared": result["compared"], "passed": result["passed"]}))
    if flags.output:
        flags.output.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    return 0 if result["passed"] else 1


if __name__ == "__main__":
    raise SystemExit(main())
