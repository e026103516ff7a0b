"""Give the statements of the public record their text again.

    python -m training.hydrate --clones ~/clones
    python -m training.hydrate --texts ~/statements.jsonl --clones ~/clones --allow-missing

The repository carries annotation without text: training/data/record.jsonl and dev.jsonl say where each statement
stands (repository, revision, path, locator) and what the sha256 of its text is. This program finds the texts and writes
training/data/hydrated/record.jsonl and dev.jsonl. A text is only taken when its sha256 is the annotated one.

--clones DIR holds the repositories as DIR/<owner>+<name>: `git clone` them there (bare clones do as well), or put the
files of the annotated revision there. What is missing is reported with the command that gets it.
--texts PATH is a JSONL file, or a folder of them, whose rows have a "text"; which statement it is tells its sha256.

Exit status: 0 all found that a clone could give, or --allow-missing; 1 something is missing or unusable, nothing was
written; 2 usage. A few statements of dev were copied by hand: without --texts they are left out, and said to be.
"""

import argparse
import csv
import json
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Final, Protocol, TypeVar

from tqdm import tqdm

from training import locators
from training.clones import File, find_clone, folder_name, read_files
from training.corpus import DEV, ELSEWHERE, HYDRATED_FOLDER, RECORD
from training.examples import DATA, CorpusError, Example, read_examples, sha256_of_text, write_examples
from training.locators import Reader, find_statement
from training.program import make_parser
from training.record_sources import RecordSource, source_of


class Cause(StrEnum):
    """Why a statement has no text."""

    NO_CLONE = "not cloned"
    NO_FILE = "what is there has no such file at the annotated revision; a full clone in its place has"
    NO_PARAGRAPH = "the file has no such paragraph"
    NO_SENTENCE = "no sentence of the paragraph has the annotated sha256"
    NO_RUN = "no stretch of the file has the annotated sha256"
    NO_LOCATOR = "copied by hand, so that no clone helps: only --texts can give them"
    NO_ROW = "the file has no such row"
    OTHER_TEXT = "the text of the row has another sha256 than the annotated one"


CURED_BY_CLONING: Final = (Cause.NO_CLONE, Cause.NO_FILE)
Found = dict[str, str]
"""Texts by their sha256."""


class StandOff(Protocol):
    """What is annotated without its text: a statement, or a whole article."""

    @property
    def id(self) -> str:
        """Its name."""

    @property
    def source(self) -> str:
        """The repository of the text."""

    @property
    def revision(self) -> str | None:
        """The commit at which the file was read."""

    @property
    def path(self) -> str | None:
        """The file."""

    @property
    def sha256(self) -> str | None:
        """What tells the text."""


T = TypeVar("T", bound=StandOff)


def reader_of_example(example: Example) -> Reader | None:
    """What finds the paragraphs in a statement's file; None where it was copied by hand."""
    if locators.is_run(example.locator or ""):
        return locators.whole
    return _source(example).reader


def texts_of_files(paths: Iterable[Path], wanted: set[str]) -> Found:
    """The wanted texts of JSONL files and folders of them. Raises: CorpusError for a line that is no JSON object."""
    found: Found = {}
    for path in paths:
        for file in sorted(path.rglob("*.jsonl")) if path.is_dir() else [path]:
            for text in _texts_of_file(file):
                if (sha256 := sha256_of_text(text)) in wanted:
                    found[sha256] = text
    return found


def _texts_of_file(file: Path) -> Iterator[str]:
    with file.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, start=1):
            try:
                text = json.loads(line).get("text") if line.strip() else None
            except (ValueError, AttributeError) as error:
                raise CorpusError(f"{file}:{number}: not a JSON object: {error}") from error
            if isinstance(text, str):
                yield text


def texts_of_clones(
    clones: Path | None,
    items: Iterable[T],
    *,
    reader_of: Callable[[T], Reader | None],
    find: Callable[[T, dict[str, str] | None], str | Cause],
) -> tuple[Found, dict[str, Cause]]:
    """The texts that the clones hold, and for each other item, by its id, why there is none. Raises: CorpusError."""
    found: Found = {}
    causes: dict[str, Cause] = {}
    for repository, members in _by_repository(items).items():
        folder = find_clone(clones, repository) if clones else None
        readable = [item for item in members if reader_of(item)]
        causes.update({item.id: Cause.NO_LOCATOR for item in members if not reader_of(item)})
        if folder is None:
            causes.update({item.id: Cause.NO_CLONE for item in readable})
            continue
        files: dict[File, list[T]] = defaultdict(list)
        for item in readable:
            files[item.revision, item.path or ""].append(item)
        progress = tqdm(files.items(), desc=repository, unit="file", disable=None)  # None: only on a terminal
        for (_, residents), content in zip(progress, read_files(folder, files), strict=True):
            reader = reader_of(residents[0])
            places = None if content is None or reader is None else places_of(content, residents[0], reader=reader)
            for item in residents:
                outcome = find(item, places)
                if isinstance(outcome, Cause):
                    causes[item.id] = outcome
                else:
                    found[str(item.sha256)] = outcome
    return found, causes


