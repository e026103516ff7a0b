"""The sources of the public record: one table that says how each is read, and what its statements have in common."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from training import locators
from training.examples import CorpusError


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordSource:
    """A repository, or a folder of one. Its ``document`` is the part of a locator that names a document in a file."""

    repository: str
    register: str
    folder: str = ""
    revision: str | None = None  # that of statements which state none
    reader: locators.Reader | None = None  # None where statements were copied by hand: no locator leads to them
    encoding: str = "utf-8"
    document: Callable[[str], str] = lambda _: ""  # "" where the file is the document


def words(n: int) -> Callable[[str], str]:
    """A document named by the first n words of the locator."""
    return lambda locator: " ".join(locator.split()[:n])


def stretch(length: int) -> Callable[[str], str]:
    """A document whose limits the locator does not tell: stretches of so many rows or lines stand for it."""

    def document(locator: str) -> str:
        unit, number = locator.split()[:2]
        return f"{unit}s {int(number) // length * length}"

    return document


RECORD_SOURCES: Final = (
    RecordSource(
        repository="fionn-mac/Presidential-Speeches",
        revision="962401d2d8ef1cdd3bf9539bf2f5bbc8835e0f5f",
        register="speech",
        reader=locators.speeches,
    ),
    RecordSource(
        repository="RIstiaque/Country-Counting-from-Press-Briefings",
        revision="a6d2e60a670c57ed8efb15ef363510831dff7a50",
        register="briefing",
        reader=locators.briefings,
    ),
    RecordSource(
        repository="ufal/europarlmin",
        revision="7e8a0ddf2cb4f94085579ea971290416a98550ba",
        register="parliament_debate",
        reader=locators.debates,
    ),
    RecordSource(
        repository="vnglst/un-speeches",
        revision="ed1ba7151c246e68d8e725564dd5972e190fcd1e",
        register="speech",
        reader=locators.addresses,
    ),
    RecordSource(
        repository="linatal/UNSCon",
        revision="ecfa26dfe1af1eec2843004dfc6db16693a6b1c1",
        register="council_debate",
        reader=locators.council,
        document=stretch(50),
    ),
    RecordSource(
        repository="plantologist/Trump_tweets_1_October_2019",
        revision="2dddd9ba6b6e40085761214ca3a3cbe3c1811461",
        register="tweet",
        reader=locators.tweets,
        encoding="cp1252",
        document=words(2),
    ),
    RecordSource(
        repository="anjackson/hansard",
        revision="8bf3b0c43af6a19b475488f3fc5e3e15cc9084c6",
        register="parliament_debate",
        reader=locators.hansard,
    ),
    RecordSource(
        repository="eventdata/ConfliBERT",
        folder="data/muc4/",
        revision="0b630014885b9597622082034cc5ab5471b57e5b",
        register="news",
        reader=locators.reports,
        document=words(1),
    ),
    RecordSource(
        repository="eventdata/ConfliBERT",
        folder="data/re3d/",
        revision="0b630014885b9597622082034cc5ab5471b57e5b",
        register="news",
        reader=locators.entities,
        document=stretch(500),
    ),
    RecordSource(
        repository="vanatteveldt/wikinews",
        revision="347254178bf343f3801aac1d03c41cc09c35decb",
        register="news",
        reader=locators.articles,
        document=words(2),
    ),
    RecordSource(repository="HistoryAtState/frus", register="document"),
    RecordSource(repository="snowood1/Zero-Shot-PLOVER", register="document"),
)
_UNABBREVIATED: Final = {"e5c1ffa": "e5c1ffa000a479c7db64718533b37c6034c9cc41"}
"""Revisions that locators state: an older state of the Hansard fixtures."""


def source_of(repository: str, path: str) -> RecordSource:
    """The source of a file. Raises: CorpusError when the table above has none."""
    for source in RECORD_SOURCES:
        if source.repository == repository and path.startswith(source.folder):
            return source
    raise CorpusError(f"{repository}: {path} belongs to no source in training/record_sources.py")


def register_of(repository: str, path: str) -> str:
    """The register of a file's statements. Raises: CorpusError."""
    return source_of(repository, path).register


def group_of(repository: str, path: str, *, locator: str) -> str:
    """What must not cross splits: the document in which a statement stands. Raises: CorpusError, ValueError."""
    document = source_of(repository, path).document(locator)
    return f"{repository}:{path}" + (f"#{document}" if document else "")


def place_of(locator: str) -> tuple[str, str | None]:
    """The bare locator of a paragraph, so that one paragraph has one name, and the revision that it may state.

    Notes such as "(with preceding sentence)" go; "p id 7 @e5c1ffa" is paragraph 7 at that revision.
    """
    place, _, revision = re.sub(r" \(with \w+ sentence\)$", "", locator).partition(" @")
    return place, _UNABBREVIATED.get(revision, revision) or None
