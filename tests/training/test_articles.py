"""Annotated articles: the schema, what it refuses, and what the shipped files promise."""

import json
import re
from collections import Counter, defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from models.labels import STANCES, Speech
from models.span import Span
from training.articles import ARTICLES, WIKINEWS, Article, read_articles, write_articles
from training.examples import DATA, CorpusError, Origin, sha256_of_text
from training.splits import ArticleSplit, split_of_article

FILES = (ARTICLES, WIKINEWS)
TEXT = "The mill is shut. “If they pay, we return,” said Ode Varr."
MAX_NAME_WORDS = 9
"""Of the longest proper name in the record; a longer one would be a phrase of somebody's text."""


def article_row() -> dict[str, Any]:
    """An invented article of two statements as a JSON object."""
    common = {"source": None, "cue": None, "speaker": None, "addressee": None, "conditions": []}
    quote = {
        "start": 18,
        "end": 58,
        "speech": "direct",
        "source": {"start": 49, "end": 57},
        "cue": {"start": 44, "end": 48},
        "speaker": "Ode Varr",
        "stance": "conditional",
        "conditions": [{"start": 19, "end": 30, "kind": "exchange"}],
    }
    first = {**common, "start": 0, "end": 17, "speech": "none", "stance": "none"}
    place = dict.fromkeys(("repository", "revision", "path", "row", "url", "date", "licence"))
    return {
        "id": "a-1",
        "origin": "written here",
        "kind": "wire",
        "group": "mill",
        "title": "Mill",
        "text": TEXT,
        **place,
        "n_chars": len(TEXT),
        "sha256": sha256_of_text(TEXT),
        "statements": [first, {**common, **quote}],
        "actors": [{"name": "Ode Varr", "mentions": [{"start": 49, "end": 57}], "pronouns": ["we"]}],
    }


@pytest.fixture(scope="module")
def corpus() -> dict[str, list[Article]]:
    """The articles of each shipped file."""
    return {name: list(read_articles(DATA / name)) for name in FILES}


def test_articles_come_back_as_they_were_written(tmp_path: Path) -> None:
    """From a JSON object to an article, to a file and back, nothing changes."""
    article = Article.from_dict(article_row())
    assert write_articles(tmp_path / "a.jsonl", [article]) == 1
    assert list(read_articles(tmp_path / "a.jsonl")) == [article]
    assert json.loads((tmp_path / "a.jsonl").read_text(encoding="utf-8")) == article_row()
    statement = article.statements[1]
    assert statement.source
    assert statement.source.of(TEXT) == "Ode Varr"
    assert statement.span.of(TEXT).startswith("“If")


@pytest.mark.parametrize(
    ("change", "cause"),
    [
        (lambda row: row.update(text=TEXT.replace("mill", "mine")), "sha256 differs"),
        (lambda row: row.update(n_chars=10), "characters, not 10"),
        (lambda row: row["statements"][1].update(start=16), "begins before"),
        (lambda row: row["statements"][1].update(end=99), "not in the text"),
        (lambda row: row["statements"][1].update(end=18), "not in the text"),
        (lambda row: row["statements"][1].update(cue={"start": 4, "end": 8}), "its cue stands outside"),
        (lambda row: row["statements"][1].update(source={"start": 15, "end": 20}), "its source stands in no"),
        (lambda row: row["statements"][1]["conditions"][0].update(start=4), "a condition stands outside"),
        (lambda row: row.update(origin="reviewed"), "written here or public record, not reviewed"),
        (lambda row: row["statements"][1].update(conditions=[]), "0 conditions"),
        (lambda row: row["statements"][1].update(speaker="Varr"), "'Varr' is no actor"),
        (lambda row: row["statements"][1].update(addressee="Mill"), "'Mill' is no actor"),
        (lambda row: row["actors"][0]["mentions"][0].update(end=99), "a mention of 'Ode Varr'"),
        (lambda row: row["actors"].append(row["actors"][0]), "two actors have one name"),
        (lambda row: row["statements"][1].update(speech="sung"), "'sung'"),
        (lambda row: row.pop("actors"), "KeyError: 'actors'"),
        (lambda row: row.update(surprise=1), "surprise"),
    ],
)
def test_what_cannot_be_is_refused(tmp_path: Path, change: Callable[[dict[str, Any]], object], cause: str) -> None:
    """A line that contradicts itself is refused with the file, the line and the cause."""
    row = article_row()
    change(row)
    file = tmp_path / "a.jsonl"
    file.write_text(json.dumps(article_row()) + "\n" + json.dumps(row) + "\n", encoding="utf-8")
    with pytest.raises(CorpusError) as refused:
        list(read_articles(file))
    assert f"{file}:2: not an article" in str(refused.value)
    assert cause in str(refused.value)


def test_another_text_is_refused() -> None:
    """An article takes no text but the annotated one."""
    article = Article.from_dict({**article_row(), "text": None})
    assert article.with_text(TEXT).text == TEXT
    with pytest.raises(CorpusError, match="sha256 differs"):
        article.with_text(TEXT + " ")


