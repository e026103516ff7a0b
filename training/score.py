"""Score a file: the stance of every row's text toward negotiations, in new columns behind the ones there are.

For example:

    python -m training.score statements.csv --output stances.csv
    python -m training.score statements.csv --text-column quote --output stances.parquet
    python -m training.score export.txt --format csv --delimiter ';' --output stances.jsonl
    python -m training.score statements.jsonl --limit 100 --output sample.csv

Reads and writes CSV, JSONL and Parquet, any of the three into any. Your columns come back unchanged and in order, and
so do your rows. Behind them: stance, confidence, one probability for each stance, certain (true when the prediction set
has one member), prediction_set (the stances that cannot be ruled out, joined by ;), conditions (what a conditional
statement demands, a JSON list of start, end, text and kind), truncated (the text was longer than the model reads),
n_tokens, language (empty, or the code of a language that the model was not trained on), model.

A row that cannot be scored (no text, broken UTF-8, a broken line) costs that row: it goes to OUTPUT.errors.jsonl, with
its line and the cause. Rows in = rows scored + rows refused; the last line of the output says how many.

Exit status: 0 every row was scored; 3 some rows were refused; 2 the run could not be done, nothing was written (bad
options, input, output or model; --strict or --max-errors); 130 interrupted, nothing was written.
"""

import argparse
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Final

from tqdm import tqdm

from models.classifier import StanceClassifier
from models.engines import ENGINES
from models.errors import ParleyError
from models.labels import STANCES, Stance
from models.prediction import Classifier
from training.input import FORMATS, format_of, open_source, read_rows
from training.output import ScoredOutput, check_output, errors_path, scored_output
from training.program import make_parser
from training.rows import BadRow, InputError, RunError, Source, TooManyErrors, chunks, quoted
from training.scoring import Scored, answer_of, check_clash, score_rows

DEFAULT_ARTIFACT: Final = Path("models/stance-minilm")
BAR: Final = "{percentage:3.0f}% |{bar}| {n_fmt} of {total_fmt} rows, {rate_noinv_fmt}, {remaining} left"

OpenClassifier = Callable[[argparse.Namespace], tuple[Classifier, str]]
"""From the options to a classifier and the model's name and version."""


@dataclass
class Tally:
    """The account of a run: what became of the rows."""

    stances: Counter[Stance] = field(default_factory=Counter)
    certain: Counter[Stance] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)  # by code

    @property
    def n_scored(self) -> int:
        """Rows that have a stance."""
        return self.stances.total()

    @property
    def n_refused(self) -> int:
        """Rows that went to the report."""
        return self.refused.total()

    def add(self, results: Sequence[Scored | BadRow], *, max_errors: int | None) -> None:
        """Count results. Raises: TooManyErrors at the first refused row above ``max_errors``; None is no limit."""
        for result in results:
            if isinstance(result, Scored):
                self.stances[result.prediction.stance] += 1
                self.certain[result.prediction.stance] += result.prediction.certain
                continue
            self.refused[result.code] += 1
            if max_errors is not None and self.n_refused > max_errors:
                raise TooManyErrors(f"stopped, nothing was written: more than {max_errors} refused. {result}")

    def table(self) -> str:
        """Rows by stance, with the share whose prediction set has one member."""
        lines = [f"{'stance':<14}{'rows':>10}{'share':>9}{'certain':>9}"]
        for stance in STANCES:
            n_rows = self.stances[stance]
            certain = f"{self.certain[stance] / n_rows:.1%}" if n_rows else "-"
            lines.append(f"{stance:<14}{n_rows:>10}{n_rows / max(self.n_scored, 1):>9.1%}{certain:>9}")
        return "\n".join(lines)


def score(flags: argparse.Namespace, *, open_classifier: OpenClassifier) -> Tally:
    """Score the input into the output; the account of it. Raises: RunError, ParleyError; then nothing was written."""
    output_format = format_of(flags.output, override=flags.output_format)
    check_output(flags.output, input=flags.input, force=flags.force)
    source = open_source(flags.input, format=flags.format, delimiter=flags.delimiter, limit=flags.limit)
    if flags.text_column not in source.columns:
        there = quoted(source.columns)
        raise InputError(f"{flags.input}: there is no column {flags.text_column!r} (--text-column); there is {there}")
    check_clash(source.columns, prefix=flags.prefix)
    classifier, model = open_classifier(flags)
    answer = partial(answer_of, model=model, prefix=flags.prefix)
    with scored_output(flags.output, source, format=output_format, answer_of=answer, prefix=flags.prefix) as output:
        tally = _score_all(classifier, source, output, flags=flags)
    for column, note in output.notes.items():
        print(f"note: column {column!r}: {note}", file=sys.stderr)
    return tally


