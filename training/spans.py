"""Measures of condition spans, and the rule baseline that any span head must beat.

Measured on conditional statements: a statement whose condition is unsaid has no span, and any that is found is wrong.
Counts are summed over statements before F1 is taken (micro), so that a bootstrap can weigh statements.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from models.conditions import ConditionSpan
from models.decision import FloatArray
from models.labels import STANCES, ConditionKind, Stance
from training.examples import Condition, Example
from training.intervals import Statistics, bootstrap
from training.metrics import IntVector
from training.tables import interval, table

Spans = Sequence[Condition] | Sequence[ConditionSpan]

MEASURES: Final = ("exact_f1", "overlap_f1", "character_f1", "kind_accuracy")
"""``exact``: same first and last character. ``overlap``: found and annotated spans that share a character, each counted
once on its own side. ``character``: every character of a span counts by itself, which rewards neither lucky touches nor
long spans. ``kind_accuracy``: of the annotated spans that were touched, those whose kind the longest overlap has."""


@dataclass(frozen=True, slots=True)
class SpanCounts:
    """Counts of one statement, or sums of several."""

    n_gold: int
    n_found: int
    n_exact: int
    gold_touched: int
    found_touching: int
    gold_characters: int
    found_characters: int
    shared_characters: int
    kinds_right: int


def count(gold: Spans, found: Spans) -> SpanCounts:
    """What is counted of one statement. Empty annotated spans (a condition left unsaid) are no spans."""
    said = [span for span in gold if span.end > span.start]
    shared = np.array([[_n_common(a, b) for b in found] for a in said], dtype=int).reshape(len(said), len(found))
    touched = [row for row in range(len(said)) if shared[row].any()]
    return SpanCounts(
        n_gold=len(said),
        n_found=len(found),
        n_exact=sum((a.start, a.end) == (b.start, b.end) for a in said for b in found),
        gold_touched=len(touched),
        found_touching=int(shared.any(axis=0).sum()) if said else 0,
        gold_characters=sum(span.end - span.start for span in said),
        found_characters=sum(span.end - span.start for span in found),
        shared_characters=int(shared.sum()),
        kinds_right=sum(said[row].kind == found[int(shared[row].argmax())].kind for row in touched),
    )


def _n_common(a: Condition | ConditionSpan, b: Condition | ConditionSpan) -> int:
    return max(0, min(a.end, b.end) - max(a.start, b.start))


def scores(counts: Sequence[SpanCounts], *, weights: FloatArray | None = None) -> dict[str, FloatArray]:
    """The MEASURES; NaN where there is nothing to measure. Shapes: N counts, weights [R, N] -> [R] each."""
    weights = np.ones((1, len(counts))) if weights is None else weights

    def total(name: str) -> FloatArray:
        summed: FloatArray = weights @ np.array([getattr(one, name) for one in counts], dtype=np.float64)
        return summed

    def f1(found_right: FloatArray, gold_right: FloatArray, n_found: FloatArray, n_gold: FloatArray) -> FloatArray:
        precision, recall = _ratio(found_right, n_found), _ratio(gold_right, n_gold)
        return _ratio(2 * precision * recall, precision + recall)

    exact, shared = total("n_exact"), total("shared_characters")
    n_found, n_gold = total("n_found"), total("n_gold")
    return {
        "exact_f1": f1(exact, exact, n_found, n_gold),
        "overlap_f1": f1(total("found_touching"), total("gold_touched"), n_found, n_gold),
        "character_f1": f1(shared, shared, total("found_characters"), total("gold_characters")),
        "kind_accuracy": _ratio(total("kinds_right"), total("gold_touched")),
    }


def _ratio(numerator: FloatArray, denominator: FloatArray) -> FloatArray:
    """The quotient; 0 for a numerator of nothing over nothing counts as nothing found: 0."""
    result: FloatArray = np.divide(numerator, denominator, out=np.zeros_like(numerator), where=denominator > 0)
    return result


# ------------------------------------------------------------------------------------------------- the rule baseline

_CLAUSE: Final = r"(?P<span>[^,;:.!?\"”]+)"
_RULES: Final = tuple(
    (re.compile(rf"\b(?:{markers})\s+{_CLAUSE}", re.IGNORECASE), kind)
    for markers, kind in (
        (r"in return for|in exchange for|provided in return that", ConditionKind.EXCHANGE),
        (r"by the end of|no later than|before the end of", ConditionKind.DEADLINE),
        (r"as long as|so long as|to the extent that|for its part", ConditionKind.RECIPROCITY),
        (
            r"(?:only |even )?if|unless|until|only (?:once|when|after)|once|provided(?: that)?|on condition that|"
            r"on the condition that|conditional on|contingent on|depends on|subject to|without|requires|while",
            ConditionKind.PRECONDITION,
        ),
    )
)
"""Markers of the codebook's rules (R1, R2, R7, R8), each with the clause behind it up to the next comma or stop."""