def test_there_are_enough_articles(corpus: dict[str, list[Article]]) -> None:
    """There are 255 written articles of as many settings and 140 of the record; ids and texts stand once."""
    assert {name: len(articles) for name, articles in corpus.items()} == {ARTICLES: 255, WIKINEWS: 140}
    everything = [article for articles in corpus.values() for article in articles]
    for values in ([a.id for a in everything], [a.sha256 for a in everything], [a.group for a in everything]):
        assert len(set(values)) == len(everything)


def test_every_line_has_the_whole_schema() -> None:
    """Each line of both files has all fields of the schema, in the same order, and no other."""
    for name in FILES:
        lines = (DATA / name).read_text(encoding="utf-8").splitlines()
        assert {tuple(json.loads(line)) for line in lines} == {Article.__slots__}


def test_statements_of_written_articles_cover_every_word(corpus: dict[str, list[Article]]) -> None:
    """Between the statements of a written article, before and after them, there is no letter and no digit."""
    for article in corpus[ARTICLES]:
        assert article.text, article.id
        ends = [0, *(s.end for s in article.statements)]
        starts = [*(s.start for s in article.statements), article.n_chars]
        gaps = "".join(article.text[end:start] for end, start in zip(ends, starts, strict=True))
        assert not any(map(str.isalnum, gaps)), article.id


def test_spans_of_written_articles_are_whole_words(corpus: dict[str, list[Article]]) -> None:
    """No statement, source, cue, mention or condition begins or ends at a blank or inside of a word."""
    for article in corpus[ARTICLES]:
        text = article.text or ""
        spans = [mention for actor in article.actors for mention in actor.mentions]
        for statement in article.statements:
            spans += [statement.span, *filter(None, (statement.source, statement.cue))]
            spans += [Span(condition.start, condition.end) for condition in statement.conditions]
        for span in spans:
            words = text[span.start : span.end]
            assert words == words.strip(), article.id
            edges = (text[max(span.start - 1, 0) : span.start + 1], text[span.end - 1 : span.end + 1])
            if words:
                assert not any(re.fullmatch(r"\w\w", edge) for edge in edges), f"{article.id}: {words}"


def test_the_stand_off_file_holds_no_text(corpus: dict[str, list[Article]]) -> None:
    """Of the record's articles there is neither text nor title, but all that leads to each and proves it.

    The only strings beside are the names of actors and single pronouns.
    """
    for article in corpus[WIKINEWS]:
        assert article.text is None, article.id
        assert article.title is None, article.id
        assert article.origin is Origin.RECORD
        assert re.fullmatch(r"[0-9a-f]{64}", article.sha256)
        assert re.fullmatch(r"[0-9a-f]{40}", article.revision or "")
        assert (article.url or "").startswith("https://en.wikinews.org/")
        assert article.group == f"{article.repository}:{article.path}#{article.locator}"
        assert article.licence
        for actor in article.actors:
            assert len(actor.name.split()) <= MAX_NAME_WORDS, actor.name
            assert all(pronoun.isalpha() for pronoun in actor.pronouns)


def test_enough_articles_of_the_record_are_held_out(corpus: dict[str, list[Article]]) -> None:
    """At least forty articles of the record measure, and more than that are left to learn from; of the written too."""
    shares = {name: Counter(map(split_of_article, articles)) for name, articles in corpus.items()}
    assert 40 <= shares[WIKINEWS][ArticleSplit.HELD_OUT] < shares[WIKINEWS][ArticleSplit.TRAIN]
    assert 20 <= shares[ARTICLES][ArticleSplit.HELD_OUT] < shares[ARTICLES][ArticleSplit.TRAIN]


def test_the_card_counts_the_articles(corpus: dict[str, list[Article]]) -> None:
    """The card's table of articles has the statements of both files by speech and stance, and their sums."""
    card = (DATA / "README.md").read_text(encoding="utf-8")
    table = re.search(r"<!-- articles: begin.*?-->(.*?)<!-- articles: end -->", card, flags=re.DOTALL)
    assert table
    found: dict[str, list[list[int]]] = {}
    for line in table.group(1).strip().splitlines()[2:]:
        speech, *cells = (cell.strip(" `") for cell in line.strip("|").split("|"))
        found[speech] = [[int(n.replace(",", "")) for n in cell.split(" / ")] for cell in cells]
    expected: dict[str, list[list[int]]] = defaultdict(list)
    for name in FILES:
        statements = [s for article in corpus[name] for s in article.statements]
        for speech in [*Speech, "all"]:
            members = [s for s in statements if speech in (s.speech, "all")]
            expected[str(speech)] += [[sum(s.stance is stance for s in members) for stance in STANCES], [len(members)]]
    assert found == expected


def test_datasets_loads_the_articles(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """datasets.load_dataset reads both files as the card says, offline, with one schema."""
    datasets = pytest.importorskip("datasets")
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True)
    features = []
    for name, n in (("articles", 255), ("wikinews", 140)):
        loaded = datasets.load_dataset(str(DATA), name, split="train", cache_dir=str(tmp_path))
        assert len(loaded) == n
        features.append(loaded.features)
    assert features[0] == features[1]
    assert set(features[0]) == set(Article.__slots__)
