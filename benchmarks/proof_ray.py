"""The demonstration of scoring on Ray: a cluster of two raylets on this machine, one of which is killed on the way.

    python -m benchmarks.proof_ray statements.jsonl --output runs/proof-ray.json

Scores the file on this machine alone and on the cluster, with the released model, once undisturbed and once with the
second raylet killed, and compares the bytes. Then sends chunks of the same rows to a worker whose model costs nothing,
one at a time, and says how much longer each took than here.
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

from benchmarks.kills import FreeClassifier
from models.prediction import Classifier, Prediction
from training.input import read_rows
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
        if score([str(self._source), "--output", str(folder / "out.csv"), *small, *options], open_model=timed):
            sys.exit(f"the run into {folder.name} did not score every row")
        return round(time.perf_counter() - ready[0], 2)


def kill_at(cluster: Cluster, node: Any, *, journal: Path, after: int, said: dict[str, Any]) -> threading.Thread:
    """A thread that kills a raylet with SIGKILL when that many chunks are finished."""

    def kill() -> None:
        deadline = time.monotonic() + 170
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


def main() -> int:
    """The program; 1 where the bytes differ."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("statements", type=Path, help="a JSONL file with a column text")
    parser.add_argument("--chunk-rows", type=int, default=512)
    parser.add_argument("--output", type=Path)
    flags = parser.parse_args()
    watch = Stopwatch(flags.statements, chunk_rows=flags.chunk_rows)
    result: dict[str, Any] = {"chunk_rows": flags.chunk_rows}
    with tempfile.TemporaryDirectory() as name:
        here, there, broken = (Path(name) / part for part in ("here", "there", "broken"))
        result["here_seconds"] = watch.run(here)
        with two_raylets() as (cluster, second):
            on_ray = ["--engine", "ray", "--address", str(cluster.address)]
            result["ray_seconds"] = watch.run(there, *on_ray)
            sizes = (CHUNK_ROWS, flags.chunk_rows)
            result["overhead"] = [overhead(flags.statements, on_ray[-1], chunk_rows=size) for size in sizes]
            journal = run_path(broken / "out.csv") / "journal.jsonl"
            thread = kill_at(cluster, second, journal=journal, after=8, said=result)  # type: ignore[arg-type]  # it is local
            result["broken_seconds"] = watch.run(broken, *on_ray)
            thread.join(180)
        account = json.loads(manifest_path(here / "out.csv").read_text(encoding="utf-8"))
        result |= {key: account[key] for key in ("rows_in", "rows_scored", "rows_refused")}
        result["chunks"] = len(account["chunks"])
        result["same"] = outputs(there) == outputs(here)
        result["same_though_killed"] = outputs(broken) == outputs(here)
    print(json.dumps(result))
    if flags.output:
        flags.output.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    return 0 if result["same"] and result["same_though_killed"] else 1


if __name__ == "__main__":
    raise SystemExit(main())
