"""Scores the chunks of a run on a Ray cluster: the same parts as on one machine, whatever becomes of the workers.

One task is one numbered chunk. The driver reads the input and sends rows; workers, which have loaded the model once,
give parts back, or write them themselves where the run is kept in an object store. The driver alone keeps the journal.
A chunk whose worker or node is lost is given to another worker; a chunk that was done twice gave the same bytes twice.
As the driver holds the rows of every chunk that is not finished, nothing is lost with a node, and as it reads no
further than BACKLOG chunks for each worker, memory stays flat.

Workers need this code and the packages of requirements/ray.lock; the model is sent to them.
"""

import argparse
import signal
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

import ray
from ray._common.usage import usage_lib
from ray._private import ray_constants
from ray.exceptions import RayError, RayTaskError

from models.prediction import Classifier
from training.journal import ChunkRecord
from training.packed_rows import PackedRows
from training.parts import Parts
from training.rows import RunError
from training.scoring import Job, Part, score_chunk
from training.scoring_run import Done, Model
from training.shipped_model import About, ShippedModel
from training.workers import Chunk

BACKLOG: Final = 2
"""Chunks of a worker at once: one under way, and the next one there when it is done."""
MAX_LOST: Final = 10
"""Workers that a chunk may lose before it is taken for the cause."""
MAX_FAILED_STARTS: Final = 10
"""Workers in a row that end before they have loaded the model, before the run gives up."""
WAIT_SECONDS: Final = 1.0
LOOK_SECONDS: Final = 10.0
"""Between two looks at how many workers the cluster has room for."""
LOOPBACK: Final = "127.0.0.1"

OpenWorker = Callable[[], tuple[Classifier, About]]
"""What a worker loads the model with; picklable."""


class Worker:
    """What runs on the cluster: a classifier, loaded once."""

    def __init__(self, open_worker: OpenWorker) -> None:
        self._open_worker = open_worker
        self._classifier: Classifier | None = None

    def open(self) -> About:
        """Load the model; what it is. Raises: ParleyError."""
        self._classifier, about = self._open_worker()
        return about

    def score(self, number: int, packed: PackedRows, job: Job, parts: Parts | None) -> tuple[int, Part] | ChunkRecord:
        """The part of a chunk, or its record where it is written here. Raises: RunError, OSError."""
        if self._classifier is None:
            raise RunError("a worker was given a chunk before it had a model")
        part = score_chunk(self._classifier, packed.rows(), job=job)
        return (number, part) if parts is None else parts.write(number, part)


@dataclass
class _Task:
    number: int
    packed: Any  # a reference: the rows stay with the driver until the chunk is finished
    sent: int = 0  # counts what was given out, so that the first of a worker's chunks is known
    n_lost: int = 0


