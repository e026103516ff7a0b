"""Statements cut from articles: places count in the statement, held-out articles stay out, no text is no example."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from models.encoding import TextEncoder
from models.labels import ConditionKind, Speech, Stance
from models.span import Span
from models.token_spans import Tag
from training.articles import ARTICLES, WIKINEWS, Actor, Article, ArticleStatement, write_articles
from training.batches import IGNORED, speech_targets
from training.corpus import article_files, read_corpus
from training.examples import Condition, CorpusError, Example, Origin, sha256_of_text
from training.splits import ArticleSplit, make_corpus, split_of_article
from training.spoken import spoken_examples

TEXT = "The union said it would talk once pay is back. “We wait.”"


def invent_article(group: str) -> Article:
    """An article of two statements; the source of the second stands in the first."""
    text = f"{TEXT} {group}"
    first = ArticleStatement(
        start=0,
        end=46,
        speech=Speech.INDIRECT,
        source=Span(0, 9),
        cue=Span(10, 14),
        speaker="union",
        stance=Stance.CONDITIONAL,
        conditions=(Condition(34, 45, ConditionKind.PRECONDITION),),
    )
    second = ArticleStatement(
        start=47, end=57, speech=Speech.DIRECT, source=Span(0, 9), speaker="union", stance=Stance.NONE
    )
    return Article(
        id=f"article {group}",
        origin=Origin.WRITTEN,
        kind="wire",
        group=group,
        text=text,
        n_chars=len(text),
        sha256=sha256_of_text(text),
        statements=(first, second),
        actors=(Actor(name="union"),),
    )


def groups_of(split: ArticleSplit, n: int = 1) -> list[str]:
    """Names of groups whose written articles are in this split."""
    names = (f"dispute {number}" for number in range(1_000))
    return [name for name in names if split_of_article(invent_article(name)) is split][:n]


def test_places_count_in_the_statement() -> None:
    """Source, cue and condition are found in the words of the statement; a source in another one is none."""
    first, second = spoken_examples([invent_article("g")])
    assert first.text == "The union said it would talk once pay is back."
    assert first.source_span is not None
    assert first.cue_span is not None
    assert first.source_span.of(first.text) == "The union"
    assert first.cue_span.of(first.text) == "said"
    (condition,) = first.conditions
    assert first.text[condition.start : condition.end] == "pay is back"
    assert second.text == "“We wait.”"
    assert (second.source_span, second.cue_span, second.conditions) == (None, None, ())
    assert first.sha256 == sha256_of_text(first.text)


def test_an_article_without_text_is_refused() -> None:
    """The message says what to run."""
    with pytest.raises(CorpusError, match="article g: has no text; run"):
        spoken_examples([replace(invent_article("g"), text=None)])


def test_held_out_articles_are_not_trained_on() -> None:
    """Only articles of the training split give statements."""
    (trained,), (held_out,) = groups_of(ArticleSplit.TRAIN), groups_of(ArticleSplit.HELD_OUT)
    corpus = make_corpus([], articles=[invent_article(trained), invent_article(held_out)])
    assert {example.group for example in corpus.spoken} == {trained}


def test_what_is_measured_on_is_not_trained_on_in_an_article(invent: Callable[..., list[Example]]) -> None:
    """A statement of an article that repeats one of the dev set is left out, its neighbour stays."""
    (group,) = groups_of(ArticleSplit.TRAIN)
    article = invent_article(group)
    dev = [replace(invent(1)[0], text=spoken_examples([article])[0].text)]
    assert [example.text for example in make_corpus([], dev=dev, articles=[article]).spoken] == ["“We wait.”"]


def test_a_corpus_asks_for_articles_that_lack_their_text(tiny_data: Path, tmp_path: Path) -> None:
    """Articles written here are read; those of the record must have been hydrated, if there are any."""
    for name in ("written.jsonl", "dev.jsonl", "hydrated/record.jsonl"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes((tiny_data / name).read_bytes())
    assert article_files(tmp_path) == []
    (group,) = groups_of(ArticleSplit.TRAIN)
    write_articles(tmp_path / ARTICLES, [invent_article(group)])
    assert {example.group for example in read_corpus(tmp_path).spoken} == {group}
    write_articles(tmp_path / WIKINEWS, [])
    with pytest.raises(CorpusError, match="hydrate_articles"):
        read_corpus(tmp_path)


def test_each_token_has_its_tags(tiny_base: Path) -> None:
    """Markers have none, words of a span begin or go on, all others are outside; a statement alone has none at all."""
    encoder = TextEncoder.from_file(str(tiny_base / "tokenizer.json"), max_tokens=32)
    first, second = spoken_examples([invent_article("g")])
    one, other = encoder.encode([first.text or "", second.text or ""])
    sources, cues = speech_targets(first, one)
    tagged = [one.text[start:end] for (start, end), tag in zip(one.offsets, sources, strict=True) if tag > Tag.OUTSIDE]
    assert "".join(tagged) == "Theunion"
    assert (sources[0], sources[-1]) == (IGNORED, IGNORED)
    assert sources.count(Tag.BEGIN) == cues.count(Tag.BEGIN) == 1
    assert set(speech_targets(second, other)[0][1:-1]) == {Tag.OUTSIDE}
    plain = Example(id="x", label=Stance.NONE, origin=Origin.WRITTEN, group="g", text=first.text, votes={})
    assert {tag for tags in speech_targets(plain, one) for tag in tags} == {IGNORED}