def places_of(content: bytes, item: StandOff, *, reader: Reader) -> dict[str, str]:
    """What stands where in the file of an item, by locator; nothing where it is not what its source's files are."""
    try:
        encoding = "utf-8" if reader is locators.whole else _source(item).encoding
        return dict(reader(content.decode(encoding, "replace")))
    except (ValueError, KeyError, TypeError, AttributeError, csv.Error):
        return {}


def find_text(example: Example, paragraphs: dict[str, str] | None) -> str | Cause:
    """The text of an example among the paragraphs of its file (None: there is no such file), or why there is none."""
    if paragraphs is None:
        return Cause.NO_FILE
    if locators.is_run(example.locator or ""):
        found = locators.find_run(paragraphs.get(locators.WHOLE, ""), str(example.locator), str(example.sha256))
        return found or Cause.NO_RUN
    paragraph = paragraphs.get(example.locator or "")
    if paragraph is None:
        return Cause.NO_PARAGRAPH
    return find_statement(paragraph, str(example.sha256)) or Cause.NO_SENTENCE


def _by_repository(items: Iterable[T]) -> dict[str, list[T]]:
    repositories: dict[str, list[T]] = defaultdict(list)
    for item in items:
        repositories[item.source].append(item)
    return repositories


def _source(item: StandOff) -> RecordSource:
    return source_of(item.source, item.path or "")


def report(missing: Sequence[StandOff], causes: dict[str, Cause], *, clones: Path | None) -> Iterator[str]:
    """What is missing, a line per repository and cause, and the command that gets it."""
    for repository, members in _by_repository(missing).items():
        for cause, n in Counter(causes[item.id] for item in members).items():
            yield f"  {repository}: {n:,} missing: {cause}"
            if cause in CURED_BY_CLONING:
                target = f"{clones or 'DIR'}/{folder_name(repository)}"
                yield f"      git clone https://github.com/{repository} {target}"


def find_texts(
    items: Sequence[T],
    where: argparse.Namespace,
    *,
    noun: str,
    reader_of: Callable[[T], Reader | None],
    find: Callable[[T, dict[str, str] | None], str | Cause],
) -> Found | None:
    """The texts of the items; what is missing is reported, and None comes back where that is to stop the program.

    Raises: CorpusError.
    """
    for item in items:
        if item.sha256 is None:
            raise CorpusError(f"{item.id}: states no sha256, so that its text cannot be told")
    found = texts_of_files(where.texts, {str(item.sha256) for item in items})
    others = [item for item in items if item.sha256 not in found]
    from_clones, causes = texts_of_clones(where.clones, others, reader_of=reader_of, find=find)
    found |= from_clones
    missing = [item for item in items if item.sha256 not in found]
    if missing:
        print(f"{len(missing):,} of {len(items):,} {noun} have no text:", file=sys.stderr)
        print(*report(missing, causes, clones=where.clones), sep="\n", file=sys.stderr)
        # What no clone can give does not hold up the rest, or nobody could train from clones alone.
        if not where.allow_missing and any(causes[item.id] is not Cause.NO_LOCATOR for item in missing):
            print("nothing was written; --allow-missing goes on with what is there", file=sys.stderr)
            return None
    return found


def hydrate(where: argparse.Namespace) -> int:
    """Write the hydrated files and return the exit status. Raises: CorpusError."""
    names = [RECORD, *([ELSEWHERE] if (where.data / ELSEWHERE).is_file() else []), DEV]
    files = {name: list(read_examples(where.data / name)) for name in names}
    examples = [example for members in files.values() for example in members]
    found = find_texts(examples, where, noun="statements", reader_of=reader_of_example, find=find_text)
    if found is None:
        return 1
    for name, members in files.items():
        output = where.data / HYDRATED_FOLDER / name
        n = write_examples(output, (e.with_text(found[str(e.sha256)]) for e in members if e.sha256 in found))
        print(f"{output}: {n:,} statements with text, {len(members) - n:,} without left out")
    return 0


def run_program(
    name: str, docstring: str | None, program: Callable[[argparse.Namespace], int], *, arguments: Sequence[str] | None
) -> int:
    """The exit status of a program that gives texts back, with the flags and errors that all of them have."""
    parser = make_parser(name, docstring)
    parser.add_argument("--clones", type=Path, metavar="DIR", help="a folder of clones, each named <owner>+<name>")
    parser.add_argument(
        "--texts", type=Path, metavar="PATH", action="append", default=[], help="JSONL with texts; may be repeated"
    )
    parser.add_argument("--allow-missing", action="store_true", help="write what was found, leave out the rest")
    parser.add_argument(
        "--data", type=Path, default=DATA, metavar="DIR", help="the corpus folder (default: training/data)"
    )
    flags = parser.parse_args(arguments)
    if not flags.clones and not flags.texts:
        parser.error("say where the texts are: --clones, --texts or both")
    for path in filter(None, [flags.clones, *flags.texts]):
        if not path.exists():
            parser.error(f"{path}: no such file or folder")
    try:
        return program(flags)
    except CorpusError as error:
        print(f"{name.rpartition('.')[2]}: {error}", file=sys.stderr)
        return 1


def main(arguments: Sequence[str] | None = None) -> int:
    """The program; returns its exit status."""
    return run_program("training.hydrate", __doc__, hydrate, arguments=arguments)


if __name__ == "__main__":
    raise SystemExit(main())