def _score_all(classifier: Classifier, source: Source, output: ScoredOutput, *, flags: argparse.Namespace) -> Tally:
    tally = Tally()
    max_errors = 0 if flags.strict else flags.max_errors
    rows = islice(read_rows(source, flags.input), flags.limit)
    wait_seconds = 0.1 if sys.stderr.isatty() else 10  # a log file wants fewer lines than a terminal
    n_in = 0
    total = _n_rows(source, n_in, limit=flags.limit)
    with tqdm(total=total, unit=" rows", bar_format=BAR, mininterval=wait_seconds, file=sys.stderr) as bar:
        for chunk in chunks(rows, flags.chunk_rows):
            results = score_rows(classifier, chunk, text_column=flags.text_column)
            tally.add(results, max_errors=max_errors)
            output.write(results)
            n_in += len(chunk)
            bar.total = _n_rows(source, n_in, limit=flags.limit)
            bar.update(len(chunk))
        bar.total = n_in  # the estimate has served
    return tally


def _n_rows(source: Source, n_read: int, *, limit: int | None) -> int | None:
    """How many rows there will be: known, or estimated from the share of the bytes that the rows so far took."""
    share = source.share_read()
    estimate = source.n_rows if source.n_rows is not None else round(n_read / share) if n_read and share else None
    if estimate is None:
        return limit
    return estimate if limit is None else min(estimate, limit)


def open_stance_classifier(flags: argparse.Namespace) -> tuple[Classifier, str]:
    """The classifier that the options name, verified and warm. Raises: ParleyError."""
    classifier = StanceClassifier.open(flags.artifact, engine=flags.engine, threads=flags.threads)
    classifier.warm_up()
    info = classifier.engine.info
    model = classifier.artifact.manifest.model_id
    print(f"{model} on {info.name}, {info.precision}, {info.threads} threads, {info.device}", file=sys.stderr)
    return classifier, model


def _count(text: str, *, least: int = 0) -> int:
    if not text.isdecimal() or int(text) < least:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of at least {least}")
    return int(text)


def _delimiter(text: str) -> str:
    found = {"tab": "\t", "\\t": "\t"}.get(text, text)
    if len(found) != 1 or found in '"\r\n':
        raise argparse.ArgumentTypeError(f"{text!r} is not one character that could separate cells")
    return found


def _parser() -> argparse.ArgumentParser:
    parser = make_parser("training.score", __doc__)
    add = parser.add_argument
    add("input", type=Path, metavar="INPUT", help="the file to score: .csv, .jsonl or .parquet; CSV and JSONL in UTF-8")
    add("--output", type=Path, required=True, metavar="OUTPUT", help="the file to write: .csv, .jsonl or .parquet")
    add("--text-column", default="text", metavar="NAME", help="the column to score (default: text)")
    add("--format", choices=FORMATS, help="what the input is, whatever its suffix says")
    add("--output-format", choices=FORMATS, help="what the output shall be, whatever its suffix says")
    add("--delimiter", type=_delimiter, metavar="CHAR", help="of a CSV input, or 'tab' (default: found out)")
    add("--prefix", default="", metavar="TEXT", help="put before the name of every new column (default: nothing)")
    add("--force", action="store_true", help="replace the output if it exists")
    add("--limit", type=partial(_count, least=1), metavar="N", help="score the first N rows only")
    add("--strict", action="store_true", help="stop at the first row that cannot be scored, and write nothing")
    add("--max-errors", type=_count, metavar="N", help="the same when more than N rows cannot be scored")
    add("--artifact", type=Path, default=DEFAULT_ARTIFACT, help=f"the model (default: {DEFAULT_ARTIFACT})")
    add("--engine", choices=ENGINES, default="openvino", help="openvino for CPUs (default), torch for GPUs")
    add("--threads", type=_count, default=0, metavar="N", help="compute threads (default: one for each core)")
    add(
        "--chunk-rows",
        type=partial(_count, least=1),
        default=2048,
        metavar="N",
        help="rows in memory at a time (default: 2048)",
    )
    return parser


def main(arguments: Sequence[str] | None = None, *, open_classifier: OpenClassifier = open_stance_classifier) -> int:
    """The program; returns its exit status."""
    flags = _parser().parse_args(arguments)
    try:
        tally = score(flags, open_classifier=open_classifier)
    except (RunError, ParleyError) as error:
        print(f"score: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("score: interrupted; nothing was written", file=sys.stderr)
        return 130
    print(tally.table(), file=sys.stderr)
    if tally.n_refused:
        causes = ", ".join(f"{n_rows} {code}" for code, n_rows in tally.refused.most_common())
        print(f"refused: {causes} -> {errors_path(flags.output)}", file=sys.stderr)
    n_in = tally.n_scored + tally.n_refused
    print(f"{n_in} rows in, {tally.n_scored} scored, {tally.n_refused} refused -> {flags.output}")
    return 3 if tally.n_refused else 0


if __name__ == "__main__":
    raise SystemExit(main())