class Pool:
    """Workers on the cluster, as many as there is room for, replaced when they are lost."""

    def __init__(self, open_worker: Any, *, n_workers: int | None, cpus: int, gpus: int) -> None:
        """``open_worker`` or a reference to it; without ``n_workers`` as many as fit."""
        options = {"num_cpus": cpus, "num_gpus": gpus, "max_restarts": 0, "max_task_retries": 0}
        self._actor: Any = ray.remote(Worker).options(**options)
        self._open_worker = open_worker
        self._n_workers = n_workers
        self._cpus, self._gpus = cpus, gpus
        self._starting: dict[Any, Any] = {}  # worker by the reference to what its model is
        self._ready: dict[Any, int] = {}  # chunks under way by worker
        self._running: dict[Any, tuple[Any, _Task]] = {}
        self._n_failed_starts = 0
        self._n_sent = 0
        self._looked = -LOOK_SECONDS
        self.about: About | None = None

    @property
    def n_wanted(self) -> int:
        """How many workers there should be: as the caller said, or what the cluster has room for."""
        if self._n_workers is not None:
            return self._n_workers
        there = ray.cluster_resources()
        n_fit = there.get("CPU", 0) // self._cpus
        return max(int(min(n_fit, there.get("GPU", 0) // self._gpus) if self._gpus else n_fit), 1)

    @property
    def n_free(self) -> int:
        """How many more chunks can be given out."""
        return sum(BACKLOG - n_chunks for n_chunks in self._ready.values())

    def fill(self) -> None:
        """Start workers where some are missing, the lost ones too; a look now and then."""
        if time.monotonic() - self._looked < LOOK_SECONDS:
            return
        self._looked = time.monotonic()
        for _ in range(self.n_wanted - len(self._ready) - len(self._starting)):
            worker = self._actor.remote(self._open_worker)
            self._starting[worker.open.remote()] = worker

    def submit(self, task: _Task, job: Any, parts: Parts | None) -> None:
        """Give a chunk to the worker that has least to do."""
        worker = min(self._ready, key=self._ready.__getitem__)
        self._ready[worker] += 1
        self._n_sent += 1
        task.sent = self._n_sent
        self._running[worker.score.remote(task.number, task.packed, job, parts)] = (worker, task)

    def wait(self, seconds: float) -> tuple[list[tuple[int, Part] | ChunkRecord], list[_Task]]:
        """What was finished meanwhile, and the chunks whose workers were lost. Raises: what scoring raises."""
        finished: list[tuple[int, Part] | ChunkRecord] = []
        lost: list[_Task] = []
        self.fill()
        references = [*self._running, *self._starting]
        ready = ray.wait(references, num_returns=1, timeout=seconds)[0] if references else []
        for reference in ready:
            if reference in self._starting:
                self._take_in(reference)
                continue
            worker, task = self._running.pop(reference)
            try:
                finished.append(_result(reference))
            except RayError:
                self._drop(worker, task)
                lost.append(task)
            else:
                if worker in self._ready:
                    self._ready[worker] -= 1
        return finished, lost

    def close(self) -> None:
        """End every worker."""
        for worker in (*self._ready, *self._starting.values()):
            ray.kill(worker)

    def _take_in(self, reference: Any) -> None:
        worker = self._starting.pop(reference)
        try:
            about = _result(reference)
        except RayError as error:
            self._n_failed_starts += 1
            self._looked = -LOOK_SECONDS
            if self._n_failed_starts >= MAX_FAILED_STARTS:
                raise RunError(f"{MAX_FAILED_STARTS} workers ended while they loaded the model: {error}") from error
            return
        self._n_failed_starts = 0
        if self.about is not None and about != self.about:
            raise RunError(f"one worker has {about}, another {self.about}: the results would not be the same")
        self.about = about
        self._ready[worker] = 0

    def _drop(self, worker: Any, task: _Task) -> None:
        """Count on a worker no more, and have it replaced at once; what it had under way comes up as lost.

        Of its chunks the first was being scored, and may be the cause; the others were waiting.
        """
        if self._ready.pop(worker, None) is not None:
            theirs = [task, *(other for owner, other in self._running.values() if owner == worker)]
            min(theirs, key=lambda one: one.sent).n_lost += 1
        self._looked = -LOOK_SECONDS
        with suppress(RayError):
            ray.kill(worker)


@dataclass(frozen=True)
class RayModel(Model):
    """The model on a cluster; ``close`` ends what was started for it."""

    pool: Pool

    @property
    def n_workers(self) -> int:
        """How many chunks are scored at once."""
        return self.pool.n_wanted

    def score(self, chunks: Iterator[Chunk], *, job: Job, parts: Parts | None = None) -> Iterator[Done]:
        """See Model. No more chunks are read ahead than the workers have places for."""
        again: deque[_Task] = deque()
        n_out = 0
        more = True
        shared = ray.put(job)
        theirs = parts if parts is not None and parts.reachable else None
        while more or again or n_out:
            while self.pool.n_free > 0 and (again or more):
                if again:
                    self.pool.submit(again.popleft(), shared, theirs)
                elif chunk := next(chunks, None):
                    n_out += 1
                    self.pool.submit(_Task(chunk[0], ray.put(PackedRows.of(chunk[1]))), shared, theirs)
                else:
                    more = False
            if not (again or n_out):
                break
            finished, lost = self.pool.wait(WAIT_SECONDS)
            if not finished:
                yield None
            for done in finished:
                n_out -= 1
                yield done
            for task in lost:
                _check_loss(task)
                again.append(task)

    def close(self) -> None:
        """End the workers and leave the cluster; one that was started for this run ends with it."""
        with suppress(RayError):
            self.pool.close()
        ray.shutdown()


def open_on_ray(flags: argparse.Namespace, *, open_worker: OpenWorker | None = None) -> Model:
    """The model on the cluster of the options, one worker at least ready. Raises: RunError, ParleyError."""
    threads = flags.threads or 1  # a worker for each core is quicker than threads that wait for each other
    shipped = open_worker or ShippedModel.of(flags.artifact, inference=flags.inference, threads=threads)
    _connect(flags)
    try:
        n_gpus = 1 if flags.inference == "torch" and ray.cluster_resources().get("GPU", 0) else 0
        pool = Pool(ray.put(shipped), n_workers=flags.workers, cpus=threads, gpus=n_gpus)
        about = _first(pool)
        print(f"{about.model_id} on {about.engine}, {pool.n_wanted} workers on Ray", file=sys.stderr)
        return RayModel((), about.model_id, about.digest, about.engine, pool)
    except BaseException:
        ray.shutdown()
        raise


def _connect(flags: argparse.Namespace) -> None:
    """Join the cluster. Raises: RunError where there is none."""
    terminate = signal.getsignal(signal.SIGTERM)
    quiet = {"log_to_driver": False, "logging_level": "error"}
    # Ray would report on every cluster that it starts
    usage_lib.set_usage_stats_enabled_via_env_var(False)
    try:
        if flags.address is None:
            stay_on_this_machine()
            ray.init(address="local", _node_ip_address=LOOPBACK, include_dashboard=False, **quiet)
        else:
            ray.init(address=flags.address, **quiet)
    except (ConnectionError, RuntimeError, ValueError, RayError) as error:
        raise RunError(f"no Ray cluster at {flags.address or 'this machine'}: {str(error).splitlines()[0]}") from error
    finally:
        if signal.getsignal(signal.SIGTERM) is not terminate:
            signal.signal(signal.SIGTERM, terminate)  # Ray puts its own there


def stay_on_this_machine() -> None:
    """Have Ray listen on the loopback alone: whoever reaches a cluster's ports can run anything on it.

    Ray does so by itself on systems on which it makes no clusters of several machines, and nowhere else.
    """
    ray_constants.ENABLE_RAY_CLUSTER = False


def _first(pool: Pool) -> About:
    """What the first worker that is ready has loaded. Says so when the cluster has no room for one."""
    started, said = time.monotonic(), False
    while pool.about is None:
        pool.wait(WAIT_SECONDS)
        if not said and time.monotonic() - started > 3 * LOOK_SECONDS:
            said = True
            free = ray.available_resources().get("CPU", 0)
            print(f"waiting for a worker: {free:g} CPUs of the cluster are free", file=sys.stderr)
    return pool.about


def _result(reference: Any) -> Any:
    """What a task gave. Raises: RayError when it was lost, and what it raised itself."""
    try:
        return ray.get(reference)
    except RayTaskError as error:
        if isinstance(error.cause, Exception):
            raise error.cause from None
        raise RunError(f"a worker failed: {error}") from error


def _check_loss(task: _Task) -> None:
    if task.n_lost >= MAX_LOST:
        lost = f"{MAX_LOST} workers were lost while they scored it"
        raise RunError(f"chunk {task.number} was given up: {lost}; too little memory for --chunk-rows?")
