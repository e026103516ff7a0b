"""The demonstration of scoring on Ray: a cluster of two raylets on this machine, one of which is killed on the way.

    python -m benchmarks.proof_ray statements.jsonl --output runs/proof-ray.json

Scores the file on this machine alone and on the cluster, with the released model, compares the bytes, and says what a
chunk costs on Ray beyond its cost here: the time of both runs, and the time of chunks that cost nothing to score.
"""

import argparse
import json
import os
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from ray.cluster_utils import Cluster

from benchmarks.kills import FreeClassifier
from models.prediction import Classifier, Prediction
from training.rows import Row
from training.run_folder import manifest_path, run_path
from training.score import main as score
from training.score_ray import LOOPBACK, open_on_ray, stay_on_this_machine
from training.shipped_model import About

STORE_BYTES: Final = 200 * 2**20
"""Shared memory of a raylet: the model, and the chunks under way."""


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
