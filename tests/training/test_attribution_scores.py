"""Scores of attribution: what counts as right, and that a report comes of the articles of one split."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from models.attribution import Attribution
from models.labels import Speech, Stance
from models.segmentation import segment
from models.span import Span
from training import attribution_scores
from training.articles import ARTICLES, Actor, Article, ArticleStatement, write_articles
from training.attribution_measures import ALL, count, measures
from training.attribution_scores import ANNOTATED, RULES
from training.examples import Origin, sha256_of_text
from training.splits import ArticleSplit, split_of_article

TEXT = "The mill is shut. “If they pay, we return,” said Ode Varr."
VARR = ArticleStatement(
    start=18,
    end=58,
    speech=Speech.DIRECT,
    source=Span(49, 57),
    cue=Span(44, 48),
    speaker="Ode Varr",
    stance=Stance.NONE,
)
ARTICLE = Article(
    id="a-1",
    origin=Origin.WRITTEN,
    kind="wire",
    group="mill",
    text=TEXT,
    n_chars=len(TEXT),
    sha256=sha256_of_text(TEXT),
    statements=(ArticleStatement(start=0, end=17, speech=Speech.NONE, stance=Stance.NONE), VARR),
    actors=(Actor(name="Ode Varr", mentions=(Span(49, 57), Span(53, 57))),),
)


def scored(found: Attribution, article: Article = ARTICLE) -> dict[str, float]:
    """The values of all measures when the second statement is attributed so."""
    of_all = measures([count(article, segment(TEXT), [Attribution(), found])], draws=20)[ALL]
    return {name: estimate["value"] for name, estimate in of_all.items() if name != "n_statements"}


def test_what_is_annotated_scores_one() -> None:
    """The annotation itself is right in every measure."""
    found = scored(Attribution(Speech.DIRECT, Span(49, 57), Span(44, 48), "Ode Varr"))
    misses = {"speaker_unknown", "narration_attributed"}
    assert {name: value for name, value in found.items() if name not in misses} == dict.fromkeys(
        found.keys() - misses, 1
    )
    assert {found[name] for name in misses} == {0}


def test_a_part_of_a_source_overlaps_and_a_form_of_a_name_is_right() -> None:
    """Exact and overlapping spans, and names by any form and by the canonical one, are told apart."""
    found = scored(Attribution(Speech.MIXED, Span(53, 57), Span(44, 48), "Varr"))
    assert (found["source_exact_f1"], found["source_overlap_f1"]) == (0, 1)
    assert (found["speaker_accuracy"], found["speaker_by_canonical_name"]) == (1, 0)
    assert found["speech_accuracy"] == 0.5


def test_silence_is_unknown() -> None:
    """Where nobody is found, the speaker is unknown and not right."""
    found = scored(Attribution())
    assert (found["speaker_accuracy"], found["speaker_unknown"], found["source_overlap_f1"]) == (0, 1, 0)


def test_narration_of_the_record_counts_against_a_find() -> None:
    """In an article of the record, a source found where nothing is annotated costs precision."""
    record = replace(ARTICLE, origin=Origin.RECORD, statements=(VARR,))
    right = Attribution(Speech.DIRECT, Span(49, 57), Span(44, 48), "Ode Varr")
    wrong = Attribution(Speech.ACT, Span(0, 8), Span(9, 11), "mill")
    of_all = measures([count(record, segment(TEXT), [wrong, right])], draws=20)[ALL]
    assert of_all["source_overlap_f1"]["value"] == pytest.approx(2 / 3)
    assert of_all["narration_attributed"]["value"] == 1


def test_a_report_is_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The program measures the articles of the split, by rules and with the annotated spans, and writes both files."""
    data = tmp_path / "data"
    data.mkdir()
    groups = [f"mill {index}" for index in range(40)]
    articles = [replace(ARTICLE, id=f"a-{index}", group=group) for index, group in enumerate(groups)]
    write_articles(data / ARTICLES, articles)
    n_held_out = sum(split_of_article(article) is ArticleSplit.HELD_OUT for article in articles)
    assert attribution_scores.main(["--output", str(tmp_path / "out"), "--data", str(data)]) == 0
    found = json.loads((tmp_path / "out" / "attribution.json").read_text(encoding="utf-8"))
    part = found["parts"]["written here"]
    assert (found["split"], part["n_articles"]) == ("held_out", n_held_out)
    assert set(part["systems"]) == {RULES, ANNOTATED}
    assert part["systems"][RULES][ALL]["speaker_accuracy"]["value"] == 1
    assert "speaker accuracy" in (tmp_path / "out" / "attribution.md").read_text(encoding="utf-8")
    assert "speaker accuracy" in capsys.readouterr().out


def test_without_articles_there_is_no_report(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An empty folder is said to be empty, with status 2."""
    assert attribution_scores.main(["--output", str(tmp_path / "out"), "--data", str(tmp_path)]) == 2
    assert "no article" in capsys.readouterr().err