def marked_conditions(text: str) -> list[ConditionSpan]:
    """The spans that the markers find, without overlaps, the earlier rule first; in the text's order."""
    found: list[ConditionSpan] = []
    for pattern, kind in _RULES:
        for match in pattern.finditer(text):
            start, end = match.span("span")
            end -= len(match["span"]) - len(match["span"].rstrip())
            if all(end <= other.start or start >= other.end for other in found):
                found.append(ConditionSpan(start, end, text[start:end], kind, 1.0))
    return sorted(found, key=lambda span: span.start)


# --------------------------------------------------------------------------------------------------- for the report


def measure(
    examples: Sequence[Example], found: Sequence[Sequence[ConditionSpan]], *, predicted: IntVector, draws: int
) -> dict[str, Any] | None:
    """The MEASURES of the model and of the rules on conditional statements; None where no span is annotated.

    ``given the stance``: the spans found in the statements that are conditional. ``as served``: the same, but none
    where the stance was missed, which is what a caller gets. Shapes: N examples, N lists of spans, predicted [N].
    """
    rows = [row for row, example in enumerate(examples) if example.label is Stance.CONDITIONAL and example.conditions]
    if not rows:
        return None
    conditional = STANCES.index(Stance.CONDITIONAL)
    systems: dict[str, list[Sequence[ConditionSpan]]] = {
        "model, given the stance": [found[row] for row in rows],
        "model, as served": [found[row] if predicted[row] == conditional else () for row in rows],
        "rules": [marked_conditions(examples[row].text or "") for row in rows],
    }
    measured: dict[str, Any] = {}
    for name, spans in systems.items():
        counts = [count(examples[row].conditions, one) for row, one in zip(rows, spans, strict=True)]
        measured[name] = bootstrap(_statistics(counts), len(rows), draws=draws)
    n_spans = sum(span.end > span.start for row in rows for span in examples[row].conditions)
    return {"n": len(rows), "n_spans": n_spans, "systems": measured}


def _statistics(counts: Sequence[SpanCounts]) -> Statistics:
    return lambda weights: scores(counts, weights=weights)


def section(report: Mapping[str, Any]) -> str:
    """The report's section on condition spans, in Markdown; nothing where none were measured."""
    found = report.get("conditions")
    if not found:
        return ""
    rows = [[name, *(interval(one[measure]) for measure in MEASURES)] for name, one in found["systems"].items()]
    note = (
        f"On the {found['n']} conditional statements, which have {found['n_spans']} annotated spans. Exact: the same"
        " first and last character. Overlap: spans that share a character with one of the other side. Character: every"
        " character of a span counts by itself. Kind: of the annotated spans that were touched. As served, a statement"
        " whose stance was missed has no spans. Rules: markers and the clause behind them."
    )
    header = ["system", "exact F1", "overlap F1", "character F1", "kind right"]
    return f"## Condition spans\n\n{note}\n\n" + table(header, rows)
