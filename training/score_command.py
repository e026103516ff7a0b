"""The command of training.score, from its arguments to its exit status."""

import argparse
import os
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from types import FrameType
from typing import Final

from models.classifier import StanceClassifier
from models.errors import ParleyError
from models.language import read_detector
from training.dry_run import dry_run
from training.rows import RunError
from training.run_folder import errors_path
from training.score_options import parser_of, settle_engine
from training.score_report import check_report, write_report
from training.scoring_run import Model, Plan, ScoringRun, make_plan
from training.tally import Tally
from training.workers import few_collections

OpenModel = Callable[[argparse.Namespace], Model]
MAX_WORKERS: Final = 8
"""Chunks under way at once; beyond that Python's own lock is what they would wait for."""


class Terminated(KeyboardInterrupt):
    """SIGTERM, which ends a run as Ctrl-C does."""


def open_model(flags: argparse.Namespace) -> Model:
    """What scores, as the options say, verified and warm. Raises: ParleyError, RunError.

    On CPUs as many chunks are under way as there are threads, and all use one engine: when the last chunk is alone, it
    has every core.
    """
    if flags.engine == "ray":
        return _open_on_ray(flags)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()  # Linux has the first
    on_cpus = flags.inference == "openvino"
    threads = flags.threads or (cores or 1 if on_cpus else 0)
    classifier = StanceClassifier.open(flags.artifact, engine=flags.inference, threads=threads)
    classifier.warm_up()
    if "language" in flags.columns:
        read_detector()  # else the first chunk would wait for it
    info = classifier.engine.info
    manifest = classifier.artifact.manifest
    said = f"{info.name}, {info.precision}"
    print(f"{manifest.model_id} on {said}, {info.threads} threads, {info.device}", file=sys.stderr)
    classifiers = [classifier] * (min(threads, MAX_WORKERS) if on_cpus else 1)
    return Model(classifiers, manifest.model_id, manifest.digest, said)


def _open_on_ray(flags: argparse.Namespace) -> Model:
    try:
        from training.score_ray import open_on_ray
    except ImportError as error:
        raise RunError(f"--engine ray needs the packages of requirements/ray.lock; {error.name} is missing") from error
    return open_on_ray(flags)


def score(flags: argparse.Namespace, *, open_model: OpenModel) -> Tally | None:
    """Score the inputs into the output; the account of it, None for a dry run. Raises: RunError, ParleyError."""
    settle_engine(flags)
    plan = make_plan(flags)
    check_report(flags, plan.job.layout)
    with closing(open_model(flags)) as model:
        if flags.dry_run:
            print(dry_run(plan, model))
            return None
        return _execute(flags, plan, model)


def _execute(flags: argparse.Namespace, plan: Plan, model: Model) -> Tally:
    run = ScoringRun(plan, model, max_errors=0 if flags.strict else flags.max_errors)
    try:
        with few_collections():
            tally = run.execute(force=flags.force)
    except (RunError, ParleyError) as error:
        raise type(error)(f"{error}\n{run.kept}") from error
    except KeyboardInterrupt as signal_received:
        print(f"score: interrupted; {run.kept}", file=sys.stderr)
        raise signal_received from None
    for column, note in run.notes.items():
        print(f"note: column {column!r}: {note}", file=sys.stderr)
    if flags.report is not None:
        write_report(flags, plan.job.layout, tally)
    return tally


def run(arguments: Sequence[str] | None, *, docstring: str | None, open_model: OpenModel) -> int:
    """The command, explained by ``docstring``; its exit status."""
    try:
        flags = parser_of(docstring).parse_args(arguments)
        with _sigterm_as_interrupt():
            tally = score(flags, open_model=open_model)
    except (RunError, ParleyError) as error:
        print(f"score: {error}", file=sys.stderr)
        return 2
    except Terminated:
        return 128 + signal.SIGTERM
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    if tally is None:
        return 0
    print(tally.table(), file=sys.stderr)
    if tally.n_refused:
        causes = ", ".join(f"{n_rows} {code}" for code, n_rows in tally.refused.most_common())
        print(f"refused: {causes} -> {errors_path(flags.output)}", file=sys.stderr)
    print(f"{tally.n_in} rows in, {tally.n_scored} scored, {tally.n_refused} refused -> {flags.output}")
    return 3 if tally.n_refused else 0


@contextmanager
def _sigterm_as_interrupt() -> Iterator[None]:
    def terminate(_signal: int, _frame: FrameType | None) -> None:
        raise Terminated

    before = signal.signal(signal.SIGTERM, terminate)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
