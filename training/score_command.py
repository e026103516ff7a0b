"""Score files: the stance of every row's text toward negotiations, in new columns behind the ones there are.

For example:

    python -m training.score statements.csv --output stances.csv
    python -m training.score statements.csv.gz --text-column quote --output stances.parquet
    python -m training.score archive/ --output stances.parquet --columns stance,certain --keep id,date
    python -m training.score 'wire-*.jsonl' --output wire.csv --group-duplicates
    python -m training.score speeches.csv --output s.csv --report s.html --time-column date --actor-column speaker
    python -m training.score statements.csv --output stances.csv --dry-run

Input. CSV, JSONL and Parquet, any of the three into any; CSV and JSONL in UTF-8, also compressed as .gz or .zst. The
delimiter of a CSV file is found out. Several files of one format become one output, with the name of each row's file
in the column source_file; CSV and JSONL files may differ in their columns, Parquet files may not.

Output. Your columns come back unchanged and in order, and so do your rows. Behind them: stance, confidence, one
probability for each stance, certain (true when the prediction set has one member), prediction_set (the stances that
cannot be ruled out, joined by ;), conditions (what a conditional statement demands, a JSON list of start, end, text
and kind), truncated (the text was longer than the model reads), n_tokens, language (empty, or the code of a language
that the model was not trained on), model. --columns chooses; --nested writes probabilities as one struct and lists as
lists. OUTPUT.manifest.json says what was scored by which model, with the account and checksums.

Refused rows. A row that cannot be scored (no text, broken UTF-8, a broken line) costs that row: it goes to
OUTPUT.errors.jsonl, with its line and the cause. Rows in = rows scored + rows refused; the last line printed says how
many.

Interruptions. Work is finished in chunks of --chunk-rows rows and kept in OUTPUT.run until the output is there. After
Ctrl-C, a crash, a power cut or a full disk, give the same command again: it checks what is finished, does the rest, and
the output is the same, byte for byte. It refuses to go on when the input, the model or an option has changed since;
--force starts anew. At the end the chunks are joined, so the disk needs room for the output twice.

Memory. A run holds some ten chunks, whatever the size of the input. Where the system limits what it may allocate
(ulimit -d; a container counts the memory in use instead), Parquet needs allocators that return what they took: put
ARROW_DEFAULT_MEMORY_POOL=system MALLOC_MMAP_THRESHOLD_=1048576 before the command.

Places. Inputs and OUTPUT may be objects in a store (s3://bucket/key, gs://bucket/key), and then so is OUTPUT.run.
--engine ray scores the chunks on a Ray cluster (--address; without it, one of this machine's own), with the same
options, the same files and the same bytes; a run begun with one engine can be gone on with with the other.

Exit status: 0 every row was scored; 3 some rows were refused; 2 the run could not be done (bad options, input, output
or model; another run at work on the same output; --strict or --max-errors); 130 Ctrl-C, 143 SIGTERM.
"""

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


def main(arguments: Sequence[str] | None = None, *, open_model: OpenModel = open_model) -> int:
    """The program; returns its exit status."""
    try:
        flags = parser_of(__doc__).parse_args(arguments)
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


def end(status: int) -> None:
    """End the process now, without waiting for a forward pass under way: what is finished is on the disk."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


if __name__ == "__main__":
    end(main())
