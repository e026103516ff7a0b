"""The reading of one sentence: of a model's spans where it found any, mended and filled up by the rules."""

import re
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Final

from models.candidates import Candidate, best_candidate, is_act
from models.cues import ACTS, ADVERB, AUXILIARY, SAYS
from models.quotations import QUOTED
from models.span import Span
from models.titles import NO_NAMES

if TYPE_CHECKING:
    from models.speech import SpeechSpan, SpeechSpans

SURE: Final = 2.0
"""A rule's reading of this score stands where the model found nothing: a common verb of saying, with its subject."""
OF_MODEL: Final = 5.0
"""The score of a reading that a model's spans make: above every rule's."""
TOLD: Final = 0.25
"""From this probability on a faint source has the better words for who speaks than the rule that it agrees with."""
OF_BOTH: Final = 1.5
"""The least score of a reading that rules and faint spans agree on: less than a sure one."""
NEARLY: Final = 0.8
"""The first span whose probability is this share of the highest is taken: of two speakers, the first."""

_RELAYS: Final = re.compile(r"(?:\w+\s)?(?:reported|reports|reporting)\b")
_LOOSE_END: Final = re.compile(
    r"[\s,]+(?:on|in|at|by|during|via|from|to|of|for|is|was|were|are|has|have|who|which|that|and|with|about|there|"
    r"also|further|later|then|earlier|now|still|again|once|however|reportedly|recently|previously|subsequently|initially|"
    r"publicly|personally|repeatedly|\w+edly|\w+ally)$"
)
_NOUN_BEFORE: Final = re.compile(r"(?:(?:the|a|some|several)\s)?\w+\s$")
_POSSESSIVE: Final = re.compile(r"['’]s\b")
_BESIDE: Final = re.compile(rf"\s*(?:{AUXILIARY}|{ADVERB})*")
_IN_CLAUSE: Final = re.compile(r",\s(?:which|who|whose)\s[^,]*$")
_TOGETHER: Final = re.compile(r"\b(?:along with|together with|as well as)\b")
_PAPER: Final = re.compile(
    r"(?:an?|the|another)\s(?:\w+\s)?(?:tweet|statement|letter|post|report|message|release)", re.IGNORECASE
)
_BY: Final = re.compile(r"\bby\b")
_LONE_ARTICLE: Final = re.compile(r"(?:the|an?|his|her|its|their)", re.IGNORECASE)
_WORDS: Final = re.compile(r"(?:\s[\w’'-]+){1,4}\s")
_NAME_AND_VERB: Final = re.compile(
    r"(?P<name>(?:[\w’'&.-]+\s){0,6}?[A-Z][\w’'&.-]*)\s(?!hundred)(?:[a-z]{3,}ed|broke|has|have|had|is|was|were|are|will)\b"
)
_PLACE_LINE: Final = re.compile(r"[A-Z][A-Z' .,-]+\s[—–-]{1,2}\s")
_NO_VERB: Final = re.compile(r"\b(?:the|an?|of|on|its|his|her|their|these|those)\s$", re.IGNORECASE)
_NAME_BEFORE: Final = re.compile(r"(?:[A-Z][\w’'.-]*\s)+$")
_NAME_AFTER: Final = re.compile(r"(?:\s[A-Z][\w’'-]*\w)+")


def reading_of(words: str, found: "SpeechSpans | None") -> Candidate | None:
    """How a sentence, its quoted characters masked, is read; ``found`` None: by the rules alone."""
    by_rules = best_candidate(words)
    if found is None:
        return by_rules
    cue, floor = _cue_of(words, found)
    source = _source_of(words, [one for one in found.sources if one.start >= floor], cue)
    if cue is None and source is None:
        return _by_both(words, by_rules, found)
    if source is None and by_rules and by_rules.source and cue and _overlap(by_rules.cue, cue):
        source = by_rules.source
    if source is None and cue is not None:
        source = _source_of(words, found.faint_sources, cue)
    if cue is None and source is not None:
        cue = by_rules.cue if by_rules and _overlap(by_rules.source, source) else _verb_after(words, source.end)
    if cue is None and source is not None and QUOTED not in words and _POSSESSIVE.match(words, source.end):
        return None  # "the minister's visit": nobody does anything
    return Candidate(source, cue, is_act=cue is None or is_act(words, cue), score=OF_MODEL)


def _by_both(words: str, by_rules: Candidate | None, found: "SpeechSpans") -> Candidate | None:
    """A reading of the rules that is sure, or that faint spans speak for too, both its source and its cue."""
    if by_rules is None or by_rules.source is None:
        return None
    source = next((one for one in found.faint_sources if _overlap(by_rules.source, Span(one.start, one.end))), None)
    cue = next((one for one in found.faint_cues if _overlap(by_rules.cue, Span(one.start, one.end))), None)
    if source is None or cue is None:
        return by_rules if by_rules.score >= SURE else None
    is_told = source.probability >= TOLD
    named = _whole_name(words, _trimmed(words, source)) if is_told else by_rules.source
    return Candidate(named, by_rules.cue, by_rules.is_act, max(by_rules.score, OF_BOTH))


