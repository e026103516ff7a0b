"""Measure on held-out articles how statements are cut and who is found to speak, by rules and with a model's spans.

    python -m training.attribution_scores --output runs/attribution
    python -m training.attribution_scores --output runs/attribution --artifact models/stance-minilm

Writes attribution.json and attribution.md: boundaries, sources, cues and speakers, in all and by kind of speech, with
intervals from articles drawn with replacement. Three systems: the rules alone; the rules with the source and cue spans
of the artifact's token head, where it has one; and with the annotated spans, which shows what naming alone costs. With
an artifact also the stance's macro-F1 on statements as they were annotated beside that on statements as they are cut
here. A speaker is right under any annotated form of the actor's name; the share under the canonical one stands beside.

--split train measures the articles that the rules and the head were made with: for development, not for reports.
Articles of the record need `python -m training.hydrate_articles` first; without it only written ones are measured.
"""

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from models.attribution import Attribution, attribute
from models.classifier import StanceClassifier
from models.errors import ParleyError
from models.labels import STANCES, Speech
from models.segmentation import Segment, segment
from models.span import Span
from models.speech import SpeechSpan, SpeechSpans
from training.articles import ARTICLES, WIKINEWS, Article, read_articles
from training.attribution_measures import ALL, MEASURES, Counts, aligned, count, measures
from training.corpus import HYDRATED_FOLDER
from training.examples import DATA, CorpusError, Origin
from training.measuring import describe_model
from training.metrics import macro_f1
from training.program import make_parser
from training.splits import ArticleSplit, split_of_article
from training.tables import interval, table, weights_of

Reader = Callable[[Article, Sequence[Segment]], Sequence[SpeechSpans] | None]
RULES: Final = "rules"
HEAD: Final = "head"
ANNOTATED: Final = "annotated spans"


def read_split(data: Path, split: ArticleSplit) -> list[Article]:
    """The articles of a split that have a text. Raises: CorpusError."""
    paths = [data / ARTICLES, data / HYDRATED_FOLDER / WIKINEWS]
    articles = [article for path in paths if path.is_file() for article in read_articles(path)]
    return [article for article in articles if article.text is not None and split_of_article(article) is split]


def by_rules(_article: Article, _segments: Sequence[Segment]) -> None:
    """No spans: the rules are left alone."""


def by_annotation(article: Article, segments: Sequence[Segment]) -> list[SpeechSpans]:
    """The annotated spans of each segment, as if a head had found them all."""
    found = [SpeechSpans()] * len(segments)
    for statement in article.statements:
        index = aligned(statement, segments)
        if index is not None:
            found[index] = SpeechSpans(
                *(_within(article, segments[index], span) for span in (statement.source, statement.cue))
            )
    return found


def _within(article: Article, one: Segment, span: Span | None) -> tuple[SpeechSpan, ...]:
    if span is None or article.text is None or not one.span.holds(span.start, span.end):
        return ()
    return (SpeechSpan(span.start - one.start, span.end - one.start, span.of(article.text), 1.0),)


def by_head(classifier: StanceClassifier) -> Reader:
    """What the classifier's token head finds in each segment."""

    def read(article: Article, segments: Sequence[Segment]) -> list[SpeechSpans]:
        return [prediction.speech() for prediction in classifier.predict(_texts(article, segments))]

    return read


def _texts(article: Article, spans: Sequence[Segment] | Sequence[Span]) -> list[str]:
    text = article.text or ""
    return [text[one.start : one.end] for one in spans]


def score(articles: Sequence[Article], readers: dict[str, Reader], *, draws: int = 1_000) -> dict[str, Any]:
    """For each system the measures of these articles by kind of speech."""
    counts: dict[str, list[dict[str, Counts]]] = {name: [] for name in readers}
    for article in articles:
        text = article.text or ""
        segments = segment(text)
        for name, read in readers.items():
            found: tuple[Attribution, ...] = attribute(text, segments, read(article, segments))
            counts[name].append(count(article, segments, found))
    return {name: measures(listed, draws=draws) for name, listed in counts.items()}


def stance_scores(articles: Sequence[Article], classifier: StanceClassifier) -> dict[str, Any]:
    """The stance's macro-F1 on annotated statements, and on the segments that share most with them."""
    labels: list[int] = []
    found: dict[str, list[int]] = {"annotated": [], "own": []}
    for article in articles:
        segments = segment(article.text or "")
        pairs = [(one, aligned(one, segments)) for one in article.statements]
        labels += [STANCES.index(one.stance) for one, _ in pairs]
        own = [segments[index].span if index is not None else one.span for one, index in pairs]
        for name, spans in (("annotated", [one.span for one, _ in pairs]), ("own", own)):
            predictions = classifier.predict(_texts(article, spans))
            found[name] += [STANCES.index(prediction.stance) for prediction in predictions]
    scores = {name: macro_f1(np.array(labels), np.array(predicted)) for name, predicted in found.items()}
    counts = {str(stance): labels.count(index) for index, stance in enumerate(STANCES)}
    return {"n_statements": len(labels), "labels": counts, "macro_f1": scores}


