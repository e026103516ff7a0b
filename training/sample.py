"""Pick the rows of a scored file that a person should review next.

    python -m training.sample stances.csv --output review.csv                  # for a spreadsheet
    python -m training.sample stances.csv --output review.json --n 500         # tasks for Label Studio
    python -m training.sample stances.csv --output next.csv --reviewed reviewed.jsonl

Input: what training.score wrote with its probabilities, as CSV, JSONL or Parquet. One fifth of the picks
(--random-share) is drawn at random; the others are those the model is least sure of (--by), unlike one another and
unlike what was reviewed already (--reviewed, files of training.curate). The same file, options and --seed give the
same picks.

Output: the picked rows with all their columns, and behind them row (its number in the file), drawn (random or
uncertain), uncertainty, and four empty columns: correction, correct_conditions, note, reviewer. Whoever reviews writes
the right stance into correction, or ok where the model is right, and leaves it empty where they pass; what a
conditional statement demands may go into correct_conditions. Only from the rows drawn at random
can be estimated how often a stance occurs or the model errs: training.curate does. A .json output holds tasks of Label
Studio with the model's stance as a prediction; beside it stands OUTPUT.config.xml, the labelling interface to use.
Then: python -m training.curate.

Rows without a readable prediction go to OUTPUT.errors.jsonl. Exit status: 0; 3 where there are such rows; 2 where it
could not be done.
"""

import argparse
import csv
import io
import json
import math
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from training.durable import write_whole
from training.examples import CorpusError, read_examples
from training.input import open_source
from training.label_studio import CONFIG, to_task
from training.near_duplicates import NearDuplicates
from training.program import make_parser
from training.rows import BadRow, InputError, OutputError, RunError, Source, quoted
from training.sampling import MEASURES, RANDOM, Pick, Sampler
from training.scored_rows import ScoredColumns, read_scored
from training.scoring import error_line
from training.writers import as_json

FOR_PEOPLE: Final = ("correction", "correct_conditions", "note", "reviewer")
ADDED: Final = ("row", "drawn", "uncertainty", *FOR_PEOPLE)
DIGITS: Final = 4
SUFFIXES: Final = (".csv", ".jsonl", ".json")


def draw(source: Source, name: str, sampler: Sampler, columns: ScoredColumns) -> tuple[list[Pick], list[BadRow]]:
    """The picks of a file, and its rows that have no readable prediction. Raises: InputError."""
    refused = []
    for scored in read_scored(source, name, columns):
        if isinstance(scored, BadRow):
            refused.append(scored)
        else:
            sampler.add(scored)
    return sampler.picks(), refused


def records(picks: Sequence[Pick]) -> list[dict[str, Any]]:
    """The picked rows with what sampling adds, in the order of review."""
    return [
        {
            **{name: as_json(value) for name, value in pick.scored.row.values.items()},
            "row": pick.scored.row.number,
            "drawn": pick.drawn,
            "uncertainty": round(pick.uncertainty, DIGITS),
            **dict.fromkeys(FOR_PEOPLE, ""),
        }
        for pick in picks
    ]


