"""Reading the whole corpus: what is written here, and the public record once it has its text."""

from pathlib import Path
from typing import Final

from training.articles import ARTICLES, WIKINEWS, read_articles
from training.examples import DATA, CorpusError, read_examples
from training.splits import Corpus, make_corpus

WRITTEN: Final = "written.jsonl"
RECORD: Final = "record.jsonl"
DEV: Final = "dev.jsonl"
HYDRATED_FOLDER: Final = "hydrated"
HOW: Final = "run `python -m training.hydrate --help` to get the texts of the public record"


def read_corpus(data: Path = DATA) -> Corpus:
    """The examples by split, without anything that shares a paragraph with the dev set or nearly repeats a text of it.

    Raises: CorpusError, with what to do, when the public record has not been hydrated.
    """
    hydrated = data / HYDRATED_FOLDER
    if not (hydrated / RECORD).is_file():
        raise CorpusError(f"{hydrated / RECORD}: no such file; {HOW}")
    examples = [*read_examples(data / WRITTEN), *read_examples(hydrated / RECORD)]
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
