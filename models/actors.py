"""Who is who in an article: one name for all the ways in which it is written, found from the text alone.

A person is known by the fullest name that the article gives, titles left out; "Mr Kim" and "Kim" are that person, and
of two of one family name the one named last. A body is known by its name; its initials, "the ministry" and "it" lead
there. What the rules cannot tell stays unknown.
"""

import re
from bisect import bisect_left
from collections.abc import Sequence
from itertools import takewhile
from typing import Final

from models.gender import tell_genders
from models.names import (
    ARTICLE,
    Body,
    Person,
    bodies_of,
    by_word_of,
    is_title,
    people_of,
    person_of,
    shortened,
    split_title,
)
from models.referents import is_body, is_group, is_one_name, is_somebody, joined_in, named_in, owner_of, subject_of
from models.roles import bearers, note_roles
from models.titles import BODIES, FEMALE, MALE

SINGULAR: Final = {"he": "he", "him": "he", "his": "he", "himself": "he", "she": "she", "her": "she", "herself": "she"}
PLURAL: Final = frozenset({"they", "it", "its", "their", "them", "itself", "themselves"})
NOBODY: Final = frozenset(
    {"i", "we", "you", "us", "our", "who", "which", "that", "one", "some", "others", "many", "there"}
)
ASKING: Final = frozenset({"Q", "QUESTION", "REPORTER", "QUESTIONER", "JOURNALIST", "INTERVIEWER"})
ANSWERING: Final = frozenset({"A", "ANSWER"})
PRONOUNS: Final = frozenset({*SINGULAR, *PLURAL, *NOBODY})
N_LOOKED_BACK: Final = 5
"""Statements before a pronoun in which whoever it stands for is looked for."""

_SHORT: Final = re.compile(r"\s\((?:the\s)?([A-Z][\w&.-]{1,9})\)$")
_SMALL: Final = re.compile(r"(?:[Tt]he\s)?(?:(?:[A-Z]\w+-)?[a-z-]+\s)*")
_ACRONYM: Final = re.compile(r"\s*\([^)]*\)")
_BEHIND: Final = re.compile(r"['’]s?$|\s(?:him|her|it|them)sel(?:f|ves)$")
_TAIL: Final = re.compile(
    r"(?:,|\s(?:including|such as|like|who|which|whom|whose|at|with|near|under|speaking|quoted|on behalf)\s"
    r"|\s(?:from|in|on)\s(?!(?:the\s)?[A-Z][\w\s’'-]*$)).*$",
    re.DOTALL,
)
_QUOTED: Final = re.compile(r"[\"“][^\"“”]*[\"”]?")
_INITIALS: Final = re.compile(r"(?<![\w.])(?:[A-Z]\.)+[A-Z]$")
_LISTED: Final = re.compile(
    r"(?:[Tt]he\s)?(?:[A-Z][\w’'-]*\s)*(?:Institute|Department|Ministry|Centers?|Centre|Committee|Council|Office|Union)"
    r"\s(?:of|for)\s"
)
_OWNS: Final = re.compile(r"['’]s\s[a-z]")
_AND: Final = re.compile(r"\s(?:and|as well as|along with)\s")
_AFTER_ROLE: Final = re.compile(r"\s(?!of|for|and|the|in|at|from|on)[a-z]{3,}\s[A-Z][\w’'-]+(?:\s[A-Z][\w’'-]+)+$")
_OFFICE_HELD: Final = re.compile(r"^[Tt]he [^(]+ \((?P<person>(?:Mr|Mrs|Ms|Miss|Dr|Sir|Dame|Lord|Lady)\b[^)]+)\)$")
_QUESTION: Final = re.compile(r"^\s*Q(?=[:\s])", re.MULTILINE)
_OF: Final = re.compile(r"\s(?:of|from|for|at|in|with|on)\s")

Told = tuple[int, int, str | None]
"""A statement before: where it starts and ends, and who spoke."""


