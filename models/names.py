"""Names in a text: sequences of capitals, told apart into persons and bodies by the words around them."""

import re
from bisect import bisect_left, insort
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import dropwhile
from typing import Final, NamedTuple

from models.cues import SAYS
from models.titles import BODIES, DEMONYMS, FEMALE, MALE, NO_NAMES, OCCUPATION, STYLES, TITLES

_CAPITAL: Final = (
    r"(?:(?:Brig|Gen|Mr|Mrs|Ms|Dr|Sen|Rep|Gov|Lt|Col|Capt|Maj|Sgt|Prof|Rev|St|Cllr|Messrs|Hon|[A-Z])\.|"
    r"[A-ZÀ-ÖØ-ÞĀ-Ž](?:(?:[\w’'-]|\.(?=\w))*\w)?)"
)
_PARTICLE: Final = r"(?:de|del|dela|della|da|dos|du|van|von|der|den|al|el|bin|ibn|la|le|ter|y)"
_SEQUENCE: Final = re.compile(
    rf"(?<![\w’'-])(?:(?:al|el)-)?{_CAPITAL}(?:\s(?:{_PARTICLE}\s){{0,2}}(?:(?:al|el)-)?{_CAPITAL})*"
)
_BODY: Final = re.compile(rf"(?<![\w’'-]){_CAPITAL}['’]?(?:\s(?:(?:of|for|and|on)\s(?:the\s)?)?{_CAPITAL}['’]?)*")
_ACRONYM: Final = re.compile(r"\s\((?:the\s)?([A-Z][A-Za-z&.-]{1,9})\)")
_PREPOSED: Final = re.compile(r"(?:^|\s)(?P<title>[\w.’'-]+)\s(?:of|to|for|from)\s(?:the\s)?$")
_OFFICE: Final = re.compile(r"\b[A-Z]\w+\s(?:\w+\s)?([a-z]+)\s$")
_AFTER_PREPOSITION: Final = re.compile(r"\b(?:[Tt]he|of|for|in|on|at|and the)\s$")
_ACTS: Final = re.compile(r"\s(?:\w+ed|\w+s|has|had|is|was|did|could|would|will|took|went|came|made|put|told|sat)\b")
ARTICLE: Final = re.compile(r"^(?:the|an?)\s+", re.IGNORECASE)


MOST_NAMES: Final = 5
"""Words that a person's name has at most."""
_SECOND: Final = frozenset({"Deputy", "Vice", "Former", "Ex-President", "Acting", "Lieutenant"})
"""Words in titles whose bearers are not whom the rest of the title means."""


@dataclass(slots=True, eq=False)
class Person:
    """A person: the name, its words, where it stands, and what else the text tells."""

    name: str
    words: tuple[str, ...]
    places: list[int] = field(default_factory=list)
    is_surely: bool = False  # a title, or the family name alone somewhere
    gender: str | None = None
    roles: set[str] = field(default_factory=set)
    pronouns: Counter[str] = field(default_factory=Counter)  # those that follow the name in its sentence

    def last_before(self, place: int) -> int:
        """Where the name stands last before a place, -1 where it does not."""
        index = bisect_left(self.places, place)
        return self.places[index - 1] if index else -1

    def __lt__(self, other: "Person") -> bool:
        return self.name < other.name


class Named(NamedTuple):
    """A name found in a phrase: the titles before it, its words, and whether the phrase says more."""

    title: tuple[str, ...]
    name: tuple[str, ...]
    rest: str


