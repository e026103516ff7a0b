"""Which words of a phrase name the actor: of "a spokesman for the league" the league, of two in apposition the name."""

import re
from typing import Final

from models.candidates import first_subject
from models.names import is_title
from models.titles import BODIES, word_set

_INCLUDING: Final = re.compile(r",?\s(?:including|such as|among them|via|quoted by|cited by)\s.*$", re.DOTALL)
_CALLED: Final = re.compile(
    r"\b(?:named|called|calls (?:it|him|her)self|call themselves|known (?:only )?as|name (?:only )?as)\s"
    r"(?:the\s)?(?P<name>[A-Z][\w’'.-]*(?:\s(?:[A-Z][\w’'.-]*|\d+))*)$"
)
_SPOKES: Final = r"(?:spokes(?:man|woman|person|people)|press (?:officer|secretary))"
_SPEAKS_FOR: Final = re.compile(
    rf"^(?:an?|the|one|another)?\s*{_SPOKES}\s(?:for|of|from|at)\s(?P<body>.+)$", re.IGNORECASE
)
_BODYS_SPEAKER: Final = re.compile(
    rf"^(?:[Aa]n?|[Tt]he|[Oo]ne|[Aa]nother)\s(?P<body>(?:\w+\s)*[A-Z][\w’'&.-]*(?:\s[\w’'&.-]+)*)\s{_SPOKES}$"
)
_MEMBERS: Final = re.compile(
    r"^(?:[Ss]ome\s|[Tt]he\s|[Tt]wo\s|[Ss]everal\s|[Aa]\s)?(?:\w+\s)?(?i:delegates?|representatives?|gunmen|"
    r"fighters|rebels|"
    r"soldiers|negotiators?|envoys|leaders|activists|workers|supporters)\s(?:of|from)\s(?P<body>(?:the\s)?[A-Z].*)$"
)
_UNION_MEMBERS: Final = re.compile(
    r"^(?i:(?:the\s|some\s)?members of\s)(?P<body>(?:the\s)?[A-Z][^,]*"
    r"\b(?:Union|Federation|Association|Guild|League|Brotherhood|Alliance)\b.*)$"
)
_GROUP: Final = re.compile(
    r"(?:\w(?:ers|ors|ists|ants|ians|men|women)|residents|students|parents|opponents|presidents|dissidents|"
    r"officials|rebels|police|authorities|witnesses|nurses|pilots|crews|"
    r"families|experts|officers|parties|sides|allies|judges|guards|police|governments|countries|states|women|crowd|"
    r"drivers|"
    r"employees|creditors|miners|strikers)\b(?:\s(?:of|from|for|at|in|on)\s.*)?$"
)
_BODIES: Final = word_set(
    "government council company committee court union ministry army party group board parliament assembly commission "
    "agency office team club bank navy country state city company crew staff opposition coalition regime statement "
    "report letter side study league alliance federation association"
)
_OFFICES: Final = frozenset({"Head", "President", "Minister", "Chair", "Chairman", "Secretary", "Director", "Speaker"})
_INSERTED: Final = re.compile(r"\W*(?P<subject>(?:The\s)?[A-Z][\w’'&.-]*(?:\s[A-Z][\w’'&.-]*)*),\s(?:according to\s)?")
_NO_PERSON: Final = re.compile(r"(?:ed|ing|ion|ment|ness|ity|ism|ance|ence)$")
_PRONOUNS: Final = frozenset({"he", "she", "it", "they", "we", "i", "you", "who", "which", "that", "this", "there"})
_JOINS: Final = re.compile(r",\s(?:and\s)?(?=(?:the\s)?[A-Z])|,?\s(?:and|as well as|along with|together with)\s")
_BOTH: Final = re.compile(r"^(?:both|neither|either)\s", re.IGNORECASE)
_DATE: Final = re.compile(
    r"\b(?:(?:\d{1,2}\s)?(?:January|February|March|April|May|June|July|August|September|October|November|December)"
    r"(?:\s\d{1,2})?(?:,?\s\d{4})?,?|(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day)\s"
)
_DOCUMENT: Final = re.compile(
    r"^(?P<of>.*?)\s?\b(?:press release|data|reports?|statement|release|website|figures|survey|poll|study|records|"
    r"accounts?|documents?|notice|letter|post|tweet|research|findings|communiqu[eé]|memo|message)"
    r"(?:\s(?:(?:released|issued|published|signed|sent|written|put out)\s)?(?:from|by|of)\s(?P<by>.+))?$"
)
_NAMES: Final = re.compile(r"(?!(?:The|An?|One|Some|Another|His|Her|Its|Their)\b)[A-Z]")
_GENERIC: Final = re.compile(
    r"^(?:The|An?|One|Another|Its|Their|His|Her|Some|Two)\s(?=[a-z0-9])|^(?:the|an?|one|another|its|their|his|"
    r"her)\s|^[a-z]"
)
_NAME_FIRST: Final = re.compile(r"^(?:the\s(?:[a-z-]+\s){0,2})?(?P<name>(?:the\s)?[A-Z].*)$")
_OWNED: Final = re.compile(
    rf"^(?P<owner>its|their|his|her)\s(?:(?!deputy|prime|chief executive)[\w-]+\s)?(?:{_SPOKES}|offices?|websites?|"
    rf"envoys?|"
    r"delegat(?:es?|ion)|negotiators?|representatives?|leader|whip|secretary|figures|accounts?|statement)$",
    re.IGNORECASE,
)
_OF_THEM: Final = re.compile(r"(?:one|another|some|several|two|both|most|many) of (?:them|their number)", re.IGNORECASE)
_LONE: Final = re.compile(
    rf"^(?:an?|the)\s(?:{_SPOKES}|statement|press release|communiqu[eé]|memo)(?:\s(?:on|to|late|early)\s.+)?$",
    re.IGNORECASE,
)


