"""Who says or does what, for each statement of an article: by rules, or with the spans that a model's token head found.

The rules read words and marks, no grammar: quotation marks, verbs of saying and acting with the noun phrase before or
after them, "according to", labels of a transcript. How well they do is measured by training.attribution_scores.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from models.actors import N_LOOKED_BACK, SINGULAR, Cast, Told
from models.addressees import addressee_of
from models.candidates import Candidate
from models.labels import Speech
from models.quotations import QUOTED, masked, quotations
from models.readings import SURE, reading_of
from models.segmentation import Segment, SegmentKind, label_of
from models.span import Span
from models.voice import has_voice, issuer_of

if TYPE_CHECKING:
    from models.speech import SpeechSpans

MIN_SCORE: Final = 1.0
"""Below this, a reading of a sentence without quotation marks is none."""
MIN_QUOTING: Final = 2.0
"""From here on, a speaker of a transcript quotes another: the quoted one is who takes the stance."""
FIRST_PERSON: Final = frozenset({"i", "we", "you"})
_NOT_SPOKEN: Final = frozenset({SegmentKind.HEADLINE, SegmentKind.DATELINE})
_ASIDE: Final = re.compile(r"[(\[][^()\[\]]+[)\]]\.?")  # (Laughter.)
MIN_QUOTED_SHARE: Final = 0.5
"""A sentence with this share of quoted characters and no source of its own goes on with the speaker before."""


@dataclass(frozen=True, slots=True)
class Attribution:
    """How one statement comes to the reader, and from whom; spans are characters of the whole text.

    ``source`` may stand in another statement, where a quotation goes on. ``speaker`` is None where it is unknown, and
    for narration, whose ``speech`` is none. ``others`` say or do the same together with the speaker, as "Teel and Osmir
    agreed". ``addressee`` is told only where the text says whom the speaker addresses.
    """

    speech: Speech = Speech.NONE
    source: Span | None = None
    cue: Span | None = None
    speaker: str | None = None
    addressee: str | None = None
    others: tuple[str, ...] = ()


NARRATION: Final = Attribution()


def attribute(
    text: str, segments: Sequence[Segment], speech: "Sequence[SpeechSpans] | None" = None
) -> tuple[Attribution, ...]:
    """One attribution for each segment. ``speech`` has, for each, the words that a model found; None: rules alone.

    Offsets of ``speech`` count in the segment's own text, those of the result in ``text``.
    """
    return _Reader(text, segments, speech).read()


class _Reader:
    """Reads the segments of one text in their order and keeps in mind who spoke."""

    def __init__(self, text: str, segments: Sequence[Segment], speech: "Sequence[SpeechSpans] | None") -> None:
        self._text = text
        self._segments = segments
        self._quotations = _by_segment(segments, quotations(text, _paragraphs(segments)))
        self._words = [
            _without_q(masked(text, segment.span, quoted), segment)
            for segment, quoted in zip(segments, self._quotations, strict=True)
        ]
        self._candidates = [
            reading_of(words, speech[index] if speech is not None else None) for index, words in enumerate(self._words)
        ]
        self._has_head = speech is not None
        self._cast = Cast(text)
        self._takes_turns = any(segment.kind is SegmentKind.TURN for segment in segments)
        self._has_voice = not self._takes_turns and has_voice("\n".join(self._words))
        self._issuer = self._named_issuer() if self._has_voice else None
        self._said: Attribution | None = None  # under the label of a transcript that was read last
        self._answered: str | None = None  # who spoke in the turn before
        self._found: list[Attribution] = []

    def read(self) -> tuple[Attribution, ...]:
        """The attributions, one for each segment."""
        for index in range(len(self._segments)):
            found = self._turn(index) if self._takes_turns else None
            found = found or self._report(index)
            self._found.append(found)
        return tuple(self._found)

    def _named_issuer(self) -> str | None:
        words = issuer_of(self._text, [segment.span.of(self._text) for segment in self._segments])
        return self._cast.resolve(words, self._text.find(words)) if words else None

    def _turn(self, index: int) -> Attribution | None:
        """A statement of a transcript; None before its first label."""
        segment, reading = self._segments[index], self._candidates[index]
        if segment.kind in _NOT_SPOKEN or _ASIDE.fullmatch(segment.span.of(self._text)):
            return NARRATION
        if segment.kind is SegmentKind.BULLET and index and self._segments[index - 1].kind is SegmentKind.HEADLINE:
            self._said = None  # a numbered question under a heading of the minutes
        if segment.kind is SegmentKind.TURN and (label := label_of(segment.span.of(self._text))):
            source = Span(segment.start + label.start, segment.start + label.end)
            self._answered = self._said.speaker if self._said else None
            self._said = Attribution(Speech.TRANSCRIPT, source, None, self._cast.labelled(source.of(self._text)))
        if self._said and reading and reading.source and QUOTED in self._words[index] and reading.score >= MIN_QUOTING:
            quoted = self._placed(index, reading, Speech.TRANSCRIPT)
            if quoted.source and quoted.source.of(self._text).lower() not in FIRST_PERSON:
                is_pronoun = quoted.source.of(self._text).lower() in SINGULAR
                is_present = quoted.speaker in (self._said.speaker, self._answered)
                # "he" is neither who speaks nor who is spoken to
                return replace(quoted, speaker=None) if is_pronoun and is_present else quoted
        return self._said

    def _report(self, index: int) -> Attribution:
        """A statement of a report: quoted, reported or narrated; or in the voice of whoever issues the text."""
        words, reading = self._words[index], self._candidates[index]
        share = words.count(QUOTED) / len(words)
        is_quoted = not any(map(str.isalnum, words))
        is_word = (
            len(words.split()) == 1 and words[-1] not in f".!?…{QUOTED}"
        )  # a place or an address, but not "Never."
        if is_word or self._segments[index].kind in (SegmentKind.DATELINE, SegmentKind.BYLINE):
            return NARRATION
        if is_quoted or (share >= MIN_QUOTED_SHARE and (reading is None or reading.source is None)):
            return self._carried(index)
        least = SURE if self._has_voice and self._has_head else MIN_SCORE
        if reading is not None and (reading.score >= least or share):
            kind = _kind_of(words, reading)
            if reading.source is None or reading.source.of(words).lower() not in FIRST_PERSON:
                found = self._placed(index, reading, kind)
                if not (self._has_voice and found.speaker in (None, self._issuer) and not share):
                    return found
        if self._has_voice and self._segments[index].kind is not SegmentKind.HEADLINE:
            return Attribution(Speech.VOICE, None, None, self._issuer)
        return NARRATION

    def _placed(self, index: int, reading: Candidate, kind: Speech) -> Attribution:
        """An attribution from a reading of a segment, its places counted in the text and its source named."""
        start = self._segments[index].start
        cue = Span(start + reading.cue.start, start + reading.cue.end) if reading.cue else None
        if reading.source is None:
            return Attribution(kind, None, cue)
        source = Span(start + reading.source.start, start + reading.source.end)
        named = self._cast.resolve_all(source.of(self._text), source.start, before=self._before(index))
        speaker = named[0] if named else None
        addressee = addressee_of(self._words[index], reading) if cue else None
        name = None
        if addressee:
            place = Span(start + addressee.start, start + addressee.end)
            name = self._cast.resolve(place.of(self._text), place.start, before=self._before(index))
        return Attribution(kind, source, cue, speaker, name if name not in named else None, named[1:])

    def _before(self, index: int) -> list[Told]:
        """The statements before one, latest first, as far back as a pronoun reaches."""
        known = range(min(index, len(self._found)) - 1, max(-1, index - 1 - N_LOOKED_BACK), -1)
        # who issues the text is "we", not "he"
        who = {i: self._found[i].speaker if self._found[i].speech is not Speech.VOICE else None for i in known}
        return [(self._segments[i].start, self._segments[i].end, who[i]) for i in known]

    def _carried(self, index: int) -> Attribution:
        """Quoted words without a source of their own: whoever the same quotation names, before or after."""
        segment = self._segments[index]
        begins = not self._quotations[index] or self._quotations[index][0].start >= segment.start
        if not begins or self._goes_on(index):
            before = self._found[index - 1] if index else NARRATION
            if before.speech in (Speech.DIRECT, Speech.MIXED):
                return replace(before, speech=Speech.DIRECT, cue=None)
        for later in range(index + 1, min(index + 12, len(self._segments))):
            if self._segments[later].paragraph != segment.paragraph:
                break
            reading = self._candidates[later]
            if QUOTED in self._words[later] and any(map(str.isalnum, self._words[later])):
                if reading and reading.source:
                    found = self._placed(later, reading, Speech.DIRECT)
                    return replace(found, speech=Speech.DIRECT, cue=None, addressee=None)
                break
            if QUOTED not in self._words[later]:
                break
        for before in reversed(self._found[max(0, index - 6) : index]):
            if before.source and before.speech is not Speech.NONE:
                return replace(before, speech=Speech.DIRECT, cue=None, addressee=None)
        return Attribution(Speech.DIRECT)

    def _goes_on(self, index: int) -> bool:
        """Whether a quotation begins here right after another, in its paragraph or because that was left open."""
        if not index or QUOTED not in self._words[index - 1]:
            return False
        before, here = self._segments[index - 1], self._segments[index]
        if before.paragraph == here.paragraph:
            return True
        return self._words[index - 1].endswith(QUOTED) and self._text[before.end - 1] not in "\"”'’»"


def _without_q(words: str, segment: Segment) -> str:
    """The words of a turn with a blank for a Q that no mark parts from what is asked."""
    return f" {words[1:]}" if segment.kind is SegmentKind.TURN and re.match(r"Q\s", words) else words


def _kind_of(words: str, reading: Candidate) -> Speech:
    if QUOTED not in words:
        return Speech.ACT if reading.is_act else Speech.INDIRECT
    taken = [reading.cue, *([reading.source] if reading.source else [])]
    rest = "".join(
        character
        for place, character in enumerate(words)
        if not any(span.start <= place < span.end for span in taken if span)
    ).replace(QUOTED, "")
    n_words = len(rest.split())
    quoted = words.count(QUOTED)
    first = words.find(QUOTED)
    is_whole = quoted > len(words) - quoted or (reading.cue is not None and 0 < first - reading.cue.end <= 3)
    return Speech.DIRECT if is_whole and n_words <= 8 and quoted >= 12 else Speech.MIXED


def _paragraphs(segments: Sequence[Segment]) -> list[Span]:
    """The stretches that the paragraphs' statements cover."""
    spans: dict[int, Span] = {}
    for segment in segments:
        known = spans.get(segment.paragraph)
        spans[segment.paragraph] = Span(known.start if known else segment.start, segment.end)
    return list(spans.values())


def _by_segment(segments: Sequence[Segment], quoted: Sequence[Span]) -> list[list[Span]]:
    """For each segment the quotations that reach into it, in linear time."""
    found: list[list[Span]] = []
    first = 0
    for segment in segments:
        while first < len(quoted) and quoted[first].end <= segment.start:
            first += 1
        last = first
        while last < len(quoted) and quoted[last].start < segment.end:
            last += 1
        found.append(list(quoted[first:last]))
    return found
