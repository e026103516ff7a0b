"""Annotated articles: every statement with its place, its speaker and its stance, in one JSONL schema.

Everything is said in character offsets into the article's text, so that an article of the public record can be
annotated without a word of it. The schema is documented, field by field, in training/data/README.md.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final, Self

from models.labels import ConditionKind, Speech, Stance
from models.span import Span
from training.examples import Condition, CorpusError, Origin, read_jsonl, sha256_of_text, write_jsonl

ARTICLES: Final = "articles.jsonl"
WIKINEWS: Final = "wikinews.jsonl"
ARTICLE_ORIGINS: Final = (Origin.WRITTEN, Origin.RECORD)


@dataclass(frozen=True, slots=True, kw_only=True)
class ArticleStatement:
    """One sentence of an article with its attribution. ``source`` may stand in another statement; see the data card."""

    start: int
    end: int
    speech: Speech
    source: Span | None = None
    cue: Span | None = None
    speaker: str | None = None
    addressee: str | None = None
    stance: Stance
    conditions: tuple[Condition, ...] = ()  # offsets into the article, empty where the condition is left unsaid

    @classmethod
    def from_dict(cls, row: dict[str, Any]) -> Self:
        """The statement of one JSON object. Raises: KeyError, TypeError, ValueError."""
        parsed = {
            "speech": Speech(row["speech"]),
            "stance": Stance(row["stance"]),
            "source": Span(**row["source"]) if row["source"] else None,
            "cue": Span(**row["cue"]) if row["cue"] else None,
            "conditions": tuple(Condition(c["start"], c["end"], ConditionKind(c["kind"])) for c in row["conditions"]),
        }
        return cls(**{**row, **parsed})

    @property
    def span(self) -> Span:
        """Where the statement stands."""
        return Span(self.start, self.end)


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """A person or body of an article: its canonical name, one place of each form of it, and its pronouns."""

    name: str
    mentions: tuple[Span, ...] = ()
    pronouns: tuple[str, ...] = ()

    @classmethod
    def from_dict(cls, row: dict[str, Any]) -> Self:
        """The actor of one JSON object. Raises: KeyError, TypeError."""
        mentions = tuple(Span(**mention) for mention in row["mentions"])
        return cls(**{**row, "mentions": mentions, "pronouns": tuple(row["pronouns"])})


@dataclass(frozen=True, slots=True, kw_only=True)
class Article:
    """One article. ``text`` is None while an article of the public record has not been hydrated."""

    id: str
    origin: Origin
    kind: str
    group: str  # what must not cross splits: the invented dispute, or the article of the record
    title: str | None = None
    text: str | None = None
    repository: str | None = None
    revision: str | None = None
    path: str | None = None
    row: int | None = None  # of the file's table, from 0, its head not counted
    url: str | None = None
    date: str | None = None
    licence: str | None = None
    n_chars: int
    sha256: str  # of the UTF-8 text as it is
    statements: tuple[ArticleStatement, ...]
    actors: tuple[Actor, ...]

    @classmethod
    def from_dict(cls, row: dict[str, Any]) -> Self:
        """The article of one JSON object. Raises: KeyError, TypeError, ValueError for offsets that cannot be."""
        statements = tuple(ArticleStatement.from_dict(statement) for statement in row["statements"])
        actors = tuple(Actor.from_dict(actor) for actor in row["actors"])
        article = cls(**{**row, "origin": Origin(row["origin"]), "statements": statements, "actors": actors})
        if article.origin not in ARTICLE_ORIGINS:
            raise ValueError(f"{article.id}: articles are {' or '.join(ARTICLE_ORIGINS)}, not {article.origin}")
        if fault := next(faults(article), None):
            raise ValueError(f"{article.id}: {fault}")
        return article

    def to_dict(self) -> dict[str, Any]:
        """The JSON object of this article; every field present, so that all files have one schema."""
        return asdict(self)

    @property
    def source(self) -> str:
        """The repository of an article of the record, or the origin of any other."""
        return self.repository or str(self.origin)

    @property
    def locator(self) -> str:
        """Where the article stands in its file, in the words of the record's locators."""
        return f"row {self.row}"

    def with_text(self, text: str) -> Self:
        """This article with its text. Raises: CorpusError when the text is not the one that was annotated."""
        if sha256_of_text(text) != self.sha256:
            raise CorpusError(f"{self.id}: the text's sha256 differs from the annotated one")
        return replace(self, text=text)


def faults(article: Article) -> Iterator[str]:
    """What cannot be true of an article: a text that is another, offsets beyond it, names that no actor has."""
    if article.text is not None:
        if len(article.text) != article.n_chars:
            yield f"the text has {len(article.text)} characters, not {article.n_chars}"
        if sha256_of_text(article.text) != article.sha256:
            yield "the text's sha256 differs from the annotated one"
    whole = Span(0, article.n_chars)
    names = [actor.name for actor in article.actors]
    if len(set(names)) < len(names):
        yield "two actors have one name"
    for actor in article.actors:
        for mention in actor.mentions:
            if not _is_within(mention, whole):
                yield f"a mention of {actor.name!r} is not in the text: {mention}"
    end = 0
    for index, statement in enumerate(article.statements):
        if not _is_within(statement.span, whole) or statement.start < end:
            yield f"statement {index} is not in the text or begins before the one before it ends"
        end = statement.end
        for fault in _faults_of_statement(statement, statements=article.statements, names=names):
            yield f"statement {index}: {fault}"


def _faults_of_statement(
    statement: ArticleStatement, *, statements: Sequence[ArticleStatement], names: Sequence[str]
) -> Iterator[str]:
    if statement.cue and not _is_within(statement.cue, statement.span):
        yield f"its cue stands outside of it: {statement.cue}"
    if statement.source and not any(_is_within(statement.source, other.span) for other in statements):
        yield f"its source stands in no statement: {statement.source}"
    for condition in statement.conditions:
        if not statement.span.holds(condition.start, condition.end):
            yield f"a condition stands outside of it: {condition}"
    if (statement.stance is Stance.CONDITIONAL) != bool(statement.conditions):
        yield f"its stance is {statement.stance}, but it has {len(statement.conditions)} conditions"
    for name in (statement.speaker, statement.addressee):
        if name is not None and name not in names:
            yield f"{name!r} is no actor of the article"


def _is_within(inner: Span, outer: Span) -> bool:
    return inner.start < inner.end and outer.holds(inner.start, inner.end)


def read_articles(path: Path) -> Iterator[Article]:
    """The articles of a JSONL file, in order. Raises: CorpusError with file, line and cause."""
    return read_jsonl(path, Article.from_dict, what="an article")


def write_articles(path: Path, articles: Iterable[Article]) -> int:
    """Write articles as JSONL in one step and return how many; a run that dies leaves the old file."""
    return write_jsonl(path, (article.to_dict() for article in articles))
