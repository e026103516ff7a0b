"""What a scoring run would do and how long it would take, from a measured sample; writes nothing."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import islice
from typing import Final

from training.input import read_rows
from training.rows import BadRow, Row, chunks
from training.run_folder import run_path
from training.scoring import Job, Part
from training.scoring_run import Model, Plan, n_rows_of
from training.tally import Tally

SAMPLE_ROWS: Final = 512
COUNTED_ROWS: Final = 20_000
"""Rows read besides, to count them or to estimate how many there are."""


def dry_run(plan: Plan, model: Model) -> str:
    """A description of the run, in lines. Raises: InputError."""
    job = replace(plan.job, layout=replace(plan.job.layout, model=model.model_id))
    limit = SAMPLE_ROWS if plan.limit is None else min(plan.limit, SAMPLE_ROWS)
    reading = read_rows(plan.source, plan.name)
    sample = list(islice(reading, limit))
    rest = None if plan.limit is None else plan.limit - len(sample)
    n_read = len(sample) + sum(
        1 for _ in islice(reading, min(rest, COUNTED_ROWS) if rest is not None else COUNTED_ROWS)
    )
    ended = n_read < len(sample) + COUNTED_ROWS
    n_rows = n_read if ended else n_rows_of(plan.source, n_read, limit=plan.limit)
    known = "" if ended or plan.source.n_rows is not None else "about "
    started = time.perf_counter()
    parts = list(_score(sample, model, job))
    seconds = time.perf_counter() - started
    lines = [
        f"input    {len(plan.inputs)} file(s), {known}{n_rows or 0:,} rows",
        f"columns  {', '.join([*job.layout.columns, *job.layout.extra.names])}",
        f"output   {plan.output} ({job.layout.format})",
    ]
    if sample and n_rows:
        rate = len(sample) / seconds
        n_bytes = sum(len(part.data) for part in parts) * n_rows / len(sample)
        tally = Tally()
        for part in parts:
            tally.add(part.tally)
        causes = ", ".join(f"{n} {code}" for code, n in tally.refused.most_common())
        lines += [
            f"sample   the first {len(sample)} rows: {tally.n_scored} scored, {tally.n_refused} refused"
            + (f" ({causes})" if causes else ""),
            f"time     about {_duration(n_rows / rate)} at {rate:,.0f} rows/s, as the sample went",
            f"disk     about {2 * n_bytes / 2**20:,.1f} MiB while it runs, half of it in the end",
        ]
    if run_path(plan.output).exists():
        lines.append(f"         {run_path(plan.output)} holds work of an earlier run, which would be gone on with")
    return "\n".join([*lines, "nothing was written"])


def _score(sample: Sequence[Row | BadRow], model: Model, job: Job) -> Iterator[Part]:
    """The parts of the sample, a chunk for each worker, side by side as in a run."""
    n_rows = max(-(-len(sample) // model.n_workers), 1)
    for done in model.score(enumerate(chunks(sample, n_rows), start=1), job=job):
        if isinstance(done, tuple):
            yield done[1]


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} seconds"
    return f"{seconds / 60:.0f} minutes" if seconds < 5_400 else f"{seconds / 3_600:.1f} hours"