def named_in(phrase: str) -> str:
    """The part of a phrase that says who the actor is; the phrase itself where nothing in it says more."""
    words = _INCLUDING.sub("", phrase)
    if match := _CALLED.search(words):
        return match["name"]
    words = _apposed(words)
    for pattern in (_SPEAKS_FOR, _BODYS_SPEAKER, _MEMBERS, _UNION_MEMBERS):
        if match := pattern.match(words):
            return match["body"]
    dated = _DATE.sub("", words)
    document = _DOCUMENT.match(dated)
    if document and (document["by"] or _NAMES.search(document["of"])):
        return str(document["by"] or document["of"])
    return words


def _apposed(words: str) -> str:
    """Of a description and a name, parted by a comma, the name: "the sponsor, the watchmaker Corvane" is Corvane."""
    first, comma, rest = words.partition(", ")
    head = re.split(r"\s(?:of|for|from|at|in)\s", first)[0]
    if not comma or not _GENERIC.match(first) or _NAMES.search(head):
        return words
    name = _NAME_FIRST.match(re.sub(r",.*$", "", rest))
    return name["name"] if name else words


def joined_in(phrase: str) -> list[str]:
    """The phrases that "and" or "as well as" joins, as far as marks and words tell; one where nothing is joined.

    "Law and Justice Party" comes apart too: whoever knows the names of the text must see whether each part is one.
    """
    words = _BOTH.sub("", re.sub(r"\s\([^)]*\)", "", phrase))
    if not re.search(r"\s(?:and|as well as|along with|together with)\s", words):
        return [phrase]
    return [part for part in (part.strip(" ,") for part in _JOINS.split(words)) if part]


def is_one_name(phrase: str) -> bool:
    """Whether "and" stands within the name of one body, as in "the Department of Forestry and Fire Protection"."""
    before, _, after = phrase.partition(" and ")
    head, of, _ = re.sub(r"^[Tt]he\s", "", before).partition(" of ")
    is_body = bool(of) and head.split()[-1:] != [] and head.split()[-1] in BODIES
    return is_body and not after.startswith("the ") and not any(word in BODIES for word in after.split())


def owner_of(phrase: str) -> str | None:
    """The pronoun of whoever is meant where a phrase has but a mouth of them: "it" for "its spokesman".

    "it" also where the phrase has no owner at all ("a spokeswoman"); None where the phrase stands for itself.
    """
    if _OF_THEM.fullmatch(phrase):
        return "they"
    if match := _OWNED.match(phrase):
        return {"its": "it", "their": "they", "his": "he", "her": "she"}[match["owner"].lower()]
    return "it" if _LONE.match(phrase) else None


def subject_of(text: str, start: int, end: int) -> str | None:
    """The noun phrase that a sentence begins with, up to its verb; None for pronouns and where none is found."""
    if match := _INSERTED.fullmatch(text, start, end):
        return match["subject"]
    subject = first_subject(text, start, end)
    return subject.of(text) if subject and subject.of(text).lower() not in _PRONOUNS else None


def is_group(phrase: str) -> bool:
    """Whether a phrase names several who may speak: officials, the researchers, the police."""
    return bool(_GROUP.search(phrase))


def is_body(phrase: str) -> bool:
    """Whether a phrase in small letters means a body: the council, the government of Corrado."""
    noun = re.split(r"\s(?:of|for|from|at|in)\s", phrase)[0].split()[-1:]
    return bool(noun) and (noun[0] in _BODIES or noun[0].rstrip("s") in _BODIES)


def is_office(phrase: str) -> bool:
    """Whether a phrase in small letters means whoever holds an office: the mayor."""
    noun = re.split(r"\s(?:of|for|from|at|in)\s", phrase)[0].split()[-1:]
    return bool(noun) and is_title(noun[0].title())


def is_somebody(name: str) -> bool:
    """Whether the name of an actor describes one person, whom "he" may mean: "a farmer", "head of the inquiry"."""
    first = re.split(r"\s(?:of|for|from|at|in)\s", name)[0]
    noun = first.split()[-1:]
    is_person = bool(noun) and (noun[0].islower() or noun[0] in _OFFICES)
    return is_person and not is_group(first) and noun[0] not in _BODIES and not _NO_PERSON.search(noun[0])
