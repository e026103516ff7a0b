"""Statements cut from annotated articles: what the attribution head learns from, and more stances."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from models.span import Span
from training.articles import Article, ArticleStatement
from training.examples import Condition, CorpusError, Example, sha256_of_text

WITHOUT_TEXT: Final = "has no text; run `python -m training.hydrate_articles` first"


@dataclass(frozen=True, slots=True, kw_only=True)
class SpokenExample(Example):
    """A statement of an article, with the words that name its source and its cue where they stand in it.

    A source in another sentence ("he", two sentences before) is None here: the head reads one statement at a time.
    """

    source_span: Span | None
    cue_span: Span | None


def spoken_examples(articles: Iterable[Article]) -> list[SpokenExample]:
    """Every annotated statement of the articles, as one example each. Raises: CorpusError for one without text."""
    return [
        _cut(article, index, statement) for article in articles for index, statement in enumerate(article.statements)
    ]


def _cut(article: Article, index: int, statement: ArticleStatement) -> SpokenExample:
    if article.text is None:
        raise CorpusError(f"{article.id}: {WITHOUT_TEXT}")
    text, start = statement.span.of(article.text), statement.start
    return SpokenExample(
        id=f"{article.id}#{index}",
        label=statement.stance,
        origin=article.origin,
        group=article.group,
        text=text,
        conditions=tuple(Condition(c.start - start, c.end - start, c.kind) for c in statement.conditions),
        register=article.kind,
        votes={str(statement.stance): 1},
        repository=article.repository,
        revision=article.revision,
        path=article.path,
        locator=article.locator if article.row is not None else None,
        sha256=sha256_of_text(text),
        licence=article.licence,
        source_span=_within(statement, statement.source),
        cue_span=_within(statement, statement.cue),
    )


def _within(statement: ArticleStatement, span: Span | None) -> Span | None:
    """The span in characters of the statement; None where it stands in another one."""
    if span is None or not statement.span.holds(span.start, span.end):
        return None
    return Span(span.start - statement.start, span.end - statement.start)
