"""A scoring run: from the options to a plan, from the plan to a finished output, whatever was done before."""

import argparse
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any, Final

from tqdm import tqdm

from models.prediction import Classifier
from training.answers import AnswerColumns
from training.duplicates import COLUMN, GroupedSource
from training.durable import sha256_of
from training.input import find_inputs, format_of, names_of, open_sources, read_rows
from training.journal import FORMAT, ChunkRecord, Identity, check_identity
from training.layout import Layout
from training.output_lock import OutputLock
from training.parts import Parts
from training.places import Place, RemotePath
from training.remote_lock import RemoteLock
from training.rows import InputError, Mismatch, OutputError, Source, TooManyErrors, chunks, quoted
from training.run_folder import RunFolder, check_place, errors_path, finished
from training.scoring import Job, Part
from training.tally import Tally
from training.workers import Chunk, score_in_threads
from training.writers import open_format

BAR: Final = "{percentage:3.0f}% |{bar}| {n_fmt} of {total_fmt} rows, {rate_noinv_fmt}, {remaining} left{postfix}"


Done = tuple[int, Part] | ChunkRecord | None
"""A chunk's number and its part, or the record of a part that was written already, or nothing yet."""


@dataclass(frozen=True)
class Model:
    """What scores: classifiers that may work side by side, all the same, and what their answers depend on."""

    classifiers: Sequence[Classifier]
    model_id: str
    digest: str
    engine: str

    @property
    def n_workers(self) -> int:
        """How many chunks are scored at once."""
        return len(self.classifiers)

    def score(self, chunks: Iterator[Chunk], *, job: Job, parts: Parts | None = None) -> Iterator[Done]:
        """What comes of each chunk as soon as it is there, in any order; None when nothing came for a while.

        ``parts``: where a worker may write the part itself; it then gives its record.
        Raises: what reading or scoring raises.
        """
        del parts  # threads leave it to their caller, who is on the same machine
        return score_in_threads(chunks, classifiers=self.classifiers, job=job)

    def close(self) -> None:
        """Let go of what was opened elsewhere."""


@dataclass(frozen=True)
class Plan:
    """What is to be done, checked as far as can be before the model is opened."""

    output: Place
    inputs: Sequence[Place]
    source: Source
    job: Job
    chunk_rows: int
    limit: int | None
    options: dict[str, Any]

    @property
    def name(self) -> str:
        """The input, for messages."""
        return str(self.inputs[0]) if len(self.inputs) == 1 else f"the {len(self.inputs)} inputs"

    def identity(self, model: Model) -> Identity:
        """All that the bytes of the output depend on. Reads every input once. Raises: InputError."""
        try:
            sums = {
                name: {"bytes": path.stat().st_size, "sha256": sha256_of(path)}
                for name, path in zip(names_of(self.inputs), self.inputs, strict=True)
            }
        except OSError as error:
            raise InputError(f"{error.filename}: cannot be read: {error.strerror}") from error
        return {
            "format": FORMAT,
            "input": sums,
            "model": model.model_id,
            "model files": model.digest,
            "engine": model.engine,
            "options": self.options,
        }


def make_plan(flags: argparse.Namespace) -> Plan:
    """The plan that the options describe. Raises: InputError, OutputError."""
    inputs, several = find_inputs(flags.inputs, output=flags.output)
    output_format = format_of(flags.output, override=flags.output_format)
    if flags.output.suffix.lower() in (".gz", ".zst", ".zstd"):
        raise OutputError(f"{flags.output}: outputs are not compressed; Parquet is small by itself")
    if flags.output.suffix.lower() == ".tsv":
        raise OutputError(f"{flags.output}: CSV is written with commas; give a name that ends in .csv")
    check_place(flags.output, inputs=inputs)
    source = open_sources(
        inputs,
        source_column=flags.source_column if several else None,
        format=flags.format,
        delimiter=flags.delimiter,
        limit=None if several else flags.limit,
        only=None if flags.keep is None else {flags.text_column, *flags.keep},
    )
    if flags.text_column not in source.columns:
        there = quoted(source.columns)
        raise InputError(f"there is no column {flags.text_column!r} (--text-column) in the input; there is {there}")
    if flags.group_duplicates is not None:
        column = flags.prefix + COLUMN
        if column in source.columns:
            raise InputError(f"the input already has {column!r}; give a --prefix")
        threshold = flags.group_duplicates
        source = GroupedSource(source, text_column=flags.text_column, threshold=threshold, column=column)
    answers = AnswerColumns(tuple(flags.columns), flags.nested, flags.prefix)
    layout = Layout.of(source, format=output_format, answers=answers, keep=flags.keep)
    names = (
        *("text_column", "format", "delimiter", "limit", "columns", "nested", "keep", "prefix"),
        *("group_duplicates", "chunk_rows"),
    )
    options = {name: _plain(getattr(flags, name)) for name in names}
    options |= {"output_format": output_format, "source_column": flags.source_column if several else None}
    job = Job(flags.text_column, layout)
    return Plan(flags.output, inputs, source, job, flags.chunk_rows, flags.limit, options)


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