def report(articles: Sequence[Article], *, split: ArticleSplit, classifier: StanceClassifier | None) -> dict[str, Any]:
    """Everything that is measured, apart for articles of the record and written ones."""
    readers: dict[str, Reader] = {RULES: by_rules, ANNOTATED: by_annotation}
    if classifier is not None and has_head(classifier, articles):
        readers = {RULES: by_rules, HEAD: by_head(classifier), ANNOTATED: by_annotation}
    parts: dict[str, Any] = {}
    for origin in Origin:
        chosen = [article for article in articles if article.origin is origin]
        if not chosen:
            continue
        part: dict[str, Any] = {"n_articles": len(chosen), "systems": score(chosen, readers)}
        if classifier is not None:
            part["stance"] = stance_scores(chosen, classifier)
        parts[str(origin)] = part
    return {"split": str(split), "parts": parts}


def has_head(classifier: StanceClassifier, articles: Sequence[Article]) -> bool:
    """Whether the artifact's token head marks a source or a cue anywhere in the first articles."""
    for article in articles[:10]:
        spans = classifier.predict(_texts(article, segment(article.text or "")))
        if any(found.sources or found.cues for found in (prediction.speech() for prediction in spans)):
            return True
    return False


def markdown(found: dict[str, Any]) -> str:
    """The report as tables."""
    blocks = [f"# Attribution on articles of the split `{found['split']}`"]
    if model := found.get("model"):
        blocks.append(f"The head is that of {model['id']}. Weights: {weights_of(model)}.")
    for origin, part in found["parts"].items():
        blocks.append(f"## {origin.capitalize()}: {part['n_articles']} articles")
        systems = part["systems"]
        rows = [
            [name.replace("_", " "), *(interval(of[ALL][name]) if name in of[ALL] else "-" for of in systems.values())]
            for name in MEASURES
        ]
        blocks.append(table(["measure", *systems], rows))
        for name in ("source_overlap_f1", "speaker_accuracy", "speech_accuracy"):
            kinds = [kind for kind in Speech if kind in next(iter(systems.values()))]
            rows = [
                [
                    kind,
                    next(iter(systems.values()))[kind]["n_statements"],
                    *(interval(of[kind][name]) if name in of[kind] else "-" for of in systems.values()),
                ]
                for kind in kinds
            ]
            blocks.append(f"{name.replace('_', ' ').capitalize()} by kind of speech:")
            blocks.append(table(["speech", "statements", *systems], rows))
        if stance := part.get("stance"):
            scores = stance["macro_f1"]
            blocks.append(
                f"Stance macro-F1 on {stance['n_statements']:,} statements: {scores['annotated']:.3f} as annotated, "
                f"{scores['own']:.3f} as cut here."
            )
    return "\n\n".join(blocks) + "\n"


def run(flags: argparse.Namespace) -> int:
    """Measure, write both files and return the exit status. Raises: CorpusError, ParleyError."""
    articles = read_split(flags.data, ArticleSplit(flags.split))
    if not articles:
        raise CorpusError(f"{flags.data}: no article of the split {flags.split} has a text")
    classifier = StanceClassifier.open(flags.artifact) if flags.artifact else None
    found = report(articles, split=ArticleSplit(flags.split), classifier=classifier)
    if classifier is not None:
        model = describe_model(classifier, flags.artifact)
        found = {"model": {key: model[key] for key in ("id", "digest", "weights")}, **found}
    flags.output.mkdir(parents=True, exist_ok=True)
    (flags.output / "attribution.json").write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    (flags.output / "attribution.md").write_text(markdown(found), encoding="utf-8")
    print(markdown(found))
    return 0


def main(arguments: Sequence[str] | None = None) -> int:
    """The program; returns its exit status."""
    parser = make_parser("training.attribution_scores", __doc__)
    parser.add_argument("--output", type=Path, required=True, metavar="DIR", help="where the report goes")
    parser.add_argument("--artifact", type=Path, metavar="DIR", help="a model directory, for its head and its stances")
    parser.add_argument("--data", type=Path, default=DATA, metavar="DIR", help="the corpus folder")
    parser.add_argument("--split", choices=[str(split) for split in ArticleSplit], default=str(ArticleSplit.HELD_OUT))
    flags = parser.parse_args(arguments)
    try:
        return run(flags)
    except (CorpusError, ParleyError) as error:
        print(f"attribution_scores: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    raise SystemExit(main())
