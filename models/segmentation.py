"""An article cut into statements, in characters of the caller's text: what no statement holds is blank or ornament.

Sentences within a paragraph are found by syntok; what is ours is what an article has besides running sentences: wrapped
lines, headlines, datelines, bullets, turns of a transcript, and quotation marks that stand apart from what they close.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from syntok import segmenter
from syntok.tokenizer import Tokenizer

from models.span import Span

MAX_SEGMENT_CHARS: Final = 2_000
"""What is longer is cut at white space: no sentence of the annotated articles has 700 characters, and a list or a table
without a full stop would otherwise be one statement that no model reads to its end."""


class SegmentKind(StrEnum):
    """What a statement is in its article."""

    SENTENCE = "sentence"
    HEADLINE = "headline"  # a title, a heading, a label over a section
    BYLINE = "byline"  # who wrote it
    DATELINE = "dateline"  # a line of a date, a place or an hour alone
    BULLET = "bullet"  # in a list or a numbered paragraph
    TURN = "turn"  # the first sentence under a speaker's name, Q or A


@dataclass(frozen=True, slots=True)
class Segment:
    """Characters [start, end) of the text: one statement. ``paragraph`` counts from 0."""

    start: int
    end: int
    kind: SegmentKind
    paragraph: int

    @property
    def span(self) -> Span:
        """Where the statement stands."""
        return Span(self.start, self.end)


_LINE = re.compile(r"[^\n\r\v\f\x85\u2028\u2029]+")
_BLANK = str.maketrans(dict.fromkeys("\n\r\x0b\x0c\x85\u2028\u2029\t\xa0\u2007\u2009\u200a\u202f", " "))
_CLOSED = re.compile(r"""[.!?…:;][)\]"'”’»\s]*$|[.!?…][\])]*["'”’»)\]]*$""")
_BULLET = re.compile(r"(?:[•‣▪◦·*–—-]|\(?\d{1,2}[.)]|\([a-z]\)|[a-z]\))\s+(?=\S)")
_LABEL = re.compile(
    r"(?P<label>Q|A|(?:[A-Z][\w.'’-]*|the|The)(?: (?:[A-Z][\w.'’-]*|of|the|for|and|de|van|von|al|from|representative"
    r"|delegate|delegation|spokesman|spokeswoman|spokesperson|reporter|voice|member)){0,7}(?: \([^)\n]{1,60}\))?)"
    r"(?::|\.(?=\s[–—-])|(?<=^Q)(?=\s+(?!and\b|&)))\s*(?=\S)"
)
"""A speaker's label; of them only Q may stand without a mark, as in transcripts of press briefings."""
_MONTH = r"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]*\.?"
_DATE = re.compile(
    rf"(?:(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day,?\s+)?(?:{_MONTH}\s+\d{{1,2}}|\d{{1,2}}\s+{_MONTH})(?:,?\s+(?:\d{{4}}|\d{{2}}))?"
    r"|\d{1,2}[:.]\d{2}(?:\s?[APap]\.?[Mm]\.?)?(?:\s(?:GMT|BST|CET|UTC|EST|EDT))?|"
    r"\d{4}-\d{2}-\d{2}(?:[T\s]\d{1,2}:\d{2}(?::\d{2})?)?|[A-Z][A-Z ]+, .{0,25}\d{4}",
)
_BYLINE = re.compile(
    r"(?:By|BY|Written by|Reported by|Reporting by)\s+[A-Z][\w.'’-]+(?:\s+(?:[A-Z][\w.'’-]+|and|in|de)){0,8}\s*$"
)
_JOINS_NEXT = re.compile(
    r"(?:\b(?:Gov|Sen|Rep|Messrs|Mmes|MR|MS|MRS|DR|Rev|Hon|Gen|Brig|Lt|Col|Capt|Sgt|Prof|Nos|Art|Fr|Msgr|Amb|Pres"
    r"|Insp|Supt|Cllr|St|Ste|Mt|Sr|Sra|vs|approx|ca|hon)\.|;)$"
)
_OPENS_LOW = re.compile(r"""[a-zà-þ,;:—–-]|["'”’»)\]]+\s*[,;:a-z—–-]""")
_ATTRIBUTION_TAIL = re.compile(r"(?:[A-Z][\w.'’-]+ ){1,4}(?:said|says|added|told \w+|replied|asked|wrote)\.$")
_RUN = re.compile(r"([^\w\s])\1{9,}")  # a line of dots or brackets, over which syntok takes seconds
_ELLIPSIS = re.compile(r"""(?:\[(?:\.\.\.|…|\. \. \.)\]|\((?:\.\.\.|…)\)|\[[.!?]\]["”])\s+(?=["“]?[A-Z])""")
_ONLY_ELLIPSIS = re.compile(r"""\W*(?:\[(?:\.\.\.|…)\]|\.\.\.|…)\W*$""")