def as_csv(rows: Sequence[dict[str, Any]], columns: Sequence[str]) -> str:
    """The rows as CSV, lists and objects as JSON text."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow([*columns, *ADDED])
    writer.writerows([_cell(row.get(name)) for name in (*columns, *ADDED)] for row in rows)
    return text.getvalue()


def _cell(value: object) -> str:
    return value if isinstance(value, str) else "" if value is None else json.dumps(value, ensure_ascii=False)


def as_tasks(picks: Sequence[Pick]) -> str:
    """The rows as tasks of Label Studio, which asks for itself what people are to fill in."""
    tasks = [
        to_task(
            {name: value for name, value in row.items() if name not in FOR_PEOPLE},
            text=pick.scored.text,
            stance=pick.scored.stance,
            conditions=pick.scored.conditions,
            confidence=max(pick.scored.probabilities),
            model=pick.scored.model,
        )
        for pick, row in zip(picks, records(picks), strict=True)
    ]
    return json.dumps(tasks, ensure_ascii=False, indent=1) + "\n"


def write(picks: Sequence[Pick], refused: Sequence[BadRow], *, columns: Sequence[str], output: Path) -> None:
    """Write the picks, their labelling interface and the refused rows. Raises: OSError."""
    match output.suffix:
        case ".csv":
            content = as_csv(records(picks), columns)
        case ".json":
            content = as_tasks(picks)
            write_whole(output.with_name(output.name + ".config.xml"), lambda file: file.write(CONFIG.encode()))
        case _:
            content = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in records(picks))
    errors = output.with_name(output.name + ".errors.jsonl")
    if refused:
        write_whole(errors, lambda file: file.write(b"".join(map(error_line, refused))))
    else:
        errors.unlink(missing_ok=True)
    write_whole(output, lambda file: file.write(content.encode("utf-8")))


def parser_of() -> argparse.ArgumentParser:
    """The options."""
    parser = make_parser("training.sample", __doc__)
    add = parser.add_argument
    add("input", type=Path, metavar="SCORED", help="a .csv, .jsonl or .parquet file of training.score")
    add("--output", type=Path, required=True, metavar="OUTPUT", help="a .csv or .jsonl file, or .json for Label Studio")
    add("--n", type=int, default=200, metavar="N", help="rows to pick (default: 200)")
    add("--by", choices=MEASURES, default="margin", help="how unsure: margin of the two likeliest, entropy, set size")
    add("--random-share", type=float, default=0.2, metavar="SHARE", help="share drawn at random (default: 0.2)")
    add("--seed", type=int, default=0, metavar="N", help="of the random draw (default: 0)")
    add("--reviewed", type=Path, nargs="+", default=[], metavar="FILE", help="examples that training.curate made")
    add("--text-column", default="text", metavar="NAME", help="the column with the text (default: text)")
    add("--prefix", default="", metavar="TEXT", help="what training.score put before its columns (default: nothing)")
    add("--force", action="store_true", help="replace the output if it exists")
    return parser


def sample(flags: argparse.Namespace) -> tuple[list[Pick], list[BadRow], Sampler]:
    """The picks, written; the refused rows; and what was seen. Raises: RunError, CorpusError, OSError."""
    output: Path = flags.output
    if output.suffix not in SUFFIXES:
        raise OutputError(f"{output}: the suffix is not one of {', '.join(SUFFIXES)}")
    if output.exists() and not flags.force:
        raise OutputError(f"{output}: exists, and may have corrections in it; choose another or give --force")
    source = open_source(flags.input)
    if clash := [name for name in ADDED if name in source.columns]:
        raise InputError(f"{flags.input}: already has {quoted(clash)}, which sampling adds; is it a sample itself?")
    reviewed = NearDuplicates(e.text for path in flags.reviewed for e in read_examples(path) if e.text)
    n_random = math.ceil(flags.n * flags.random_share)
    sampler = Sampler(n_random, flags.n - n_random, flags.seed, MEASURES[flags.by], reviewed)
    picks, refused = draw(source, str(flags.input), sampler, ScoredColumns(flags.text_column, flags.prefix))
    write(picks, refused, columns=source.columns, output=output)
    return picks, refused, sampler


def main(arguments: Sequence[str] | None = None) -> int:
    """The program; returns its exit status."""
    parser = parser_of()
    flags = parser.parse_args(arguments)
    if flags.n < 1 or not 0 <= flags.random_share <= 1:
        parser.error("--n must be at least 1 and --random-share between 0 and 1")
    try:
        picks, refused, sampler = sample(flags)
    except (RunError, CorpusError) as error:
        print(f"sample: {error}", file=sys.stderr)
        return 2
    except OSError as error:
        print(f"sample: {error.filename or flags.output}: {error.strerror}", file=sys.stderr)
        return 2
    for bad in refused[:5]:
        print(f"refused: {bad}", file=sys.stderr)
    n_random = sum(pick.drawn == RANDOM for pick in picks)
    print(
        f"{flags.output}: {len(picks):,} of {sampler.n_seen:,} rows, {n_random:,} of them at random; "
        f"{sampler.n_reviewed:,} were reviewed before, {len(refused):,} refused"
    )
    return 3 if refused else 0


if __name__ == "__main__":
    raise SystemExit(main())