def split_title(words: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The titles at the beginning of a sequence of capitals and the name that follows them."""
    parts = list(dropwhile((NO_NAMES | DEMONYMS).__contains__, words.split()))
    titles = [is_title(part) for part in parts]
    if parts and _looks_like_an_occupation(parts[-1]) and not any(titles[-2:-1]):
        titles[-1] = False  # "Marta Lindqvist"; but "Chief Economist"
    cut = max((index + 1 for index, is_one in enumerate(titles) if is_one), default=0)
    return tuple(part.rstrip(".") for part in parts[:cut]), tuple(parts[cut:])


def _is_acronym(word: str) -> bool:
    """Whether a word is written in capitals alone, as no name is but in headings."""
    return len(word) > 2 and word.isupper() and word.isalpha()


def is_title(word: str) -> bool:
    """Whether a word before a name is a title or an occupation."""
    bare = word.rstrip(".")
    return _is_known_title(bare) or bool(OCCUPATION.fullmatch(bare))


def _is_known_title(bare: str) -> bool:
    return bare in TITLES or bare.rsplit("-", 1)[-1].title() in TITLES


def _looks_like_an_occupation(word: str) -> bool:
    """Whether nothing but its ending makes a title of a word, as a family name may have it too."""
    bare = word.rstrip(".")
    return not _is_known_title(bare) and bool(OCCUPATION.fullmatch(bare))


def person_of(phrase: str) -> Named | None:
    """The person's name that stands last in a phrase, unless it is a possessor's; None where none does."""
    for match in reversed(list(_SEQUENCE.finditer(phrase))):
        words = match.group()
        if re.search(r"['’]s$", words):
            return None
        words = re.split(r"['’]s\s", words)[-1]
        title, name = _name(words, phrase[: match.start()])
        if re.search(r"\w", phrase[match.end() :]):
            return None
        if name and not any(word in BODIES for word in name):
            return Named(title, name, phrase[: match.start()].strip())
    return None


def _name(words: str, before: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Title and name of a sequence; after "Secretary of" the first words are the office's and the last two the name."""
    title, name = split_title(words)
    preposed = _PREPOSED.search(before)
    if preposed and not title and is_title(preposed["title"].title()):
        n_kept = 3 if len(name) > 3 and (len(name[-2]) <= 2 or name[-2].islower()) else 2
        name = name[-n_kept:] if len(name) >= 3 else ()
        title = (preposed["title"],)
    return title, name


def people_of(text: str) -> dict[str, Person]:
    """The persons whom a text names in full, or by a title and a family name, by their names."""
    people: dict[str, Person] = {}
    lone: list[tuple[int, tuple[str, ...], str]] = []
    for match in _SEQUENCE.finditer(text):
        for at, words in _possessors(match):
            before = text[max(0, at - 40) : at]
            title, name = _name(words, before)
            if (
                not name
                or len(name) > 5
                or any(word in BODIES or word in NO_NAMES or _is_acronym(word) for word in name)
            ):
                continue
            if len(name) == 1:
                lone.append((at, title, name[0]))
            elif title or not _AFTER_PREPOSITION.search(before) or _PREPOSED.search(before):
                _note(people.setdefault(" ".join(name), Person(" ".join(name), name)), at, title)
    by_word = by_word_of(people)
    for at, title, word in lone:
        gender = _gender(title)
        known = [person for person in by_word.get(word, []) if gender is None or person.gender in (None, gender)]
        if known:
            person = max(known, key=lambda one: one.last_before(at))
            after_article = re.search(r"\b[Tt]he\s$", text[max(0, at - 4) : at])
            acts = word != person.words[0] or _ACTS.match(text, at + len(word))
            person.is_surely = person.is_surely or bool(not after_article and acts)
            _note(person, at, title)
        elif (title or _holds_office(text, at)) and not word.isupper() and not _is_verb(word):
            styled = f"{title[-1]} {word}" if title and title[-1] in STYLES else word
            person = people.setdefault(styled, Person(styled, (word,)))
            by_word.setdefault(word, []).append(person)
            _note(person, at, title)
    return people


def _holds_office(text: str, place: int) -> bool:
    """Whether an office in small letters stands before a name: "Turkish president Erdem"."""
    before = _OFFICE.search(text, max(0, place - 30), place)
    return before is not None and before[1].title() in TITLES


def _is_verb(word: str) -> bool:
    return word.endswith("s") and bool(SAYS.fullmatch(word.lower()))


def by_word_of(people: Mapping[str, Person]) -> dict[str, list[Person]]:
    """The persons by each word of their names that may stand for them: the first, and all that may be a family name."""
    by_word: dict[str, list[Person]] = {}
    for person in people.values():
        for word in dict.fromkeys(person.words):
            if len(word) > 2:
                by_word.setdefault(word, []).append(person)
    return by_word


def _possessors(match: re.Match[str]) -> Iterator[tuple[int, str]]:
    """The sequences of a match, cut after each possessor, with their places."""
    place = 0
    for part in re.finditer(r"['’]s(?:\s|$)|$", match.group()):
        if part.start() > place:
            yield match.start() + place, match.group()[place : part.start()]
        place = part.end()


def _note(person: Person, place: int, title: tuple[str, ...]) -> None:
    insort(person.places, place)
    if title:
        person.is_surely = True
        if not _SECOND.intersection(title):
            person.roles |= {word.lower() for word in title if word not in MALE | FEMALE}
        person.roles.add(" ".join(title).lower())
        person.gender = _gender(title) or person.gender


def _gender(title: tuple[str, ...]) -> str | None:
    return "he" if MALE & set(title) else "she" if FEMALE & set(title) else None


@dataclass(slots=True, eq=False)
class Body:
    """A body or a place: its name and where the text has it."""

    name: str
    places: list[int] = field(default_factory=list)

    def last_before(self, place: int) -> int:
        """Where the name stands last before a place, -1 where it does not."""
        index = bisect_left(self.places, place)
        return self.places[index - 1] if index else -1


def bodies_of(text: str, people: Mapping[str, Person]) -> tuple[dict[str, Body], dict[str, str]]:
    """The bodies that a text names, by their names in lower case, and what short forms stand for."""
    bodies: dict[str, Body] = {}
    aliases: dict[str, str] = {}
    for match in _BODY.finditer(text):
        words = _without_bearer(list(dropwhile(NO_NAMES.__contains__, match.group().split())), people)
        name = re.sub(r"['’]s?$", "", " ".join(words))
        if not name or not name[0].isupper() or name in people:
            continue
        for part in {name, *re.split(r"\sand\s(?:the\s)?", name)}:
            bodies.setdefault(part.lower(), Body(part)).places.append(match.start())
        if len(words) > 1 and any(word in BODIES for word in words):
            aliases.setdefault(initials_of(name), name)
    for match in _ACRONYM.finditer(text):
        before = text[max(0, match.start() - 90) : match.start()]
        if full := _spelt_out(before, match[1]):
            aliases[match[1]] = full
            bodies.setdefault(full.lower(), Body(full, [match.start() - len(full)]))
    return bodies, aliases


def _without_bearer(words: list[str], people: Mapping[str, Person]) -> list[str]:
    """The words of a body's name without the title and the name of a person behind it, and up to a day or a "The"."""
    for start in range(max(0, len(words) - MOST_NAMES), len(words) - 1):
        if " ".join(words[start:]) in people:
            while start and is_title(words[start - 1]):
                start -= 1
            words = words[:start]
            break
    end = next((index for index, word in enumerate(words) if index and word in NO_NAMES), len(words))
    words = words[:end]
    while words and words[-1].islower():
        words = words[:-1]
    return words


def _spelt_out(before: str, acronym: str) -> str | None:
    """The words before a bracket whose capitals are the letters in it; else all the name that ends there."""
    starts = [match.start() for match in re.finditer(r"(?<![\w’'-])[A-Z]", before)]
    for start in reversed(starts):
        if initials_of(before[start:]) == acronym.replace(".", "").upper():
            return before[start:]
    bodies = list(_BODY.finditer(before))
    if bodies and bodies[-1].end() == len(before):
        return re.split(r"\sand\sthe\s", ARTICLE.sub("", bodies[-1].group()))[-1]
    return None


def initials_of(name: str) -> str:
    """The capitals that the words of a name begin with."""
    return "".join(word[0] for word in re.split(r"[\s-]", name) if word[:1].isupper())


def shortened(name: str) -> list[str]:
    """The words that may stand for a body's name: "the front" for Island Front, "Northline" for Northline Shipping."""
    words = name.split()
    if len(words) == 1:
        return []
    head = re.split(r"\s(?:of|for|on|against)\s", name)[0].split()[-1]
    return [f"the {head.lower()}", *([words[0]] if len(words) < 4 and words[-1] in BODIES else [])]
