"""Whom a reported speaker addresses, where the words after the cue say so."""

import re
from typing import Final

from models.candidates import Candidate, phrase_after
from models.span import Span

_ADDRESSING: Final = re.compile(
    r"(?:told|tells|tell|telling|urged|urges|urging|asked|asks|thanked|thanks|accused|accuses|accusing|criticised|criticized|"
    r"condemned|denounced|praised|praises|invited|invites|congratulated|warned|warns|blamed|blames|informed|called on|"
    r"calls on|called upon|appealed to|appeals to|demanded that|demands that|attacked|ordered|assured|offered|banned|"
    r"sanctioned|"
    r"replied to|responded to|wrote to|spoke to)\b"
)
_ON: Final = re.compile(r"\s(?:on|upon|to|that)\s")
_AUDIENCE: Final = re.compile(
    r"(?:reporters?|journalists?|the press|the media|media|us|me|them|him|her|it|that|the public|local media|"
    r"state media|"
    r"(?:a|the|an) \w+ conference|what|how|why|whether|if|for|about|to|of|all|people|\w+ing)\b",
    re.IGNORECASE,
)


_MEDIA: Final = re.compile(
    r"(?:the\s)?(?:[A-Z][\w’'-]*\s)*(?:AFP|AP|AAP|ANSA|DPA|EFE|Reuters|Bloomberg|BBC|CNN|NPR|PBS|CBS|NBC|ABC|Xinhua|"
    r"TASS|Interfax|Jazeera|News|Times|Post|Press|Radio|TV|Television|Tribune|Herald|Journal|Guardian|Gazette|Chronicle|"
    r"Telegraph|Magazine|Observer)(?:\s(?:Radio|World|Service|agency|magazine|newspaper|television))*",
)
"""Who is told something in order to tell it to readers."""


def addressee_of(words: str, reading: Candidate) -> Span | None:
    """The words that name the one addressed, in the masked words of a statement; None where there are none."""
    if reading.cue is None:
        return None
    cue = reading.cue.of(words)
    place = reading.cue.end
    if (match := _ON.match(words, place)) and re.search(r"(?:call|appeal|demand|respond|repl|w?rote|spoke)\w*$", cue):
        place = match.end()
    elif not _ADDRESSING.search(cue):
        return None
    span = phrase_after(words, place)
    if span is None or _AUDIENCE.match(span.of(words)):
        return None
    if cue.startswith(("told", "tell")) and _MEDIA.fullmatch(span.of(words)):
        return None
    return span
