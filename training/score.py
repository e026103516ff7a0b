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

Memory. A run holds some ten chunks, whatever the size of the input. It chooses allocators that return what they took;
ARROW_DEFAULT_MEMORY_POOL and MALLOC_MMAP_THRESHOLD_ in the environment choose others.

Places. Inputs and OUTPUT may be objects in a store (s3://bucket/key, gs://bucket/key), and then so is OUTPUT.run.
--engine ray scores the chunks on a Ray cluster (--address; without it, one of this machine's own), with the same
options, the same files and the same bytes; a run begun with one engine can be continued with the other.

Exit status: 0 every row was scored; 3 some rows were refused; 2 the run could not be done (bad options, input, output
or model; another run at work on the same output; --strict or --max-errors); 130 Ctrl-C, 143 SIGTERM.
"""

import argparse
import os
import signal
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from training.allocators import give_memory_back

if TYPE_CHECKING:
    from training.scoring_run import Model


def main(
    arguments: Sequence[str] | None = None, *, open_model: "Callable[[argparse.Namespace], Model] | None" = None
) -> int:
    """The program; returns its exit status. ``open_model`` opens another model than the options say."""
    give_memory_back()
    try:
        from training import score_command  # not before: it loads Arrow
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    return score_command.run(arguments, docstring=__doc__, open_model=open_model or score_command.open_model)


def end(status: int) -> None:
    """End the process now, without waiting for a forward pass under way: what is finished is on the disk."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


if __name__ == "__main__":
    end(main())
