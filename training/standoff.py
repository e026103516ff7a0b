"""Turn annotated statements with text into stand-off annotation without it, the inverse of training.hydrate.

    python -m training.standoff annotated.jsonl more.jsonl --output training/data/record.jsonl

A row of the input has id, text, label, source (owner/name), path, locator and sha256; and, where known, confidence,
conditions ([{start, end, text, kind}]), condition_kind (of a condition that is left unsaid), votes (a number, for the
label, or {label: number}), commit, sentence, licence and rules. A row whose locator is null is of a source that
training/record_sources.py does not know: it states its register, is found again by its length and sha256 alone, and
all statements of its repository stay in one split. Each row is checked: the sha256 is that of the text, the offsets of
a condition give its text, no id and no text stands twice. Bad rows are reported by file and line.

Exit status: 0 written; 1 bad rows, nothing was written; 2 usage.
"""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from models.labels import ConditionKind, Stance
from training.examples import Condition, CorpusError, Example, Origin, sha256_of_text, write_examples
from training.locators import run_locator
from training.program import make_parser
from training.record_sources import group_of, place_of, register_of, source_of


def stand_off(row: dict[str, Any]) -> Example:
    """The example of an annotated row, without its text. Raises: CorpusError, KeyError, TypeError, ValueError."""
    if sha256_of_text(row["text"]) != row["sha256"]:
        raise CorpusError("the sha256 is not that of the text")
    label = Stance(row["label"])
    return Example(
        id=row["id"],
        label=label,
        origin=Origin.RECORD,
        rules=tuple(row.get("rules") or ()),
        conditions=conditions_of(row, label),
        confidence=row.get("confidence"),
        votes=votes_of(row, label),
        repository=row["source"],
        path=row["path"],
        sentence=row.get("sentence"),
        sha256=row["sha256"],
        licence=row.get("licence"),
        **whereabouts_of(row),
    )


def whereabouts_of(row: dict[str, Any]) -> dict[str, Any]:
    """Group, register, revision and locator of a row. Raises: CorpusError, KeyError, ValueError."""
    repository, path = row["source"], row["path"]
    if row["locator"] is None:
        found = {"register": row["register"], "revision": row["commit"], "locator": run_locator(row["text"])}
        return {"group": repository, **found}
    locator, stated_revision = place_of(row["locator"])
    return {
        "group": group_of(repository, path, locator=locator),
        "register": register_of(repository, path),
        "revision": stated_revision or row.get("commit") or source_of(repository, path).revision,
        "locator": locator,
    }


def conditions_of(row: dict[str, Any], label: Stance) -> tuple[Condition, ...]:
    """The checked conditions of a row. Raises: CorpusError, KeyError, ValueError."""
    spans = row.get("conditions") or []
    unsaid = row.get("condition_kind")
    if (spans or unsaid) and label is not Stance.CONDITIONAL:
        raise CorpusError(f"a {label} statement has no condition")
    if unsaid and not spans:
        return (Condition(0, 0, ConditionKind(unsaid)),)
    for span in spans:
        if row["text"][span["start"] : span["end"]] != span["text"]:
            raise CorpusError(f"characters {span['start']} to {span['end']} are not the condition's text")
    return tuple(Condition(span["start"], span["end"], ConditionKind(span["kind"])) for span in spans)


def votes_of(row: dict[str, Any], label: Stance) -> dict[str, int]:
    """The votes of a row by label; a bare number is for the row's label. Raises: ValueError for an unknown label."""
    votes = row.get("votes", 1)
    return {Stance(name): n for name, n in votes.items()} if isinstance(votes, dict) else {label: votes}


def read_annotated(paths: Sequence[Path]) -> tuple[list[Example], list[str]]:
    """The examples of annotated files, and a line for each bad row. Raises: CorpusError when a file cannot be read."""
    examples: list[Example] = []
    bad: list[str] = []
    seen: set[str | None] = set()
    for path in paths:
        try:
            lines = path.read_text(encoding="utf-8").split("\n")
        except (OSError, UnicodeDecodeError) as error:
            raise CorpusError(f"{path}: cannot be read: {error}") from error
        for number, line in enumerate(lines, start=1):
            if not line.strip():
                continue
            try:
                example = stand_off(json.loads(line))
                if {example.id, example.sha256} & seen:
                    raise CorpusError(f"{example.id}: its id or its text stands twice")
            except (CorpusError, KeyError, TypeError, ValueError, AttributeError) as error:
                bad.append(f"{path}:{number}: {type(error).__name__}: {error}")
            else:
                examples.append(example)
                seen |= {example.id, example.sha256}
    return examples, bad


def main(arguments: Sequence[str] | None = None) -> int:
    """The program; returns its exit status."""
    parser = make_parser("training.standoff", __doc__)
    parser.add_argument("annotated", type=Path, nargs="+", help="JSONL files of annotated statements, in order")
    parser.add_argument("--output", type=Path, required=True, metavar="FILE", help="where the annotation goes")
    flags = parser.parse_args(arguments)
    try:
        examples, bad = read_annotated(flags.annotated)
    except CorpusError as error:
        print(f"standoff: {error}", file=sys.stderr)
        return 2
    if bad:
        print(*bad, f"standoff: {len(bad):,} bad rows; nothing was written", sep="\n", file=sys.stderr)
        return 1
    print(f"{flags.output}: {write_examples(flags.output, examples):,} statements, without their text")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
