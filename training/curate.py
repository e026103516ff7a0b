"""Turn what people reviewed into examples to train on.

    python -m training.curate review.csv --output reviewed.jsonl
    python -m training.curate alice.csv bob.csv project-7.json --output reviewed.jsonl
    python -m training.curate --from-feedback feedback.sqlite --scored stances.csv --output reviewed.jsonl
    python -m training.finetune --output runs/mine --data training/data reviewed.jsonl

Input. CSV, JSONL or Parquet with a text and a correction in each row, as training.sample writes them: a stance, or ok
where the model's is right; empty where nobody has reviewed. Beside it correct_conditions may say what a conditional
statement demands: a line for each condition, its kind, a colon and its words; or ok for the model's; or JSON like the
column conditions. JSON is an export of Label Studio (format JSON); skipped tasks count as not reviewed. --from-feedback
reads what POST /feedback stored; a text that was not sent is looked up in the files of --scored, by its sha256, or else
by the prediction id in --id-column.

Votes. Of one reviewer's corrections of one text the last counts; rows that name no reviewer (--reviewer names one for
them) count one each. The label is that of most votes, and the example keeps all of them, so that training knows the
doubt. Where two stances have as many votes there is no example: have one more person look. The conditions are those
that most voters for the label gave, of equally many the last; each must stand in the text, or its row is refused.

Left out. A text that the model is measured on, or nearly such a one, and one that the corpus trains on already.
Reviewed examples are never measured on: training.finetune and training.export take them for training only.

Output. OUTPUT holds the examples, with their texts: it is yours, keep it out of the repository. OUTPUT.votes.jsonl has
every review, with what became of it (counted, replaced, tied, measured_on, in_corpus), what the model had said, which
model it was, file and row. OUTPUT.errors.jsonl has the rows that could not be used, with the cause. Rows in = reviews +
rows not reviewed + rows refused.

Exit status: 0; 3 where rows were refused or votes are tied; 2 where it could not be done.
"""

import argparse
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any

from models.labels import STANCES, Stance
from training.durable import write_whole
from training.examples import DATA, CorpusError, write_examples, write_jsonl
from training.intervals import wilson
from training.known_texts import KnownTexts
from training.program import make_parser
from training.review_sources import Found, ReviewColumns, read_feedback, read_reviews
from training.reviews import Review, Verdict, agreement, verdicts
from training.rows import BadRow, OutputError, RunError
from training.sampling import RANDOM
from training.scoring import error_line

COUNTED, TIED, MEASURED, IN_CORPUS = "counted", "tied", "measured_on", "in_corpus"
N_SHOWN = 5
"""Refused rows that are shown on the terminal; the report has all."""


@dataclass
class Account:
    """What became of the rows."""

    reviews: list[Review] = field(default_factory=list)
    refused: list[BadRow] = field(default_factory=list)
    n_unreviewed: int = 0

    def take(self, found: Iterable[Found]) -> None:
        """Sort what was found."""
        for one in found:
            if one is None:
                self.n_unreviewed += 1
            elif isinstance(one, BadRow):
                self.refused.append(one)
            else:
                self.reviews.append(one)

    @property
    def n_rows(self) -> int:
        """Rows, annotations and corrections that were read."""
        return len(self.reviews) + len(self.refused) + self.n_unreviewed


def outcome_of(verdict: Verdict, known: KnownTexts) -> str:
    """What becomes of a text."""
    if known.is_measured_on(verdict.text):
        return MEASURED
    if known.label_of(verdict.text) is not None:
        return IN_CORPUS
    return COUNTED if verdict.label is not None else TIED


def write(by_outcome: dict[str, list[Verdict]], refused: Sequence[BadRow], output: Path) -> None:
    """Write the examples, every vote and the refused rows; the examples last. Raises: OSError."""
    ledger: Iterator[dict[str, Any]] = chain.from_iterable(
        verdict.lines(outcome) for outcome, found in by_outcome.items() for verdict in found
    )
    write_jsonl(votes_path(output), ledger)
    if refused:
        write_whole(errors_path(output), lambda file: file.write(b"".join(map(error_line, refused))))
    else:
        errors_path(output).unlink(missing_ok=True)
    write_examples(output, (verdict.example() for verdict in by_outcome[COUNTED]))


def votes_path(output: Path) -> Path:
    """Where every review goes."""
    return output.with_name(output.name + ".votes.jsonl")


def errors_path(output: Path) -> Path:
    """Where the rows go that could not be used."""
    return output.with_name(output.name + ".errors.jsonl")


def summary(by_outcome: dict[str, list[Verdict]], account: Account, output: Path) -> Iterator[str]:
    """What to tell whoever started it, line by line."""
    decided, tied = by_outcome[COUNTED], by_outcome[TIED]
    labels = Counter(verdict.label for verdict in decided)
    yield f"{output}: {len(decided)} examples, " + ", ".join(f"{labels[stance]} {stance}" for stance in STANCES)
    n_reviews, n_refused = len(account.reviews), len(account.refused)
    if n := sum(bool(verdict.conditions) for verdict in decided):
        yield f"with conditions: {n} of {labels[Stance.CONDITIONAL]} conditional ones"
    yield f"{account.n_rows} rows in: {n_reviews} reviewed, {account.n_unreviewed} not reviewed, {n_refused} refused"
    n_disputed = sum(verdict.is_disputed for verdict in decided)
    if n_disputed or tied:
        yield f"reviewers differ: {n_disputed} decided by most votes, {len(tied)} tied and left out"
        for verdict in [*tied, *(v for v in decided if v.is_disputed)][:N_SHOWN]:
            yield f"  {verdict.id}: " + ", ".join(f"{n} {stance}" for stance, n in verdict.votes.most_common())
    if n := len(by_outcome[MEASURED]):
        yield f"left out: {n} that the model is measured on, or nearly so"
    if n := len(by_outcome[IN_CORPUS]):
        yield f"left out: {n} that the corpus trains on already; its labels stay"
    n_right, n_known = agreement(decided)
    if n_known:
        yield f"the model's stance was right for {n_right} of {n_known}"
    yield from _of_the_random(by_outcome)


