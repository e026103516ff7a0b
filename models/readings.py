"""The reading of one sentence: of a model's spans where it found any, mended and filled up by the rules."""

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from models.candidates import Candidate, best_candidate, is_act
from models.cues import ACTS, SAYS
from models.quotations import QUOTED
from models.span import Span
from models.titles import NO_NAMES

if TYPE_CHECKING:
    from models.speech import SpeechSpan, SpeechSpans

SURE: Final = 2.0
"""A rule's reading of this score stands where the model found nothing: a common verb of saying, with its subject."""
OF_MODEL: Final = 5.0
"""The score of a reading that a model's spans make: above every rule's."""
NEARLY: Final = 0.8
"""The first span whose probability is this share of the highest is taken: of two speakers, the first."""

_NAME_BEFORE: Final = re.compile(r"(?:[A-Z][\w’'.-]*\s)+$")
_NAME_AFTER: Final = re.compile(r"(?:\s[A-Z][\w’'-]*\w)+")


def reading_of(words: str, found: "SpeechSpans | None") -> Candidate | None:
    """How a sentence, its quoted characters masked, is read; ``found`` None: by the rules alone."""
    by_rules = best_candidate(words)
    if found is None:
        return by_rules
    cue, source = _first(words, found.cues), None
    sources = [span for span in found.sources if QUOTED not in words[span.start : span.end]]
    if sources:
        nearest = min(sources, key=lambda span: abs(span.start - cue.start)) if cue else _first(words, sources)
        source = _whole_name(words, nearest) if nearest else None
    if cue is None and source is None:
        return by_rules if by_rules and by_rules.score >= SURE and by_rules.source and not by_rules.is_act else None
    if source is None and by_rules and by_rules.source and cue and _overlap(by_rules.cue, cue):
        source = by_rules.source
    if cue is None and source is not None:
        cue = by_rules.cue if by_rules and _overlap(by_rules.source, source) else _verb_after(words, source.end)
    return Candidate(source, cue, is_act=cue is not None and is_act(words, cue), score=OF_MODEL)


def _first(words: str, spans: "Sequence[SpeechSpan]") -> Span | None:
    """The first span outside of quotation marks that is nearly as probable as any."""
    outside = [span for span in spans if QUOTED not in words[span.start : span.end]]
    highest = max((span.probability for span in outside), default=0.0)
    return next((Span(span.start, span.end) for span in outside if span.probability >= NEARLY * highest), None)


def _whole_name(words: str, span: "Span | SpeechSpan") -> Span:
    """The span grown over the rest of a name that it begins or ends in the middle of."""
    start, end = span.start, span.end
    last = words[start:end].split()[-1:]
    if last and last[0][0].isupper() and (match := _NAME_AFTER.match(words, end)):
        end = match.end()
    if words[start].isupper() and (match := _NAME_BEFORE.search(words, 0, start)):
        before = match.group().split()
        while before and before[0] in NO_NAMES:
            before = before[1:]
        if not any(word in NO_NAMES for word in before):
            start = match.end() - sum(len(word) + 1 for word in before)
    return Span(start, end)


def _verb_after(words: str, place: int) -> Span | None:
    """The first verb of saying or acting after a source."""
    found = [match for pattern in (SAYS, ACTS) if (match := pattern.search(words, place))]
    return Span(*min(match.span() for match in found)) if found else None


def _overlap(one: Span | None, other: Span | None) -> bool:
    return one is not None and other is not None and one.start < other.end and other.start < one.end
