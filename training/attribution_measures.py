"""How well statements were cut, and how well it was told who speaks: counts of each article, and what they come to."""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any, Final

import numpy as np

from models.attribution import Attribution
from models.decision import FloatArray
from models.labels import Speech
from models.segmentation import Segment
from models.span import Span
from training.articles import Article, ArticleStatement
from training.examples import Origin
from training.intervals import bootstrap

Counts = Counter[str]
ALL: Final = "all"

MEASURES: Final[Mapping[str, tuple[str, str, str]]] = {
    "source_exact_f1": ("source_exact", "source_gold", "source_found"),
    "source_overlap_f1": ("source_overlap", "source_gold", "source_found"),
    "cue_exact_f1": ("cue_exact", "cue_gold", "cue_found"),
    "cue_overlap_f1": ("cue_overlap", "cue_gold", "cue_found"),
    "segment_f1": ("segment_exact", "segment_gold", "segment_found"),
    "speech_accuracy": ("speech_right", "statements", "statements"),
    "speaker_accuracy": ("speaker_right", "speaker_gold", "speaker_gold"),
    "speaker_by_canonical_name": ("speaker_canonical", "speaker_gold", "speaker_gold"),
    "speaker_unknown": ("speaker_unknown", "speaker_gold", "speaker_gold"),
    "narration_attributed": ("narration_attributed", "narration", "narration"),
}
"""Each measure is 2 hits / (annotated + found): an F1, or a share where both are one count."""


def folded(name: str) -> str:
    """A name as names are compared: lower case, without a leading article and a possessive ending."""
    return re.sub(r"^(?:the|an?) ", "", re.sub(r"['’]s?$", "", name.strip().lower()))


def forms_of(article: Article) -> dict[str, set[str]]:
    """The names by which each actor may be called, folded: its canonical name and every annotated form."""
    if article.text is None:
        return {}
    return {
        actor.name: {folded(actor.name), *(folded(mention.of(article.text)) for mention in actor.mentions)}
        for actor in article.actors
    }


def aligned(statement: ArticleStatement, segments: Sequence[Segment]) -> int | None:
    """The index of the segment that shares most characters with a statement; None where none shares any."""
    shared = [min(statement.end, one.end) - max(statement.start, one.start) for one in segments]
    best = max(range(len(segments)), key=lambda index: (shared[index], -segments[index].start), default=None)
    return best if best is not None and shared[best] > 0 else None


def count(article: Article, segments: Sequence[Segment], found: Sequence[Attribution]) -> dict[str, Counts]:
    """The counts of one article by kind of speech, and of all statements under ``all``.

    In articles of the record what no statement covers is narration, and whoever is found there is a false find.
    """
    counts: dict[str, Counts] = {ALL: Counter()}
    forms = forms_of(article)
    taken: set[int] = set()
    for statement in article.statements:
        index = aligned(statement, segments)
        taken |= {index} if index is not None else set()
        of_one = _of_statement(statement, found[index] if index is not None else Attribution(), forms)
        for name in (ALL, str(statement.speech)):
            counts.setdefault(name, Counter()).update(of_one)
    counts[ALL].update(_of_segments(article, segments))
    if article.origin is Origin.RECORD:
        for index, attribution in enumerate(found):
            if index not in taken and not _touches(segments[index], article.statements):
                counts[ALL].update(_of_narration(attribution))
    return counts


def _of_statement(statement: ArticleStatement, found: Attribution, forms: Mapping[str, set[str]]) -> Counts:
    counts: Counts = Counter(statements=1, speech_right=found.speech is statement.speech)
    if statement.speech is Speech.NONE:
        counts.update(_of_narration(found))
        return counts
    for name, gold, ours in (("source", statement.source, found.source), ("cue", statement.cue, found.cue)):
        counts[f"{name}_gold"] += gold is not None
        counts[f"{name}_found"] += ours is not None
        if gold is not None and ours is not None:
            counts[f"{name}_exact"] += gold == ours
            counts[f"{name}_overlap"] += gold.start < ours.end and ours.start < gold.end
    if statement.speaker is not None:
        name_found = None if found.speaker is None else folded(found.speaker)
        counts["speaker_gold"] += 1
        counts["speaker_unknown"] += name_found is None
        counts["speaker_right"] += name_found in forms[statement.speaker]
        counts["speaker_canonical"] += name_found == folded(statement.speaker)
    return counts


def _of_narration(found: Attribution) -> Counts:
    return Counter(
        narration=1,
        narration_attributed=found.speech is not Speech.NONE,
        source_found=found.source is not None,
        cue_found=found.cue is not None,
    )


def _of_segments(article: Article, segments: Sequence[Segment]) -> Counts:
    """Exact segments among those that touch a statement: narration between them is annotated in no article of news."""
    gold = {Span(statement.start, statement.end) for statement in article.statements}
    touching = [segment for segment in segments if _touches(segment, article.statements)]
    hits = sum(segment.span in gold for segment in touching)
    return Counter(segment_gold=len(gold), segment_found=len(touching), segment_exact=hits)


def _touches(segment: Segment, statements: Sequence[ArticleStatement]) -> bool:
    return any(segment.start < one.end and one.start < segment.end for one in statements)


def measures(counts: Iterable[Mapping[str, Counts]], *, draws: int = 1_000) -> dict[str, dict[str, Any]]:
    """By kind of speech, each measure with the 95 % interval of articles drawn with replacement, and its counts."""
    listed = list(counts)
    return {
        kind: {
            "n_statements": sum(one.get(kind, Counter())["statements"] for one in listed),
            **{
                name: asdict(estimate)
                for name, estimate in bootstrap(_of_kind(listed, kind), len(listed), draws=draws).items()
                if estimate.value is not None
            },
        }
        for kind in (ALL, *Speech)
        if any(one.get(kind) for one in listed)
    }


def _of_kind(counts: Sequence[Mapping[str, Counts]], kind: str) -> Callable[[FloatArray], dict[str, FloatArray]]:
    def column(name: str) -> FloatArray:
        return np.array([one.get(kind, Counter())[name] for one in counts], dtype=np.float64)

    columns = {name: tuple(map(column, parts)) for name, parts in MEASURES.items()}

    def statistics(weights: FloatArray) -> dict[str, FloatArray]:
        with np.errstate(invalid="ignore", divide="ignore"):
            return {
                name: 2 * (weights @ hits) / (weights @ gold + weights @ found)
                for name, (hits, gold, found) in columns.items()
            }

    return statistics