class ScoringRun:
    """One run on one output, under its lock."""

    def __init__(self, plan: Plan, model: Model, *, max_errors: int | None) -> None:
        self._plan = plan
        self._model = model
        self._max_errors = max_errors
        layout = replace(plan.job.layout, model=model.model_id)
        self._job = replace(plan.job, layout=layout)
        self._folder = RunFolder(plan.output, open_format(layout))
        path = self._folder.path
        self._lock = RemoteLock(path) if isinstance(path, RemotePath) else OutputLock(path)
        self.tally = Tally()  # of the chunks up to the first that is missing
        self.notes: dict[str, str] = {}

    def execute(self, *, force: bool) -> Tally:
        """Do what is missing until the output is there; the account of all rows. Raises: RunError, ParleyError."""
        try:
            self._lock.acquire(force=force)
        except OSError as error:
            raise OutputError(f"{self._folder.path}: cannot be written: {error.strerror or error}") from error
        try:
            if not self._take_up(force=force):
                self._score()
                self._folder.finish(self._lock.renew)
        except OSError as error:
            raise OutputError(f"{self._plan.output}: cannot be written: {error.strerror or error}") from error
        finally:
            self._leave()
        return self.tally

    @property
    def kept(self) -> str:
        """What a run that ended early leaves behind, in words."""
        n_rows = sum(record.tally.n_in for record in self._folder.journal.records.values())
        if not n_rows:
            return "nothing was written"
        return f"{n_rows} finished rows are kept in {self._folder.path}; the same command goes on from there"

    def _take_up(self, *, force: bool) -> bool:
        """Find out what was done before: True when all of it. Raises: Mismatch, OutputError, OSError."""
        identity = self._plan.identity(self._model)
        self._folder.open()
        journal, output = self._folder.journal, self._plan.output
        if journal.identity is not None:
            if not force:
                check_identity(journal.identity, identity, where=self._folder.path)
            if journal.identity == identity:
                n_damaged = self._folder.forget_damaged()
                said = f", {n_damaged} damaged ones are done again" if n_damaged else ""
                print(f"going on after {len(journal.records)} finished chunks{said}", file=sys.stderr)
                return False
        elif not force and (output.exists() or errors_path(output).exists()):
            manifest = finished(output)
            if manifest is None or manifest["identity"] != identity:
                raise OutputError(f"{output}: exists already; --force replaces it")
            print("nothing to do: the output is there, whole, of this input, model and options", file=sys.stderr)
            self.tally, self.notes = Tally.from_json(manifest), manifest["notes"]
            self._folder.clear()  # the run may have been killed while it did so itself
            return True
        self._folder.begin(identity)
        return False

    def _score(self) -> None:
        """Score what is missing. Raises: TooManyErrors, InputError, OSError."""
        journal = self._folder.journal
        n_counted = self._count(1)
        if journal.n_chunks is None or len(journal.records) < journal.n_chunks:
            before = [(path.stat().st_size, path.stat().st_mtime_ns) for path in self._plan.inputs]
            wait_seconds = 0.1 if sys.stderr.isatty() else 10  # a log file wants fewer lines than a terminal
            bar = tqdm(initial=self.tally.n_in, unit=" rows", bar_format=BAR, mininterval=wait_seconds, file=sys.stderr)
            with bar:
                self._score_missing(bar, n_counted)
            if before != [(path.stat().st_size, path.stat().st_mtime_ns) for path in self._plan.inputs]:
                raise Mismatch(f"{self._plan.name} changed while being read; give --force to start anew")
        for record in journal.records.values():
            self.notes |= record.notes

    def _score_missing(self, bar: "tqdm[Any]", n_counted: int) -> None:
        n_read = [self.tally.n_in]
        missing = self._missing(first=n_counted + 1, n_read=n_read)
        done = self._model.score(missing, job=self._job, parts=self._folder.parts)
        for result in done:
            self._lock.renew()
            if result is not None:
                record = self._folder.enter(result)
                bar.total = self._total(n_read[0])
                bar.set_postfix_str(f"{self.tally.n_refused} refused", refresh=False)
                bar.update(record.tally.n_in)
                n_counted += self._count(n_counted + 1)
        bar.total = self.tally.n_in  # the estimate has served
        self._folder.journal.end(n_counted)

    def _missing(self, *, first: int, n_read: list[int]) -> Iterator[Chunk]:
        """The chunks that are not finished, from ``first`` on; ``n_read`` counts the rows that were read."""
        done = self.tally.n_in
        rows = read_rows(self._plan.source, self._plan.name, after=done)
        limited = rows if self._plan.limit is None else islice(rows, max(self._plan.limit - done, 0))
        for number, chunk in enumerate(chunks(limited, self._plan.chunk_rows), start=first):
            n_read[0] += len(chunk)
            if number not in self._folder.journal.records:
                yield number, chunk

    def _count(self, first: int) -> int:
        """Count the finished chunks from ``first`` to the next gap; how many. Raises: TooManyErrors."""
        number = first
        while record := self._folder.journal.records.get(number):
            n_before = self.tally.n_refused
            self.tally.add(record.tally)
            if self._max_errors is not None and self.tally.n_refused > self._max_errors:
                bad = next(islice(self._folder.errors_of(number), self._max_errors - n_before, None))
                raise TooManyErrors(f"stopped: more than {self._max_errors} refused. {_place(bad)}")
            number += 1
        return number - first

    def _total(self, n_read: int) -> int | None:
        """How many rows there will be: known, or estimated from the share of the bytes that were read."""
        return n_rows_of(self._plan.source, n_read, limit=self._plan.limit)

    def _leave(self) -> None:
        if not self._folder.journal.records and self._folder.journal.identity is not None:
            self._folder.clear()  # nothing in it is worth keeping
        self._lock.release()


def n_rows_of(source: Source, n_read: int, *, limit: int | None) -> int | None:
    """How many rows a source has: known, or estimated from the share of the bytes that the rows so far took."""
    share = source.share_read()
    estimate = source.n_rows if source.n_rows is not None else round(n_read / share) if n_read and share else None
    if estimate is None:
        return limit
    return estimate if limit is None else min(estimate, limit)


def _place(bad: dict[str, Any]) -> str:
    line = "" if bad["line"] is None else f" (line {bad['line']})"
    file = f"{bad['file']}, " if "file" in bad else ""
    return f"{file}row {bad['number']}{line}: {bad['cause']} [{bad['code']}]"
