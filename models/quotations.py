"""Where an article quotes: stretches between quotation marks, straight or curly, double or single, that never nest."""

import re
from collections.abc import Iterable, Iterator
from typing import Final

from models.span import Span

QUOTED: Final = "\x00"
"""What stands for a quoted character in the words of a sentence."""

_DOUBLE: Final = re.compile("[\"“”„‟«»]|''|``")
_SINGLE_OPENS: Final = re.compile(r"(?<![\w.,!?’”\"])['‘](?=[A-Za-z\[…“\"])")
_SINGLE_CLOSES_SENTENCE: Final = re.compile(r"(?<=[.,!?…])['’](?!\w)")
_SINGLE_CLOSES: Final = re.compile(r"(?<=\S)['’](?!\w)")


def quotations(text: str, paragraphs: Iterable[Span]) -> tuple[Span, ...]:
    """The quoted stretches of a text with their marks, in order; none crosses a paragraph.

    A quotation that a paragraph leaves open ends with it: writers leave one open where the next paragraph goes on.
    """
    return tuple(found for paragraph in paragraphs for found in _in_paragraph(text, paragraph))


def _in_paragraph(text: str, paragraph: Span) -> Iterator[Span]:
    found = list(_doubles(text, paragraph))
    end = paragraph.start
    for span in [*found, Span(paragraph.end, paragraph.end + 1)]:
        if end < span.start:
            found += _singles(text, Span(end, span.start))
        end = span.end
    return iter(sorted(found))


def _doubles(text: str, paragraph: Span) -> Iterator[Span]:
    start = None
    for match in _DOUBLE.finditer(text, paragraph.start, paragraph.end):
        opens = _opens(text, match.start(), paragraph)
        if start is None and opens:
            start = match.start()
        elif start is not None and not (opens and match.group() in "“„«"):
            yield Span(start, match.end())
            start = None
    if start is not None:
        yield Span(start, paragraph.end)


def _opens(text: str, place: int, paragraph: Span) -> bool:
    mark = text[place]
    if mark in "“„«‟`":
        return True
    before = text[place - 1] if place > paragraph.start else " "
    after = text[place + 1] if place + 1 < paragraph.end else " "
    if mark in "”»":
        return False
    return (before.isspace() or before in "([—–-:'‘") and not after.isspace()


def _singles(text: str, stretch: Span) -> Iterator[Span]:
    """Quotations in single marks, told from apostrophes by what stands around them."""
    place = stretch.start
    while match := _SINGLE_OPENS.search(text, place, stretch.end):
        following = _SINGLE_OPENS.search(text, match.end(), stretch.end)
        limit = following.start() if following else stretch.end
        closes = _SINGLE_CLOSES_SENTENCE.search(text, match.end(), limit) or _SINGLE_CLOSES.search(
            text, match.end(), limit
        )
        if closes and closes.start() > match.end() + 1:
            yield Span(match.start(), closes.end())
            place = closes.end()
        else:
            place = match.end()


def masked(text: str, segment: Span, quoted: Iterable[Span]) -> str:
    """The words of a segment with QUOTED for every quoted character; offsets hold."""
    words = list(segment.of(text))
    for span in quoted:
        start, end = max(span.start, segment.start), min(span.end, segment.end)
        if start < end:
            words[start - segment.start : end - segment.start] = QUOTED * (end - start)
    return "".join(words)
