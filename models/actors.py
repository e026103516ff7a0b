"""Who is who in an article: one name for all the ways in which it is written, found from the text alone.

A person is known by the fullest name that the article gives, titles left out; "Mr Kim" and "Kim" are that person, and of
two of one family name the one named last. A body is known by its name; its initials, "the ministry" and "it" lead there.
What the rules cannot tell stays unknown.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from models.span import Span
from models.titles import BODIES, FEMALE, MALE, NO_NAMES, TITLES

_CAPITAL = r"(?:[A-ZÀ-ÞŁŠŽĐ][\w’'.-]*[\w]|[A-Z]\.?)"
_PARTICLE = r"(?:de|del|della|da|dos|du|van|von|der|den|al|el|bin|ibn|la|le|ter|y)"
_SEQUENCE: Final = re.compile(rf"{_CAPITAL}(?:\s(?:{_PARTICLE}\s){{0,2}}{_CAPITAL})*")
_BODY: Final = re.compile(rf"{_CAPITAL}(?:\s(?:(?:of|for|and|the|on|in)\s){{0,2}}{_CAPITAL})*")
_ARTICLE: Final = re.compile(
    r"^(?:the|a|an|its|his|her|their|our|this|that|one|another|both|some of the)\s+", re.IGNORECASE
)
_POSSESSIVE: Final = re.compile(r"['’]s?$")
_TAIL: Final = re.compile(
    r"(?:,|\s(?:including|such as|like|who|which|from|at|in|on|with|near|under|of the same)\s).*$", re.DOTALL
)
_ACRONYM: Final = re.compile(r"\(([A-Z][A-Za-z&.-]{1,9})\)")
SINGULAR: Final = frozenset({"he", "she", "him", "her", "his", "i", "himself", "herself"})
PLURAL: Final = frozenset({"they", "it", "we", "its", "their", "them", "us", "our", "itself", "themselves"})


@dataclass(slots=True)
class _Person:
    """A person: the name, its words, and where it stands."""

    name: str
    words: tuple[str, ...]
    places: list[int] = field(default_factory=list)
    is_surely: bool = False
    gender: str | None = None


class Cast:
    """The persons and bodies of one text. ``resolve`` gives the name of whoever a phrase stands for."""

    def __init__(self, text: str, quoted: Iterable[Span] = ()) -> None:
        self._text = text
        self._quoted = tuple(quoted)
        self._people: dict[str, _Person] = {}
        self._by_word: dict[str, list[_Person]] = {}
        self._roles: dict[str, str] = {}
        self._bodies: dict[str, str] = {}
        self._aliases: dict[str, str] = {}
        self._find_people()
        self._find_bodies()

    def resolve(self, phrase: str, place: int, *, last: Iterable[str] = ()) -> str | None:
        """The name of whoever ``phrase``, which begins at ``place``, stands for; None where nobody can tell.

        ``last`` are those who spoke before, latest first: what pronouns are looked for in.
        """
        words = _POSSESSIVE.sub("", phrase.strip(' ,.;:"“”‘’'))
        low = words.lower()
        if low in SINGULAR:
            return self._person_before(place, low, last=tuple(last))
        if low in PLURAL:
            return self._body_before(tuple(last))
        return self._person_in(words, place) or self._body_in(words, place)

    def labelled(self, label: str) -> str | None:
        """The name of whoever speaks under a label of a transcript; None for Q, which anybody may ask."""
        bare = re.sub(r"\s*\([^)]*\)$", "", label).strip()
        if bare.upper() in {"Q", "QUESTION", "REPORTER", "QUESTIONER", "JOURNALIST"}:
            return None
        if bare.upper() in {"A", "ANSWER"}:
            return self._interviewed() or bare
        title, name = _split_title(bare.title() if bare.isupper() else bare)
        if name and name[-1] in self._by_word:
            return self._fuller(self._closest(self._by_word[name[-1]], len(self._text), title)).name
        words = bare.split()
        is_titled = len(words) > 1 and words[0].rstrip(".").title() in MALE | FEMALE | {"Dr"}
        return " ".join(words[1:]) if is_titled else bare

    def _interviewed(self) -> str | None:
        """The person named first in the text: whom the introduction of an interview is about."""
        named = [person for person in self._people.values() if person.places]
        return min(named, key=lambda person: person.places[0]).name if named else None

    def is_person(self, name: str) -> bool:
        """Whether a name that ``resolve`` gave is a person's."""
        return name in self._people

    def _find_people(self) -> None:
        for match in _SEQUENCE.finditer(self._text):
            title, name = _split_title(match.group())
            if (
                len(name) < 2
                or len(name) > 4
                or any(word in BODIES for word in name)
                or any(w in NO_NAMES for w in name)
            ):
                continue
            person = self._people.setdefault(" ".join(name), _Person(" ".join(name), name))
            person.places.append(match.start())
            self._note_title(person, title)
        for person in self._people.values():
            for word in {person.words[0], person.words[-1]}:
                self._by_word.setdefault(word, []).append(person)
        for match in _SEQUENCE.finditer(self._text):
            title, name = _split_title(match.group())
            if len(name) == 1 and name[0] in self._by_word:
                person = self._closest(self._by_word[name[0]], match.start(), title)
                person.places.append(match.start())
                person.is_surely = True
                self._note_title(person, title)
            elif len(name) == 1 and title:
                person = self._people.setdefault(name[0], _Person(name[0], name))
                person.places.append(match.start())
                self._by_word.setdefault(name[0], []).append(person)
                self._note_title(person, title)
        for person in self._people.values():
            person.places.sort()

    def _note_title(self, person: _Person, title: tuple[str, ...]) -> None:
        if not title:
            return
        person.is_surely = True
        for word in title:
            self._roles[word.lower()] = person.name
            if word in MALE or word in FEMALE:
                person.gender = "he" if word in MALE else "she"

    def _find_bodies(self) -> None:
        for match in _BODY.finditer(self._text):
            words = match.group().split()
            while words and words[0] in {"The", "A", "An", *NO_NAMES}:
                words = words[1:]
            if not words or " ".join(words) in self._people:
                continue
            name = " ".join(words)
            self._bodies.setdefault(name.lower(), name)
            if len(words) > 1:
                initials = "".join(word[0] for word in words if word[0].isupper())
                self._aliases.setdefault(initials, name)
        for match in _ACRONYM.finditer(self._text):
            before = self._text[max(0, match.start() - 80) : match.start()].rstrip()
            full = re.search(rf"{_BODY.pattern}$", before)
            if full:
                self._aliases[match[1]] = _ARTICLE.sub("", full.group())

    def _person_in(self, phrase: str, place: int) -> str | None:
        for chunk in phrase.split(","):
            if _ARTICLE.match(chunk) and any(word in BODIES for word in chunk.split()[-1:]):
                continue
            for match in reversed(list(_SEQUENCE.finditer(_POSSESSIVE.sub("", chunk.strip())))):
                if match.group().endswith(("'s", "’s")):
                    continue
                title, name = _split_title(match.group())
                if not name or any(word in BODIES for word in name):
                    continue
                full = " ".join(name)
                if full in self._people:
                    return self._fuller(self._people[full]).name
                if len(name) == 1 and name[0] in self._by_word:
                    return self._fuller(self._closest(self._by_word[name[0]], place, title)).name
        return None

    def _fuller(self, person: _Person) -> _Person:
        """The same person under the longest name: the same first and last words, or the last alone."""
        same = [
            other
            for other in self._by_word.get(person.words[-1], [])
            if other.words[-1] == person.words[-1] and other.words[0] == person.words[0]
        ]
        return max([person, *same], key=lambda other: len(other.words))

    def _closest(self, people: list[_Person], place: int, title: tuple[str, ...] = ()) -> _Person:
        """Of people of one name, those whom the title fits, and of them the one named last before the place."""
        gender = "he" if set(title) & MALE else "she" if set(title) & FEMALE else None
        fitting = [person for person in people if gender is None or person.gender in (None, gender)] or people
        return max(
            fitting, key=lambda person: (_last_before(person.places, place), -person.places[0] if person.places else 0)
        )

    def _person_before(self, place: int, pronoun: str, *, last: tuple[str, ...]) -> str | None:
        if pronoun == "i":
            return None
        gender = "he" if pronoun in {"he", "him", "his", "himself"} else "she"
        sentence_start = max(self._text.rfind(". ", 0, place), self._text.rfind("\n", 0, place), 0)
        best: tuple[float, str] | None = None
        for person in self._people.values():
            before = _last_before(person.places, place)
            if before < 0 or not person.is_surely or person.gender not in (None, gender):
                continue
            if place - before > 700:
                continue
            score = -(place - before) + (400 if person.name in last[:1] else 150 if person.name in last else 0)
            if person.gender == gender:
                score += 100
            if before >= sentence_start:
                score -= 60
            if best is None or score > best[0]:
                best = score, person.name
        if best:
            return best[1]
        return next((name for name in last if self.is_person(name)), None)

    def _body_before(self, last: tuple[str, ...]) -> str | None:
        return next((name for name in last if not self.is_person(name)), None)

    def _body_in(self, phrase: str, place: int) -> str | None:
        core = _TAIL.sub("", re.split(r"\sand\s(?=the\s)", phrase)[0]).strip()
        core = _ACRONYM.sub("", core).strip()
        bare = _ARTICLE.sub("", core)
        if bare in self._aliases and bare.upper() == bare:
            return self._aliases[bare]
        low = bare.lower()
        if low in self._bodies:
            return self._bodies[low]
        is_definite = core.lower().startswith(("the ", "its ", "their ", "his ", "her "))
        head = low.split()[-1] if low else ""
        if is_definite and head in self._roles and len(low.split()) <= 2:
            return self._roles[head]
        if is_definite and len(low.split()) == 1:
            fuller = [name for key, name in self._bodies.items() if head in key.split() and len(key.split()) > 1]
            before = [name for name in fuller if self._text.rfind(name, 0, place) >= 0]
            if before:
                return max(before, key=lambda name: self._text.rfind(name, 0, place))
        return bare or None


def _split_title(words: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The titles at the beginning of a sequence of capitals and the name that follows them."""
    parts = [_POSSESSIVE.sub("", part) for part in words.split()]
    while parts and parts[0] in NO_NAMES:
        parts = parts[1:]
    cut = max((index + 1 for index, part in enumerate(parts) if part.rstrip(".") in TITLES), default=0)
    return tuple(part.rstrip(".") for part in parts[:cut]), tuple(parts[cut:])


def _last_before(places: list[int], place: int) -> int:
    return max((candidate for candidate in places if candidate < place), default=-1)
