"""Whom a reported speaker addresses, where the words after the cue say so."""

import re
from typing import Final

from models.candidates import Candidate, phrase_after
from models.referents import is_body, is_group, is_office
from models.span import Span
from models.titles import NO_NAMES

_ADDRESSING: Final = re.compile(
    r"\b(?:told|tells|tell|telling|urged|urges|urging|asked|asks|thanked|thanks|accused|accuses|accusing|criticised|"
    r"criticized|"
    r"criticises|criticizes|condemned|condemns|denounced|denounces|praised|praises|invited|invites|congratulated|"
    r"warned|warns|"
    r"blamed|blames|informed|called on|calls on|calling on|called upon|appealed to|appeals to|appealing to|"
    r"demanded that|"
    r"demands that|attacked|attacks|ordered|assured|offered|offers|banned|sanctioned|replied to|responded to|"
    r"wrote to|spoke to|"
    r"begged|implored|promised|threatened|challenged|pressed|reminded|apologised to|apologized to|spoke with|"
    r"met with|met)\b"
)
_TURNING: Final = re.compile(
    r"\b(?:called|calls|calling|appeal\w*|demand\w*|respond\w*|repl(?:y|ies|ied|ying)|w?rote|writes|spoke|"
    r"apologi[sz]ed)$"
)
_ON: Final = re.compile(r"\s(?:on|upon|to|with)\s")
_THAT: Final = re.compile(r"\sthat\s")
_ANSWERS: Final = re.compile(
    r"\b(?:accept|reject|refuse|declin|welcom|turn(?:ed|s)? down|dismiss|ignor|answer|rebuff)\w*(?:\s[\w-]+){1,6}?\s"
    r"(?:offers?|proposals?|demands?|calls?|requests?|appeals?|invitations?|bids?|ultimatum|"
    r"letters?)\s(?:\w+\s)?(?:from|by)\s"
)
_AUDIENCE: Final = re.compile(
    r"(?:reporters?|journalists?|the press|the media|media|us|me|them|him|her|it|that|the public|local media|"
    r"state media|staff|(?:her|his|its|their) (?:staff|supporters|followers)|supporters|analysts|"
    r"(?:a|the|an) \w+ conference|(?:this|the same|the) (?:reporters?|newspaper|agency|magazine|writer)|"
    r"(?:(?:a|the|an) )?(?:\w+ ){0,3}(?:television|TV|news channel|radio)|what|how|why|whether|if|for|"
    r"about|to|of|all|people|\w+ing)\b",
    re.IGNORECASE,
)
_END: Final = re.compile(
    r"\s(?:the|an?|that|he|she|it|they|we|his|her|its|their|only|not|no|to|for|by|in|on|at|with|over|against|from|"
    r"after|before|"
    r"of\s\w+\s(?:activity|\w+ing)|two|three|four|five|more|most|many|\d\S*)\s"
)
_ARTICLES: Final = re.compile(r"(?:(?:both|all)\b\s?)?(?:(?:the|an?|his|her|its|their)\b)?", re.IGNORECASE)
_PAPERS: Final = re.compile(r"\b(?:letter|statement|report|study|question|claim)s?$")
_OWNED: Final = re.compile(r"^(?P<owner>(?:[Tt]he\s)?[A-Z][\w’'.-]*?(?:\s[A-Z][\w’'.-]*?)*)['’]s\s[a-z]")

_MEDIA: Final = re.compile(
    r"(?:the\s)?(?:[A-Z][\w’'-]*\s)*(?:Agence\s[\w-]+|AFP|AP|AAP|ANSA|DPA|EFE|Reuters|Bloomberg|BBC|CNN|NPR|PBS|CBS|NBC|ABC|Xinhua|"
    r"TASS|Interfax|Jazeera|News|Times|Post|Press|Radio|TV|Television|Tribune|Herald|Journal|Guardian|Gazette|"
    r"Chronicle|"
    r"Telegraph|Magazine|Observer|Agency|Presse|\w+-TV|Wikinews|Atlantic|Economist|Independent|Standard|Courier|"
    r"Weekly)(?:\s(?:Radio|World|Service|agency|magazine|"
    r"newspaper|television|[A-Z][\w-]*))*",
)
"""Who is told something in order to tell it to readers."""


def addressee_of(words: str, reading: Candidate) -> Span | None:
    """The words that name the one addressed, in the masked words of a statement; None where there are none."""
    if reading.cue is None:
        return None
    cue = reading.cue.of(words)
    place = _place_after(words, reading.cue)
    span = phrase_after(words, place) if place is not None else None
    if span is None or _AUDIENCE.match(span.of(words)):
        return None
    span = _cut(words, span)
    phrase = span.of(words)
    medium = _MEDIA.match(phrase) if cue.startswith(("told", "tell", "spoke")) else None
    if medium and not phrase[medium.end() :].strip()[:1].isupper():
        return None
    return span if _is_somebody(phrase) else None


def _place_after(words: str, cue: Span) -> int | None:
    """Where the words begin that may name whom the cue addresses; None where it addresses nobody."""
    said = cue.of(words)
    if match := _ANSWERS.match(words, cue.start):
        return match.end()
    if match := _ON.match(words, cue.end):
        return match.end() if _TURNING.search(said) or _ADDRESSING.search(said + match.group().rstrip()) else None
    if said.endswith(("demanded", "demands")) and (match := _THAT.match(words, cue.end)):
        return match.end()
    if not (match := _ADDRESSING.search(said)):
        return None
    return cue.start + match.end() if said.startswith(("told ", "tells ")) else cue.end


def _cut(words: str, span: Span) -> Span:
    """The phrase up to what no longer names anybody, and of "the House's decision" the House."""
    phrase = span.of(words)
    if owned := _OWNED.match(phrase):
        return Span(span.start, span.start + owned.end("owner"))
    first = _ARTICLES.match(phrase)
    begin = first.end() if first else 0
    if match := _END.search(f"{phrase} ", begin + 1):
        return Span(span.start, span.start + match.start())
    return span


def _is_somebody(phrase: str) -> bool:
    """Whether a phrase names who can be addressed: a name, a body, people; not "the delay" or "Friday"."""
    bare = re.sub(r"^(?:the|an?|his|her|its|their|both|all|two|three)\s", "", phrase, flags=re.IGNORECASE)
    if not bare or bare[0].isdigit() or bare.split()[0] in NO_NAMES or _PAPERS.search(bare):
        return False
    return bare[0].isupper() or is_group(bare) or is_body(bare) or is_office(bare)
