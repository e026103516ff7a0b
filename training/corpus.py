"""Reading the whole corpus: what is written here, the public record once it has its text, and what users reviewed."""

import argparse
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from training.articles import ARTICLES, WIKINEWS, read_articles
from training.examples import DATA, CorpusError, Origin, read_examples
from training.splits import Corpus, make_corpus

WRITTEN: Final = "written.jsonl"
RECORD: Final = "record.jsonl"
ELSEWHERE: Final = "elsewhere.jsonl"
"""Statements of the public record from many more sources, a few of each."""
DEV: Final = "dev.jsonl"
HYDRATED_FOLDER: Final = "hydrated"
HOW: Final = "run `python -m training.hydrate --help` to get the texts of the public record"


def read_corpus(data: Path = DATA, *, reviewed: Sequence[Path] = ()) -> Corpus:
    """The examples by split, without anything that shares a paragraph with the dev set or nearly repeats a text of it.

    ``reviewed``: files of training.curate, whose examples are for training only. Raises: CorpusError, with what to do,
    when the public record has not been hydrated.
    """
    hydrated = data / HYDRATED_FOLDER
    if not (hydrated / RECORD).is_file():
        raise CorpusError(f"{hydrated / RECORD}: no such file; {HOW}")
    examples = [*read_examples(data / WRITTEN), *read_examples(hydrated / RECORD)]
    if (hydrated / ELSEWHERE).is_file():
        examples += read_examples(hydrated / ELSEWHERE)
    elif (data / ELSEWHERE).is_file():
        logging.warning("%s: no such file; its statements are left out", hydrated / ELSEWHERE)
    for path in reviewed:
        found = list(read_examples(path))
        if other := next((example.id for example in found if example.origin is not Origin.REVIEWED), None):
            raise CorpusError(
                f"{path}: {other} is not of origin {str(Origin.REVIEWED)!r}; training.curate makes such files"
            )
        examples += found
    dev = list(read_examples(data / DEV))
    if (hydrated / DEV).is_file():
        dev += read_examples(hydrated / DEV)
    articles = [article for path in article_files(data) for article in read_articles(path)]
    return make_corpus(examples, dev=dev, articles=articles)


def article_files(data: Path) -> list[Path]:
    """The files of annotated articles with text of a corpus folder. Raises: CorpusError where they lack their text."""
    if not (data / ARTICLES).is_file():
        return []  # a corpus of single statements alone
    hydrated = data / HYDRATED_FOLDER / WIKINEWS
    if (data / WIKINEWS).is_file() and not hydrated.is_file():
        raise CorpusError(f"{hydrated}: no such file; run `python -m training.hydrate_articles --help`")
    return [data / ARTICLES, *([hydrated] if hydrated.is_file() else [])]


def add_data_flag(parser: argparse.ArgumentParser) -> None:
    """Give the parser --data, which names the corpus folder, files of reviewed examples, or both."""
    parser.add_argument(
        "--data",
        type=Path,
        nargs="+",
        default=[DATA],
        metavar="PATH",
        help="the corpus folder (default: training/data) and files of reviewed examples beside it (training.curate)",
    )


def split_data(paths: Sequence[Path]) -> tuple[Path, list[Path]]:
    """The corpus folder and the files of reviewed examples that --data names. Raises: CorpusError for two folders."""
    files = [path for path in paths if path.is_file()]
    folders = [path for path in paths if path not in files]
    if len(folders) > 1:
        raise CorpusError(f"--data: {folders[0]} and {folders[1]} are both folders; name one, and files beside it")
    return (folders or [DATA])[0], files