def segment(text: str) -> tuple[Segment, ...]:
    """The statements of a text, in order, never overlapping; none for a text without a letter or digit.

    Outside of them stand only white space and lines of ornament; each holds a letter or a digit.
    """
    return tuple(_segments(text))


def label_of(text: str) -> Span | None:
    """The speaker's label at the beginning of a statement, ``Q`` or ``THE CHAIR``, without its colon; or None."""
    match = _LABEL.match(text)
    return Span(*match.span("label")) if match else None


def _segments(text: str) -> Iterator[Segment]:
    paragraphs = [span for span in _paragraphs(text) if any(map(str.isalnum, span.of(text)))]
    for number, (paragraph, kind) in enumerate(
        zip(paragraphs, _kinds([span.of(text) for span in paragraphs]), strict=True)
    ):
        for place, span in enumerate(_sentences(text, paragraph)):
            is_turn_goes_on = kind is SegmentKind.TURN and place
            yield Segment(span.start, span.end, SegmentKind.SENTENCE if is_turn_goes_on else kind, number)


def _paragraphs(text: str) -> Iterator[Span]:
    """The paragraphs, trimmed: a line each, but lines that a program wrapped at its margin belong together."""
    block: list[Span] = []
    end = 0
    for match in _LINE.finditer(text):
        line = _trimmed(text, match.start(), match.end())
        if block and (line is None or _n_breaks(text[end : match.start()]) > 1):
            yield from _unwrapped(text, block)
            block = []
        if line is not None:
            block.append(line)
        end = match.end()
    yield from _unwrapped(text, block)


def _n_breaks(between: str) -> int:
    return len(re.findall(r"\r\n|.", between, flags=re.DOTALL))


def _unwrapped(text: str, block: list[Span]) -> Iterator[Span]:
    lines = [line.of(text) for line in block]
    inner = lines[:-1]
    n_closed = sum(1 for line in inner if _CLOSED.search(line))
    runs_on = any(line[0].islower() for line in lines[1:])
    is_wrapped = runs_on and all(40 <= len(line) <= 110 for line in inner) and 2 * n_closed <= len(inner)
    if not is_wrapped:
        yield from block
        return
    start = block[0].start
    for before, line, words in zip(block, block[1:], lines[1:], strict=False):
        if _BULLET.match(words) or (_LABEL.match(words) and _CLOSED.search(before.of(text))):
            yield Span(start, before.end)
            start = line.start
    yield Span(start, block[-1].end)


def _takes_turns(paragraphs: list[str]) -> bool:
    """Whether the text is a transcript: labels before colons, several, and of more than a fifth of the paragraphs."""
    labels = [match["label"] for match in map(_LABEL.match, paragraphs) if match]
    repeated = len(labels) - len(set(labels))
    is_loud = sum(1 for label in labels if label.upper() == label)
    return len(labels) >= 2 and 5 * len(labels) > len(paragraphs) and (repeated > 0 or is_loud >= 2)


def _kinds(paragraphs: list[str]) -> list[SegmentKind]:
    takes_turns = _takes_turns(paragraphs)
    kinds: list[SegmentKind] = []
    for number, paragraph in enumerate(paragraphs):
        is_turn = takes_turns and _LABEL.match(paragraph) is not None
        is_inner = bool(kinds) and kinds[-1] in (SegmentKind.SENTENCE, SegmentKind.TURN)
        is_spoken = takes_turns and (
            paragraph[0].islower()
            or not (paragraph[-1].isalnum() or paragraph[-1] in ")]")
            or (is_inner and not _CLOSED.search(paragraphs[number - 1]))
            or any(words[0].islower() for words in paragraphs[number + 1 : number + 2])
        )  # in a transcript even a short line may be speech that a program wrapped
        kinds.append(_kind(paragraph, is_first=number == 0, is_turn=is_turn, is_spoken=is_spoken))
    return kinds


