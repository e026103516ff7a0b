"""The options of training.score."""

import argparse
import sys
from functools import partial
from pathlib import Path
from typing import Final

from models.engines import ENGINES
from training.answers import ANSWERS
from training.duplicates import THRESHOLD
from training.input import FORMATS
from training.places import locate
from training.program import make_parser
from training.rows import InputError

PLACES: Final = ("local", "ray")
"""Where chunks can be scored."""
DEFAULT_ARTIFACT: Final = Path("models/stance-minilm")
CHUNK_ROWS: Final = 2048
"""Rows of a chunk: enough texts of one length to fill batches, some seconds of work to lose in a crash."""


def parser_of(docstring: str | None) -> argparse.ArgumentParser:
    """The parser of the program with this docstring."""
    parser = make_parser("training.score", docstring)
    parser.add_argument(
        "inputs",
        nargs="+",
        metavar="INPUT",
        help="a .csv, .tsv, .jsonl (all also .gz, .zst) or .parquet file, a directory, or a pattern in quotes",
    )
    parser.add_argument(
        "--output", type=locate, required=True, metavar="OUTPUT", help="a .csv, .jsonl or .parquet file"
    )
    _add_input(parser.add_argument_group("input"))
    _add_output(parser.add_argument_group("output"))
    _add_run(parser.add_argument_group("the run"))
    _add_place(parser.add_argument_group("where"))
    _add_report(parser.add_argument_group("report"))
    return parser


def _add_input(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    add("--text-column", default="text", metavar="NAME", help="the column to score (default: text)")
    add("--format", choices=FORMATS, help="what the input is, whatever its suffix says")
    add("--delimiter", type=_delimiter, metavar="CHAR", help="of a CSV input, or 'tab' (default: found out)")
    add("--limit", type=partial(_count, least=1), metavar="N", help="score the first N rows only")


def _add_output(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    add("--output-format", choices=FORMATS, help="what the output shall be, whatever its suffix says")
    add(
        "--columns",
        type=_names,
        default=ANSWERS,
        metavar="A,B,...",
        help=f"what to add: {','.join(ANSWERS)} (default: all)",
    )
    add("--nested", action="store_true", help="probabilities as one struct, prediction_set and conditions as lists")
    add("--keep", type=_names, metavar="A,B,...", help="pass only these of your columns through (default: all)")
    add("--prefix", default="", metavar="TEXT", help="put before the name of every new column (default: nothing)")
    add(
        "--source-column",
        default="source_file",
        metavar="NAME",
        help="the column that names a row's file, when there are several files (default: source_file)",
    )
    add(
        "--group-duplicates",
        type=_share,
        nargs="?",
        const=THRESHOLD,
        metavar="SHARE",
        help="add a column duplicate_group, equal for texts that share at least SHARE of their three-word "
        f"sequences (default: {THRESHOLD})",
    )
    add("--force", action="store_true", help="replace the output if it exists; start anew where going on is refused")


def _add_run(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    add("--dry-run", action="store_true", help="say what would be done and how long it would take; write nothing")
    add("--strict", action="store_true", help="stop at the first row that cannot be scored")
    add("--max-errors", type=_count, metavar="N", help="stop when more than N rows cannot be scored")
    add("--artifact", type=Path, default=DEFAULT_ARTIFACT, help=f"the model (default: {DEFAULT_ARTIFACT})")
    add("--inference", choices=ENGINES, default="openvino", help="openvino for CPUs (default), torch for GPUs")
    add("--threads", type=_count, default=0, metavar="N", help="compute threads (default: one for each core)")
    add(
        "--chunk-rows",
        type=partial(_count, least=1),
        default=CHUNK_ROWS,
        metavar="N",
        help=f"rows that are finished, written and never done again together (default: {CHUNK_ROWS})",
    )


def _add_place(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    add(
        "--engine",
        choices=(*PLACES, *ENGINES),
        default="local",
        metavar="{" + ",".join(PLACES) + "}",
        help="where chunks are scored: on this machine (default), or on a Ray cluster",
    )
    add(
        "--address",
        metavar="HOST:PORT",
        help="of a running Ray cluster, or auto for one of this machine (default: a cluster of this machine's own)",
    )
    add(
        "--workers",
        type=partial(_count, least=1),
        metavar="N",
        help="models side by side on the cluster, --threads each (default: as many as its CPUs have room for)",
    )


def settle_engine(flags: argparse.Namespace) -> None:
    """Read --engine openvino and --engine torch as --inference, which they were called before; note it on stderr.

    Raises: InputError where an option is for Ray alone.
    """
    if flags.engine in ENGINES:
        print(f"note: --engine {flags.engine} is called --inference {flags.engine} now", file=sys.stderr)
        flags.engine, flags.inference = "local", flags.engine
    if flags.engine != "ray" and (flags.address or flags.workers):
        raise InputError("--address and --workers are for --engine ray")


def _add_report(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    add("--report", type=Path, metavar="FILE", help="write a web page with tables and charts, nothing else needed")
    add(
        "--time-column",
        metavar="NAME",
        help="a column with dates, such as 2024-05-01: the report shows stances over time",
    )
    add("--actor-column", metavar="NAME", help="a column with speakers: the report shows stances by actor")


def _count(text: str, *, least: int = 0) -> int:
    if not text.isdecimal() or int(text) < least:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of at least {least}")
    return int(text)


def _share(text: str) -> float:
    try:
        share = float(text)
    except ValueError:
        share = 0.0
    if not 0.3 <= share <= 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a share between 0.3 and 1")
    return share


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())


def _delimiter(text: str) -> str:
    found = {"tab": "\t", "\\t": "\t"}.get(text, text)
    if len(found) != 1 or found in '"\r\n':
        raise argparse.ArgumentTypeError(f"{text!r} is not one character that could separate cells")
    return found