class Cast:
    """The persons and bodies of one text. ``resolve`` gives the name of whoever a phrase stands for."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._people = people_of(text)
        tell_genders(text, self._people)
        note_roles(text, self._people)
        self._by_word = by_word_of(self._people)
        self._places = sorted((place, person) for person in self._people.values() for place in person.places)
        self._roles: dict[str, list[Person]] = {}
        for person in self._people.values():
            for role in person.roles:
                self._roles.setdefault(role, []).append(person)
        self._counted: dict[str, int] = {}
        self._meant: dict[str, list[Person]] = {}  # by descriptions in small letters
        self._offices: dict[str, str] = {}  # labels that are offices, and who was said to hold them
        self._bodies, self._aliases = bodies_of(text, self._people)
        self._short: dict[str, list[Body]] = {}
        for body in self._bodies.values():
            for short in shortened(body.name):
                self._short.setdefault(short, []).append(body)

    def resolve(self, phrase: str, place: int, *, before: Sequence[Told] = ()) -> str | None:
        """The name of whoever ``phrase``, which begins at ``place``, stands for; None where nobody can tell.

        ``before`` are the statements before, latest first: what pronouns are looked for in.
        """
        phrase = phrase.strip(' ,.;:"“”‘’')
        if (short := _SHORT.search(phrase)) and (full := self._aliases.get(short[1])):
            rest = phrase[: short.start()].removesuffix(full)
            if rest != phrase[: short.start()] and _SMALL.fullmatch(rest):
                return full
        words = _BEHIND.sub("", _ACRONYM.sub("", phrase))
        words += "." if _INITIALS.search(words) else ""
        low = owner_of(words) or words.lower()
        if low in SINGULAR:
            return self._person_before(place, SINGULAR[low], before)
        if low in PLURAL:
            return self._body_before(place, before, plural=low == "they") or (words if low != words.lower() else None)
        if low in NOBODY or not words:
            return None
        words = named_in(words)
        return self._person_in(words, place) or self._body_in(words, place)

    def resolve_all(self, phrase: str, place: int, *, before: Sequence[Told] = ()) -> tuple[str, ...]:
        """The names of all whom a phrase joins, "Teel and Osmir": one of one actor, none where nobody can tell."""
        parts = joined_in(phrase)
        if len(parts) > 1 and not is_one_name(phrase) and all(self._is_named(part) for part in parts):
            names = [self.resolve(part, place, before=before) for part in parts]
            return tuple(dict.fromkeys(name for name in names if name is not None))
        name = self.resolve(phrase, place, before=before)
        return (name,) if name is not None else ()

    def _is_named(self, part: str) -> bool:
        """Whether a part of a phrase names an actor by itself: a person, a body that the text has elsewhere too."""
        bare = ARTICLE.sub("", part)
        if self._person_in(part, len(self._text)) or bare in self._aliases:
            return not is_title(bare.split()[-1])
        body = self._bodies.get(bare.lower())
        head = re.split(r"\s(?:of|for|from|in|on|against)\s", bare)[0].split()[-1:]
        if head and (head[0] in BODIES or (part[:4].lower() == "the " and is_body(bare))):
            return True
        if body is not None and bare[0].isupper():
            return self._n_times(bare) > 1 or (part[:4].lower() == "the " and bare.endswith("s"))
        return part[:4].lower() == "the " and (bare.islower() or bare.endswith("s"))

    def _n_times(self, name: str) -> int:
        """How often the text has a name; counted once for each name, as a text may join the same two on every line."""
        if name not in self._counted:
            self._counted[name] = len(re.findall(rf"(?<!\w){re.escape(name)}(?!\w)", self._text))
        return self._counted[name]

    def labelled(self, label: str) -> str | None:
        """The name of whoever speaks under a label of a transcript; None for Q, which anybody may ask."""
        bare = re.sub(r"\s*\([^)]*\)$", "", label).strip()
        if (held := _OFFICE_HELD.search(label)) and (holder := self._person_in(held["person"], len(self._text))):
            self._offices[bare.lower()] = holder
        if bare.lower() in self._offices:
            return self._offices[bare.lower()]
        if bare.upper() in ASKING:
            return None
        if bare.upper() in ANSWERING:
            return self._interviewed() or bare
        title, name = split_title(bare.title() if bare.isupper() else bare)
        if name and name[-1] in self._by_word:
            return self._fullest(self._closest(self._by_word[name[-1]], len(self._text), title)).name
        words = bare.split()
        is_titled = len(words) > 1 and words[0].rstrip(".").title() in MALE | FEMALE | {"Dr"}
        return " ".join(words[1:]) if is_titled else bare

    def _interviewed(self) -> str | None:
        """The person named first, and surely one, before the first question; else the first that looks like one."""
        question = _QUESTION.search(self._text)
        before = takewhile(lambda place: question and place[0] < question.start(), self._places)
        first = next((person for _, person in before if person.is_surely), self._places[0][1] if self._places else None)
        return self._fullest(first).name if first else None

    def _person_in(self, phrase: str, place: int) -> str | None:
        """The person whom a phrase names: of its parts between commas the first, and of that what precedes "of"."""
        chunks = [chunk.strip() for chunk in phrase.split(",")]
        if _LISTED.match(chunks[0]) and not _OWNS.search(chunks[0]):
            del chunks[1:]  # of a list in a body's name no part is a person
        for number, chunk in enumerate(chunks):
            head = _OF.split(chunk, maxsplit=1)[0]
            is_office = head != chunk and (is_title(head.split()[-1].title()) or _AFTER_ROLE.search(chunk))
            for part in (_AND.split(head)[0], *([chunk] if is_office else [])):
                found = person_of(part)
                if found is None or (number and found.rest):
                    continue
                name = " ".join(found.name)
                if name in self._people:
                    return self._fullest(self._people[name]).name
                if len(found.name) == 1 and found.name[0] in self._by_word:
                    return self._fullest(self._closest(self._by_word[found.name[0]], place, found.title)).name
        return None

    def _fullest(self, person: Person) -> Person:
        """The same person under the longest name that begins with the same word and has this one's last."""
        same = [
            other
            for other in self._by_word.get(person.words[-1], [])
            if other.words[0] == person.words[0] and person.words[-1] in other.words
        ]
        return max([person, *same], key=lambda other: len(other.words))

    def _closest(self, people: Sequence[Person], place: int, title: tuple[str, ...] = ()) -> Person:
        """Of people of one name, those whom the title fits, and of them the one named in full last before the place."""
        gender = "he" if MALE & set(title) else "she" if FEMALE & set(title) else None
        fitting = [person for person in people if gender is None or person.gender in (None, gender)] or list(people)
        full = [person for person in fitting if len(person.words) > 1] or fitting
        return max(full, key=lambda person: (person.last_before(place), -person.places[0]))

    def _person_before(self, place: int, gender: str, before: Sequence[Told]) -> str | None:
        """Whoever "he" is: a person named earlier in the sentence, or who spoke or was named first in one before."""
        sentence = before[0][1] if before else 0
        here = self._named(sentence, place)
        if fitting := [person for person in here if person.gender in (None, gender)]:
            return self._fullest(fitting[0]).name
        if described := self._described_person(sentence, place, gender):
            return described
        for start, end, speaker in before[:N_LOOKED_BACK]:
            named = self._named(start, end)
            spoke = [self._people[speaker]] if speaker in self._people else []
            for person in [*spoke, *named]:
                if person.gender in (None, gender):
                    return self._fullest(person).name
            if speaker is not None and speaker not in self._people and is_somebody(speaker):
                return speaker
            if speaker is None and (described := self._described_person(start, end, gender)):
                return described
        for start, end, _ in before[:N_LOOKED_BACK]:
            for person in self._named(start, end, surely=False):
                if person.gender in (None, gender):
                    return self._fullest(person).name
        return None

    def _described_person(self, start: int, end: int, gender: str) -> str | None:
        """The person whom the subject of a sentence describes: "The mayor has left, her office said"."""
        subject = subject_of(self._text, start, end)
        person = self._people.get(self._body_in(subject, start) or "") if subject else None
        return person.name if person and person.gender in (None, gender) else None

    def _named(self, start: int, end: int, *, surely: bool = True) -> list[Person]:
        """The persons who are named in a stretch of the text, in order, those in quotations last.

        ``surely``: without those of whom nothing but their capitals says that they are persons.
        """
        first = bisect_left(self._places, start, key=lambda place: place[0])
        found = [
            (place, person)
            for place, person in takewhile(lambda place: place[0] < end, self._places[first : first + 50])
            if person.is_surely or (not surely and len(person.words) > 1)
        ]
        quoted = [match.span() for match in _QUOTED.finditer(self._text, start, end)] if found else []
        found.sort(key=lambda one: any(begin < one[0] < close for begin, close in quoted))
        return [person for _, person in found]

    def _body_before(self, place: int, before: Sequence[Told], *, plural: bool) -> str | None:
        """Whoever "it" or "they" is: the subject of the sentence so far, or who spoke before and is no person."""
        sentence = before[0][1] if before else 0
        for start, end, speaker in [(sentence, place, None), *before[:N_LOOKED_BACK]]:
            if speaker is not None and speaker not in self._people and not (plural and is_somebody(speaker)):
                return speaker
            subject = subject_of(self._text, start, end) if speaker is None else None
            if subject and (name := self._person_in(subject, start) or self._body_in(subject, start)):
                is_body = name not in self._people and any(word in BODIES for word in name.split())
                if is_body or (plural and is_group(subject)):
                    return name
        return None

    def _body_in(self, phrase: str, place: int) -> str | None:
        core = _TAIL.sub("", phrase).strip()
        parts = _AND.split(core, maxsplit=1)
        if (
            len(parts) > 1
            and self._n_times(core) < 2
            and (parts[1].startswith(("the ", "other ", "some ")) or parts[1].islower())
        ):
            n_bodies = [sum(word in BODIES for word in part.split()) for part in parts]
            core = parts[0] if min(n_bodies) or not parts[0][-1:].isalpha() or parts[1].islower() else core
        bare = ARTICLE.sub("", core)
        bare = re.sub(r"['’]s?$", "", bare)
        if not bare:
            return None
        if bare in self._aliases:
            return self._aliases[bare]
        is_definite = core.lower().startswith(("the ", "its ", "their ", "his ", "her "))
        if is_definite or bare[0].isupper():
            return self._described(bare, place, is_definite=is_definite)
        return core if core.lower().startswith(("another ", "his ", "her ", "its ")) else bare

    def _described(self, bare: str, place: int, *, is_definite: bool) -> str:
        """The fuller name that a short one stands for: of a person by the role, of a body by its last or first word."""
        low, parts = bare.lower(), bare.split()
        if low not in self._meant:
            self._meant[low] = [] if low in self._bodies else bearers(self._text, low, self._roles)
        if self._meant[low]:
            return self._fullest(self._closest(self._meant[low], place)).name
        fuller = self._short.get(f"the {low}" if is_definite else bare, []) if len(parts) == 1 else []
        if (
            fuller
            and (body := max(fuller, key=lambda one: (one.last_before(place), len(one.name)))).last_before(place) >= 0
        ):
            return body.name
        short = re.split(r"\s(?:in|at|from)\s", low)[0]  # "the Producers' League in Orland"
        if low not in self._bodies and short in self._bodies and short.split()[-1].title() in BODIES:
            low = short
        return self._bodies[low].name if low in self._bodies else bare