def _cue_of(words: str, found: "SpeechSpans") -> tuple[Span | None, int]:
    """The first cue that is nearly as probable as any, and where its source may begin.

    Of "Reuters reported that an official said" the second cue, with a source behind the first.
    """
    cue = _first(words, found.cues)
    if cue is None or not _RELAYS.match(words, cue.start, cue.end):
        return cue, 0
    for later in found.cues:
        between = words[cue.end : later.start]
        told = [one for one in found.sources if cue.end <= one.start and one.end <= later.start]
        if later.start > cue.end and QUOTED not in between and told and SAYS.search(words, later.start, later.end):
            return Span(later.start, later.end), cue.end
    return cue, 0


def _source_of(words: str, spans: "Sequence[SpeechSpan]", cue: Span | None) -> Span | None:
    """The source that fits the cue, as a whole name; without a cue the first that is nearly as probable as any."""
    outside = [span for span in spans if QUOTED not in words[span.start : span.end]]
    if not outside:
        return None
    if cue is not None:
        best = _meant(words, outside, max(outside, key=partial(_fitness, words, cue)))
        return _whole_name(words, _trimmed(words, _grown(words, best, cue)))
    first = _first(words, outside)
    return _whole_name(words, _trimmed(words, first)) if first else None


def _first(words: str, spans: "Sequence[SpeechSpan]") -> Span | None:
    """The first span outside of quotation marks that is nearly as probable as any."""
    outside = [span for span in spans if QUOTED not in words[span.start : span.end]]
    highest = max((span.probability for span in outside), default=0.0)
    return next((Span(span.start, span.end) for span in outside if span.probability >= NEARLY * highest), None)


def _fitness(words: str, cue: Span, source: "SpeechSpan") -> float:
    """How well a source goes with a cue: probable, near, and before it unless a quotation or nothing is."""
    before = words[: cue.start]
    is_after = source.start >= cue.end and bool(before.strip(" ,")) and QUOTED not in before
    says = bool(SAYS.search(words, cue.start, cue.end))
    distance = source.start - cue.end if source.start >= cue.end else cue.start - source.end
    is_within = words.startswith("of ", source.start)
    is_aside = bool(_IN_CLAUSE.search(words[: source.start])) and source.end < cue.start
    is_beside = bool(_BESIDE.fullmatch(words, source.end, cue.start)) if source.end <= cue.start else False
    return (
        source.probability
        - distance / 500
        - 0.4 * (is_after and says)
        - 0.4 * (is_within or is_aside)
        + 0.2 * is_beside
    )


def _meant(words: str, spans: "Sequence[SpeechSpan]", best: "SpeechSpan") -> "SpeechSpan":
    """Of "A, along with B, said" A where B was the best span, and of "a tweet on Monday by A" A."""
    for other in spans:
        between = words[min(best.end, other.end) : max(best.start, other.start)]
        is_joined = other.start < best.start and _TOGETHER.search(between)
        is_author = other.start > best.end and _PAPER.fullmatch(best.text) and _BY.search(between + other.text[:3])
        if is_joined or is_author:
            return other
    return best


def _grown(words: str, span: "SpeechSpan", cue: Span) -> Span:
    """The span up to the cue, and where it is an article or "his" alone, all the words from there to the verb."""
    if span.start < cue.start < span.end:
        return Span(span.start, span.start + len(words[span.start : cue.start].rstrip()))
    between = words[span.end : cue.start]
    if _LONE_ARTICLE.fullmatch(words, span.start, span.end) and _WORDS.fullmatch(between):
        return Span(span.start, span.end + len(between.rstrip()))
    return Span(span.start, span.end)


def _trimmed(words: str, span: "Span | SpeechSpan") -> Span:
    """The span without a preposition or verb at its end, with the noun before "of" at its start and a bracket's end."""
    start, end = span.start, span.end
    while match := _LOOSE_END.search(words, start, end):
        end = match.start()
    if words.count("(", start, end) > words.count(")", start, end) and words[end : end + 1] == ")":
        end += 1
    if (match := _NAME_AND_VERB.match(words, start, end)) and match.end() <= end:
        end = match.end("name")
    if match := _PLACE_LINE.match(words, start, end):
        start = match.end()
    if words.startswith("of ", start) and (match := _NOUN_BEFORE.search(words, 0, start)):
        start = match.start()
    return Span(start, end) if start < end else Span(span.start, span.end)


def _whole_name(words: str, span: Span) -> Span:
    """The span grown over the rest of a name that it begins or ends in the middle of."""
    start, end = span.start, span.end
    if words[start:end].split()[-1][0].isupper() and (match := _NAME_AFTER.match(words, end)):
        verb = _verb_after(match.group().lower(), 0)  # in a title, whose verbs have capitals too
        end = end + verb.start - 1 if verb else match.end()
    if words[start].isupper() and (match := _NAME_BEFORE.search(words, 0, start)):
        before = match.group().split()
        while before and before[0] in NO_NAMES:
            before = before[1:]
        if not any(word in NO_NAMES for word in before):
            start = match.end() - sum(len(word) + 1 for word in before)
    return Span(start, end)


def _verb_after(words: str, place: int) -> Span | None:
    """The first verb of saying or acting after a source; "the issues" is none."""
    found = [
        match.span()
        for pattern in (SAYS, ACTS)
        for match in pattern.finditer(words, place)
        if not _NO_VERB.search(words, max(0, match.start() - 10), match.start())
    ]
    return Span(*min(found)) if found else None


def _overlap(one: Span | None, other: Span | None) -> bool:
    return one is not None and other is not None and one.start < other.end and other.start < one.end
