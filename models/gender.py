"""Who is "he" and who is "she": told by titles, by what a text calls a person, by its own pronouns, by given names."""

import re
from collections import Counter
from collections.abc import Mapping
from typing import Final

from models.names import Person
from models.titles import word_set

_WOMEN: Final = word_set(
    "woman chairwoman spokeswoman congresswoman councilwoman businesswoman mother wife widow daughter sister actress "
    "queen princess girl saleswoman policewoman grandmother aunt niece nun midwife baroness duchess"
)
_MEN: Final = word_set(
    "man chairman spokesman congressman councilman businessman father husband widower son brother actor king prince "
    "boy salesman policeman grandfather uncle nephew monk ombudsman baron duke"
)
_FEMALE_NAMES: Final = word_set(
    "Mary Patricia Jennifer Linda Elizabeth Barbara Susan Jessica Sarah Karen Nancy Lisa Betty Margaret Sandra Ashley "
    "Kimberly Emily Donna Michelle Carol Amanda Melissa Deborah Stephanie Rebecca Laura Sharon Cynthia Kathleen Amy "
    "Angela Anna Ana Anne Emma Nicole Helen Samantha Katherine Catherine Christine Rachel Maria Marie Olivia Julia "
    "Theresa Teresa Claire Diana Jane Joan Alice Rose Irene Eva Lucy Elena Olga Natalia Natalya Tatiana Svetlana "
    "Ekaterina Yulia Fatima Aisha Amina Leila Layla Maryam Zainab Khadija Priya Indira Sonia Sushma Mei Yuki Ingrid "
    "Ursula Greta Astrid Sofia Sophia Sophie Isabel Isabella Carmen Lucia Giulia Francesca Chiara Camille Hillary "
    "Kamala Jacinda Melania Ivanka Nadia Hanna Hannah Ruth Grace Gloria Victoria Charlotte Caroline Carolyn"
)
_MALE_NAMES: Final = word_set(
    "James Robert John Michael David William Richard Joseph Thomas Charles Christopher Daniel Matthew Anthony Mark "
    "Donald Steven Stephen Paul Andrew Joshua Kenneth Kevin Brian George Edward Ronald Timothy Jason Jeffrey Ryan "
    "Jacob Gary Nicholas Eric Jonathan Larry Justin Scott Brandon Benjamin Samuel Gregory Frank Alexander Patrick Jack "
    "Dennis Jerry Peter Henry Walter Boris Vladimir Sergei Sergey Dmitry Ivan Mikhail Igor Oleg Nikolai Viktor Andrei "
    "Emmanuel Jean Pierre Michel François Jacques Hans Klaus Heiko Wolfgang Giuseppe Matteo Luigi Mario Carlos José "
    "Jose Juan Luis Pedro Miguel Fernando Jorge Diego Nicolás Jair Luiz Recep Mehmet Mustafa Ahmed Ahmad Mohammed "
    "Mohammad Muhammad Mohamed Ali Hassan Hussein Ibrahim Omar Khalid Abdul Abdullah Narendra Rahul Amit Imran Xi "
    "Shinzo Joe Bernie Mike Tim Tom Ted Bill Bob Jim Nick Greg Chris Steve Tony Alex Ben Sam Simon Martin Philip "
    "Graham Ian Colin Keith Nigel Jeremy Keir Gordon Harry Oscar Lars Sven Olaf Erik Jens Bjorn Jan Piotr Andrzej"
)
"""Common given names of people in English-language news; names that are given to women and men alike are left out."""

_APPOSED_AFTER: Final = re.compile(r",\s(?:the|an?|its|their|his|her|another)\s([^,.;:!?\n\"“”]{3,60})")
_APPOSED_BEFORE: Final = re.compile(r"([A-Za-z'’-]+)(?:,\s(?:\w+\s)?|\s)$")
_PRONOUN: Final = re.compile(r"\b(he|she|his|her|himself|herself)\b|[.!?](?=\s)|\n|[\"“”]", re.IGNORECASE)
_SUBJECT: Final = re.compile(r"(?:^|[.!?][\"”]?\s|\n)(?:[^\s.!?]+\s){0,4}$")
_NO_SUBJECT: Final = re.compile(r"\b(?:to|of|with|by|for|from|told|met|and|against|at|on|in|about)\s$")
MASCULINE: Final = frozenset({"he", "his", "himself"})
REACH: Final = 120
"""Characters behind a name within which a pronoun of the same sentence is taken to be its bearer's."""


def tell_genders(text: str, people: Mapping[str, Person]) -> None:
    """Set the gender of each person of whom a text tells it and no title does; those it leaves open stay open."""
    places = sorted((place, person) for person in people.values() for place in person.places)
    for index, (place, person) in enumerate(places):
        if person.gender is None:
            following = places[index + 1][0] if index + 1 < len(places) else len(text)
            if found := _called(text, place, person):
                person.gender, person.is_surely = found, True
            elif _is_subject(text, place):
                person.pronouns[_pronoun_after(text, place, min(following, place + REACH))] += 1
    for person in people.values():
        if person.gender is None:
            named = _of_given_name(person)
            person.is_surely = person.is_surely or named is not None
            person.gender = _of_votes(person.pronouns) or named


def _called(text: str, place: int, person: Person) -> str | None:
    """The gender of what stands in apposition to a name: "its chairwoman, Inga Sarre", "Inga Sarre, a mother"."""
    nouns: list[str] = []
    last = text.find(person.words[-1], place, place + 60)
    if last >= 0 and (match := _APPOSED_AFTER.match(text, last + len(person.words[-1]))):
        nouns += re.split(r"\s(?:of|for|at|in|from|who|with)\s", match[1])[0].split()[-1:]
    if match := _APPOSED_BEFORE.search(text, max(0, place - 40), place):
        nouns.append(match[1])
    for noun in nouns:
        if noun.lower() in _WOMEN:
            return "she"
        if noun.lower() in _MEN:
            return "he"
    return None


def _is_subject(text: str, place: int) -> bool:
    """Whether a name stands near the beginning of its sentence, where its subject does."""
    start = max(0, place - REACH)
    return bool(_SUBJECT.search(text, start, place)) and not _NO_SUBJECT.search(text, start, place)


def _pronoun_after(text: str, place: int, end: int) -> str:
    match = _PRONOUN.search(text, place, end)
    if match is None or match[1] is None:
        return ""
    return "he" if match[1].lower() in MASCULINE else "she"


def _of_votes(votes: Counter[str]) -> str | None:
    if votes["he"] > 2 * votes["she"]:
        return "he"
    return "she" if votes["she"] > 2 * votes["he"] else None


def _of_given_name(person: Person) -> str | None:
    first = person.words[0]
    if len(person.words) < 2:
        return None
    return "he" if first in _MALE_NAMES else "she" if first in _FEMALE_NAMES else None
