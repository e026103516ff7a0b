"""Where one sentence names a source and a cue: every reading that the rules can make of it, and the best of them."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from models.cues import (
    ACCORDING,
    ACT_WITH_NOUN,
    ACTS,
    ADVERB,
    AUDIENCE,
    AUXILIARY,
    DONE_BY,
    MORE_OFTEN_ACT,
    PASSIVE_BY,
    SAYS,
    STRONG,
    UNSOURCED,
)
from models.quotations import QUOTED
from models.span import Span

REACH: Final = 250
"""Characters from a verb within which its subject is looked for: the longest annotated source has 161."""

_TIME = (
    r"(?:(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day|(?:January|February|March|April|May|June|July|August|September|"
    r"October|"
    r"November|December)(?:\s\d{1,2})?|\d{4}|today|yesterday|tonight|(?:this|last|next|early|late)\s\w+|Twitter|"
    r"Facebook|television|"
    r"state television|air)"
)
_TRAILING = re.compile(
    rf"(?:,?\s+(?:(?:on|in|at|late|early|by|during|via|over)\s+)?{_TIME}(?:\s(?:morning|evening|night|afternoon))?"
    rf"|\s+(?:also|later|earlier|then|now|still|further|himself|herself|itself|themselves|both|all|however|"
    rf"reportedly|once|"
    r"previously|recently|subsequently|initially|additionally|publicly|just|already|\w{3,}ly))$"
)
_LEADING = re.compile(
    r"^(?:[\W_]*(?:and|but|while|whilst|when|as|although|though|after|before|because|since|that|with|however|meanwhile|"
    r"additionally|yet|so|if|where|then|also|still|nonetheless|nevertheless|moreover|furthermore|later|earlier|today|"
    r"yesterday|both|(?:minutes|hours|days|weeks|months)\slater|finally|"
    rf"separately|instead|in addition|in response|according to|"
    rf"(?:on|in|last|this|late|early)\s+{_TIME})\b,?)+\W*",
    re.IGNORECASE,
)
_DATELINE = re.compile(
    r"^[A-Z][A-Z' .-]+(?:,[^—–]{0,60}?)?(?:\([^)]*\)\s*)?\s[—–-]{1,2}\s|"
    r"^\d{1,2}[:.]\d{2}(?:\s?[ap]m)?\s(?:[—–-]\s)?|^(?:[•‣▪◦·*–-]|\(?\d{1,2}[.)])\s+"
)
_SUBORDINATOR = re.compile(
    r"\s(?:that|while|whilst|when|because|although|though|after|before|whether|but|if|where|whereas|until|than|so|"
    r"yet|as)\s(?=\S)"
)
_CLAUSE_AND = re.compile(r"\sand\s(?=(?:he|she|they|it|the|The|[A-Z]\w+)\b)")
_VERBAL = re.compile(
    r"\b(?:is|was|are|were|has|have|had|will|would|could|can|said|says|told|took|made|went|came|began|met|held)\b",
    re.IGNORECASE,
)
_STOP_RIGHT = re.compile(
    rf"[,;:.!?)\x00](?:\s|$|\x00|[\"”])|\x00|\s[—–-]\s|\s(?:who|which|that|whom|whose|when|while|as|after|before|"
    rf"in\s(?:a|an|the|his|her|its|their|response|{_TIME})"
    rf"|on\s(?:the|a|{_TIME})|at\s(?:a|an|the)|during|via|from\s(?:a|the)|to\s(?=[a-z])|for\s(?:its|his|her|their|"
    rf"\w+ing)|{_TIME}|was|were|is|are|has|had|have|said|but|with|within|through|without|if|whether|what|how|why|"
    rf"of\s\w+ing|about"
    r"|and\s(?:he|she|it|they|the\s\w+\s(?:is|was|are|were|has)))\b"
)
_PRONOUN = re.compile(r"(?:he|she|they|it|we|i|you)", re.IGNORECASE)
_NO_SUBJECT = re.compile(
    r"(?:who|which|that|what|it|there|this|these|those|to|not|be|being|been|of|in|on|for|by|and|or|also|if|whom|where|"
    r"none|no one|nothing|a|an|the)",
    re.IGNORECASE,
)
_TITLE_WORD = re.compile(
    r"[A-Z]|the |both |The |a |an |an? |its |his |her |their |one |One |two |three |some |Some |other "
)
_ROLE_AND_NAME = re.compile(r"(?:[a-z][\w’'-]*\s){1,3}[A-Z][\w.’'-]*(?:\s[A-Z][\w.’'-]*)+")
_PREPOSITIONAL = re.compile(
    r"^(?:In|On|At|During|After|Following|For|From|Under|By|With|Through|Despite|Within|About|Of|Speaking|Asked|To|"
    r"Before|Over|Since|Among|Throughout|Per|Upon|At)\b"
)
_LAST_NOUN_PHRASE = re.compile(
    r"(?:(?:the|a|an|his|her|its|their|one|some|many|several|two|other|both)\s(?:[\w'’&./-]+\s){0,4}?[\w'’&.-]+|"
    r"(?:[A-Z][\w'’&.-]*\s?)+(?:of\sthe\s(?:[A-Z][\w'’&.-]*\s?)+)?|he|she|they)$"
)
_BEFORE_VERB = re.compile(rf"(?<![\w'’-])(?:(?P<auxiliary>{AUXILIARY})|{ADVERB})$")
_ARTICLE_NOUNS = re.compile(
    r"(?:statement|tweet|report|release|letter|post|interview|message|memo|article|study|note|document|announcement|"
    r"email|paper)s?\b"
)
_BY = re.compile(r"\b(?:by|from)\s")
_COLON = re.compile(r"^(?:From\s)?(?P<who>[^\x00:]{2,80}?)(?:,[^\x00:]{0,80})?:\s*\x00")
_INVERTED = re.compile(r"(?P<verb>[A-Z][a-z]+)\s[A-Z][^\x00.;]{2,80}?[,:]\s?\x00")
_FRONTED = re.compile(
    r"\W*(?:(?:After|When|While|Because|Since|If|Although|Though|As|On|In|At|By|During|Following|Despite|With|Before|Earlier|"
    r"Later|However|Meanwhile|Yesterday|Today|Asked|Speaking|Pressed)\b[^,;:\x00]{0,100},\s|"
    r"(?:Later|Earlier|Yesterday|Today|\w+\slater|(?:On|By|At|In|Since)\s\w+)\s)?(?:[Bb]oth\s)?(?:[Tt]he\s)?"
)
_SUBORDINATE = re.compile(
    r"(?:^|[,;]\s|\s)(?:after|when|while|because|since|before|if|unless|although|though|once|as|until)\s$",
    re.IGNORECASE,
)
_IS_DONE_TO = re.compile(r"\b(?:was|were|been|is|are|being)\s(?:\w+ly\s)?$")
_FINITE = re.compile(
    r"\b(?:(?:has|have|had)\s)?(?:\w{3,}ed|has|have|had|must|can|could|may|might|should|is|was|are|were|will|would|began|gave|made|met|said|spoke|took|went|told|"
    r"wrote|held|shared|used|saw|found|sent|put|won|lost|kept|left|brought|paid|ran|fell|stood|heard|felt)\b"
)
_SHARED_SUBJECT = re.compile(
    r"^(?P<subject>(?:He|She|They|It|he|she|they|it|(?:The|the)\s[\w-]+(?:\s[\w-]+)?|"
    r"[A-Z][\w.’'-]*(?:\s[A-Z][\w.’'-]*){0,4}))"
    r"\s(?:also\s|later\s|then\s)?(?:\w{2,}ed|gave|made|met|spoke|took|went|wrote|held)\b.*\s(?:and|by|but|then)$"
)
_APPOSED = re.compile(r",\s[A-Z][\w.’'-]+(?:\s[A-Z][\w.’'-]+){1,3}(?=,|\.|$|\s[a-z])(?!\ssaid)")
_REPORTS = re.compile(
    r"accord|report|alleg|view|opinion|remark|repl|answer|statement|quot|message|verdict|spoke|show|\bpost(?:s|ed)?\b"
)


@dataclass(frozen=True, slots=True)
class Candidate:
    """One reading of a sentence: places in it, whether words or an act are reported, and how good a reading it is."""

    source: Span | None
    cue: Span | None
    is_act: bool
    score: float


def best_candidate(words: str) -> Candidate | None:
    """The best reading of a sentence whose quoted characters are masked; None where nobody is reported."""
    return max(_candidates(words), key=lambda candidate: candidate.score, default=None)


def is_act(words: str, cue: Span) -> bool:
    """Whether a cue reports an act, and not words: by its verb, and by what follows it."""
    said = words[cue.start : cue.end]
    if QUOTED in words:
        return False
    if any(match.group() in MORE_OFTEN_ACT for match in SAYS.finditer(said)) or ACT_WITH_NOUN.search(words, cue.start):
        return True
    return not (SAYS.search(said) or _REPORTS.search(said.lower()))


def _candidates(words: str) -> Iterator[Candidate]:
    start = match.end() if (match := _DATELINE.match(words)) else 0
    for match in ACCORDING.finditer(words):
        yield from _according(words, match)
    for match in SAYS.finditer(words, start):
        yield from _around_verb(words, match.span(), first=start, says=True)
    inverted = _INVERTED.match(words, start)
    if inverted and SAYS.fullmatch(inverted["verb"].lower()) and (said := phrase_after(words, inverted.end("verb"))):
        yield Candidate(said, Span(*inverted.span("verb")), False, 2.2)
    for match in ACTS.finditer(words, start):
        yield from _around_verb(words, match.span(), first=start, says=False)
    for match in PASSIVE_BY.finditer(words, start):
        source = phrase_after(words, match.end(), any_words=True)
        if source:
            cue = Span(match.start(), match.start() + len(match.group().split()[0]))
            yield Candidate(source, cue, False, 2.2)
    for match in DONE_BY.finditer(words, start):
        if source := phrase_after(words, match.end()):
            yield Candidate(source, Span(*match.span("cue")), True, 2.0)
    for match in UNSOURCED.finditer(words):
        yield Candidate(None, Span(*match.span()), False, 1.0)
    if match := _COLON.match(words, start):
        yield Candidate(Span(*match.span("who")), Span(*match.span("who")), False, 0.8)


def _according(words: str, match: re.Match[str]) -> Iterator[Candidate]:
    cue = Span(match.start(), match.start() + len(match.group().rstrip()))
    source = phrase_after(words, match.end(), any_words=True)
    if source is None:
        return
    phrase = source.of(words)
    if (noun := _ARTICLE_NOUNS.search(phrase)) and (by := _BY.search(words, source.start + noun.end())):
        author = phrase_after(words, by.end())
        if author and author.start - source.start < 60:
            source = author
    yield Candidate(source, cue, False, 3.0)


def _around_verb(words: str, verb: tuple[int, int], *, first: int, says: bool) -> Iterator[Candidate]:
    start, end = verb
    name = words[start:end]
    audience = re.compile(AUDIENCE).match(words, end) if name in {"told", "tells", "tell"} else None
    cue = Span(start, audience.end() if audience else end)
    score = (2.0 if name in STRONG else 1.0 if says else 0.5) - 0.3 * (start - first > 100)
    if QUOTED in words[max(0, start - 40) : start] or QUOTED in words[end : end + 25]:
        score += 1.0 if says else 0
    subject, begin = _phrase_before(words, start, first=first)
    if _IS_DONE_TO.search(words, max(0, begin - 20), start) and not name.endswith("ing"):
        return  # the subject is whom it is said of
    if name.endswith("ing") and words[:start].rstrip().endswith((",", " by", "and")):
        subject = first_subject(words, first, start) or subject
    if subject:
        is_main = subject.start <= first + 1 or _FRONTED.fullmatch(words, first, subject.start)
        bonus = 0.6 if is_main else -0.7 if _SUBORDINATE.search(words, first, subject.start) else 0.0
        yield Candidate(subject, Span(begin, cue.end), is_act(words, cue), score + bonus)
        return
    before = words[:start].rstrip()
    if says and (before.endswith((",", QUOTED)) or not before) and (after := phrase_after(words, cue.end)):
        yield Candidate(after, cue, False, score + 0.5 * before.endswith(QUOTED))


def _phrase_before(words: str, verb: int, *, first: int) -> tuple[Span | None, int]:
    """The noun phrase that ends before a verb, and where the verb with its auxiliaries begins."""
    begin = end = verb
    while match := _BEFORE_VERB.search(words, max(first, end - 40), end):
        end = match.start()
        if match["auxiliary"]:
            begin = end
    first = max(first, end - REACH)
    left = words[first:end].rstrip()
    while match := _TRAILING.search(left):
        left = left[: match.start()].rstrip()
    appositive = left.endswith(",")
    left = left.rstrip(",").rstrip()
    marks = (QUOTED, ";", ":", " — ", " – ", "—", *(("(",) if left.count("(") > left.count(")") else ()))
    floor = max(left.rfind(mark) for mark in marks) + 1
    comma = left.rfind(", ", floor)
    chunk_at = comma + 2 if comma >= 0 else floor
    if appositive and comma >= 0:
        head = _noun_phrase(left, max(floor, left.rfind(", ", floor, comma) + 1), comma)
        if head and re.search(r"[A-Z]", left[head.start : head.end]) and comma - head.end <= 1:
            return Span(first + head.start, first + len(left)), begin
    span = _noun_phrase(left, chunk_at, len(left))
    return (Span(first + span.start, first + span.end), begin) if span else (None, begin)


def _noun_phrase(left: str, start: int, end: int) -> Span | None:
    """The noun phrase that the stretch ends with; None when it is no name and no description."""
    while start < end and not (left[start].isalnum() or left[start] in "'‘@"):
        start += 1
    for pattern in (_SUBORDINATOR, _CLAUSE_AND):
        for match in pattern.finditer(left, start, end):
            if pattern is _CLAUSE_AND and not _VERBAL.search(left, start, match.start()):
                continue
            start = match.end()
    if leading := _LEADING.match(left[start:end]):
        start += leading.end()
    if start >= end:
        return None
    phrase = left[start:end]
    if shared := _SHARED_SUBJECT.match(phrase):
        return Span(start, start + shared.end("subject"))
    if _PREPOSITIONAL.match(phrase) or len(phrase.split()) > 16 or _VERBAL.search(phrase):
        last = _LAST_NOUN_PHRASE.search(phrase)
        if last is None:
            return None
        start += last.start()
        phrase = left[start:end]
    if _NO_SUBJECT.fullmatch(phrase.split()[0]) and len(phrase.split()) == 1 and phrase != "It":
        return None
    if _PRONOUN.fullmatch(phrase) or _TITLE_WORD.match(phrase) or _ROLE_AND_NAME.fullmatch(phrase):
        return Span(start, end)
    if phrase.split()[-1].lower().endswith("s"):
        return Span(start, end)
    return None


def first_subject(words: str, first: int, end: int) -> Span | None:
    """The noun phrase that a sentence begins with, up to its first verb: whoever goes on "saying"."""
    match = _FINITE.search(words, first, end)
    if match is None:
        return None
    subject, _ = _phrase_before(words, match.start(), first=first)
    return subject


def phrase_after(words: str, place: int, *, any_words: bool = False) -> Span | None:
    """The noun phrase that begins here, up to a clause, a time or a mark; ``any_words``: a plain noun will do."""
    while place < len(words) and words[place] == " ":
        place += 1
    limit = min(len(words), place + REACH)
    stop = _STOP_RIGHT.search(words, place, limit)
    end = stop.start() if stop else len(words[:limit].rstrip(" .!?"))
    phrase = words[place:end].rstrip(" ,.")
    if phrase.count("(") > phrase.count(")") and words[place + len(phrase) :][:1] == ")":
        phrase += ")"
    if not phrase or QUOTED in phrase or len(phrase.split()) > 14:
        return None
    if match := _APPOSED.match(words, place + len(phrase)):
        phrase = words[place : match.end()]
    named = _PRONOUN.fullmatch(phrase) or _TITLE_WORD.match(phrase) or phrase.split()[0].endswith("s")
    if not (named or any_words):
        return None
    return Span(place, place + len(phrase))