def _of_the_random(by_outcome: dict[str, list[Verdict]]) -> Iterator[str]:
    """What the texts drawn at random say of all: how often the model is right and how often each stance occurs.

    Those that are left out count too, but for the model's rightness on what it was trained on.
    """
    drawn = {
        outcome: [v for v in found if v.label is not None and any(review.drawn == RANDOM for review in v.counted)]
        for outcome, found in by_outcome.items()
    }
    random = list(chain.from_iterable(drawn.values()))
    n_right, n_known = agreement([*drawn[COUNTED], *drawn[MEASURED]])
    if not n_known:
        return
    right = _share(n_right, n_known)
    yield f"of the {len(random)} drawn at random (95 % intervals): the model right for {n_right} of {n_known}, {right}"
    labels = Counter(verdict.label for verdict in random)
    yield "  " + ", ".join(f"{stance} {_share(labels[stance], len(random))}" for stance in STANCES)


def _share(n_hits: int, n: int) -> str:
    low, high = wilson(n_hits, n)
    return f"{n_hits / n:.0%} [{low:.0%}, {high:.0%}]"


def parser_of() -> argparse.ArgumentParser:
    """The options."""
    parser = make_parser("training.curate", __doc__)
    add = parser.add_argument
    add("inputs", type=Path, nargs="*", metavar="REVIEWED", help="a .csv, .jsonl, .parquet or Label Studio .json file")
    add("--output", type=Path, required=True, metavar="OUTPUT", help="a .jsonl file for the examples")
    add("--from-feedback", type=Path, metavar="STORE", help="a store of POST /feedback")
    add("--scored", type=Path, nargs="+", default=[], metavar="FILE", help="where texts are found that were not sent")
    add("--data", type=Path, default=DATA, metavar="DIR", help="the corpus folder (default: training/data)")
    add("--reviewer", metavar="NAME", help="who reviewed the rows that name nobody")
    add("--text-column", default="text", metavar="NAME", help="(default: text)")
    add("--correction-column", default="correction", metavar="NAME", help="(default: correction)")
    add("--conditions-column", default="correct_conditions", metavar="NAME", help="(default: correct_conditions)")
    add("--note-column", default="note", metavar="NAME", help="(default: note)")
    add("--reviewer-column", default="reviewer", metavar="NAME", help="(default: reviewer)")
    add("--id-column", default="id", metavar="NAME", help="prediction ids in the files of --scored (default: id)")
    add("--prefix", default="", metavar="TEXT", help="what training.score put before its columns (default: nothing)")
    add("--force", action="store_true", help="replace the output if it exists")
    return parser


def curate(flags: argparse.Namespace) -> tuple[dict[str, list[Verdict]], Account]:
    """The texts by outcome and the account of rows, written. Raises: RunError, CorpusError, OSError."""
    output: Path = flags.output
    if output.suffix != ".jsonl":
        raise OutputError(f"{output}: examples are JSONL; give a name that ends in .jsonl")
    if output.exists() and not flags.force:
        raise OutputError(f"{output}: exists; choose another or give --force")
    if any(path.exists() and output.exists() and path.samefile(output) for path in flags.inputs):
        raise OutputError(f"{output}: the input itself would be overwritten")
    columns, account = ReviewColumns.of(flags), Account()
    for path in dict.fromkeys(flags.inputs):
        account.take(read_reviews(path, columns, reviewer=flags.reviewer))
    if flags.from_feedback is not None:
        account.take(read_feedback(flags.from_feedback, flags.scored, columns))
    known = KnownTexts.of(flags.data)
    if not known.is_hydrated:
        print(
            "note: the public record has no texts here (training.hydrate), so what nearly repeats one is not seen now; "
            "training leaves it out",
            file=sys.stderr,
        )
    by_outcome: dict[str, list[Verdict]] = {name: [] for name in (COUNTED, TIED, MEASURED, IN_CORPUS)}
    for verdict in verdicts(account.reviews):
        by_outcome[outcome_of(verdict, known)].append(verdict)
    write(by_outcome, account.refused, output)
    return by_outcome, account


def main(arguments: Sequence[str] | None = None) -> int:
    """The program; returns its exit status."""
    parser = parser_of()
    flags = parser.parse_args(arguments)
    if not flags.inputs and flags.from_feedback is None:
        parser.error("name reviewed files, --from-feedback, or both")
    try:
        by_outcome, account = curate(flags)
    except (RunError, CorpusError) as error:
        print(f"curate: {error}", file=sys.stderr)
        return 2
    except OSError as error:
        print(f"curate: {error.filename or flags.output}: {error.strerror}", file=sys.stderr)
        return 2
    for bad in account.refused[:N_SHOWN]:
        print(f"refused: {bad}", file=sys.stderr)
    print(*summary(by_outcome, account, flags.output), sep="\n")
    return 3 if account.refused or by_outcome[TIED] else 0


if __name__ == "__main__":
    raise SystemExit(main())