def _kind(paragraph: str, *, is_first: bool, is_turn: bool, is_spoken: bool) -> SegmentKind:
    if is_turn:
        return SegmentKind.TURN
    if len(paragraph) <= 60 and _DATE.fullmatch(paragraph):
        return SegmentKind.DATELINE
    if _BYLINE.match(paragraph):
        return SegmentKind.BYLINE
    if _BULLET.match(paragraph):
        return SegmentKind.BULLET
    is_short = len(paragraph) <= (150 if is_first or _is_titled(paragraph) else 90)
    is_open = not _CLOSED.search(paragraph) or paragraph.upper() == paragraph
    return SegmentKind.HEADLINE if is_short and is_open and not is_spoken else SegmentKind.SENTENCE


def _is_titled(paragraph: str) -> bool:
    """Whether words begin with capitals as in a title: four fifths of the long ones, of which there are four."""
    words = re.findall(r"[^\W\d_]{5,}", paragraph)
    return len(words) >= 4 and 5 * sum(word[0].isupper() for word in words) >= 4 * len(words)


def _sentences(text: str, paragraph: Span) -> Iterator[Span]:
    """The sentences of a paragraph, trimmed, each with a letter or digit."""
    words = paragraph.of(text).translate(_BLANK)
    cuts = _mended(words, _cuts(words))
    for start, end in zip(cuts, [*cuts[1:], len(words)], strict=True):
        yield from _bounded(text, paragraph.start + start, paragraph.start + end)


def _cuts(words: str) -> list[int]:
    """Where syntok begins a sentence, and where words left out in brackets part two."""
    words = _RUN.sub(lambda run: run[0][:3] + " " * (len(run[0]) - 3), words)
    tokens = Tokenizer(replace_not_contraction=False).tokenize(words)
    starts = {sentence[0].offset for sentence in segmenter.segment(tokens)}
    starts |= {
        match.end() for match in _ELLIPSIS.finditer(words) if not _CLOSED.search(words[: match.start()].rstrip())
    }
    return [0, *sorted(start for start in starts if start > 0)]


def _mended(words: str, cuts: list[int]) -> list[int]:
    """The cuts without those inside of a sentence: after a title, before a mark that closes, before ``Name said.``"""
    kept = [0]
    for cut, end in list(zip(cuts, [*cuts[1:], len(words)], strict=True))[1:]:
        before, after = words[kept[-1] : cut].strip(), words[cut:end].strip()
        if not any(map(str.isalnum, after)) or not any(map(str.isalnum, before)):
            continue
        if (
            _JOINS_NEXT.search(before)
            or (before.endswith("No.") and after[0].isdigit())
            or _OPENS_LOW.match(after)
            or _ONLY_ELLIPSIS.match(before)
        ):
            continue
        if before.endswith(('"', "”", "'", "’")) and _ATTRIBUTION_TAIL.match(after):
            continue
        kept.append(cut)
    return kept


def _bounded(text: str, start: int, end: int) -> Iterator[Span]:
    while end - start > MAX_SEGMENT_CHARS:
        limit = start + MAX_SEGMENT_CHARS
        space = max(text.rfind(" ", start, limit), text.rfind("\n", start, limit))
        cut = space + 1 if space > start else limit
        yield from _statement(text, start, cut)
        start = cut
    yield from _statement(text, start, end)


def _statement(text: str, start: int, end: int) -> Iterator[Span]:
    span = _trimmed(text, start, end)
    if span is not None and any(map(str.isalnum, span.of(text))):
        yield span


def _trimmed(text: str, start: int, end: int) -> Span | None:
    """The stretch without white space at its ends; None when nothing is left."""
    words = text[start:end]
    start += len(words) - len(words.lstrip())
    end -= len(words) - len(words.rstrip())
    return Span(start, end) if start < end else None
