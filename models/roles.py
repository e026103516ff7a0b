"""Which person a description means: "the minister", "the Osmiri president", "the trust's chairman"."""

import re
from collections.abc import Iterator, Mapping
from typing import Final

from models.names import Person, is_title
from models.titles import word_set

_NOUNS: Final = word_set(
    "chairman chairwoman chair chairperson leader head boss chief negotiator envoy secretary spokesman spokeswoman "
    "spokesperson director founder owner lawyer attorney mediator commander governor mayor minister president premier "
    "chancellor king queen prince princess pope bishop archbishop general colonel captain major judge prosecutor "
    "senator "
    "congressman congresswoman ambassador commissioner coach captain manager treasurer organiser organizer delegate "
    "whip speaker regent sheikh emir sultan abbot professor doctor pastor"
)
_SECOND: Final = frozenset({"deputy", "vice", "former", "acting", "assistant", "then"})
_BEFORE: Final = re.compile(
    r"(?:(?P<owner>[\w’'-]+)\s)?(?P<noun>[a-z]+)(?:(?:\sof|\sfor)\s(?:the\s)?(?:[A-Z][\w’'-]*\s?)+)?,?\s$"
)
_AFTER: Final = re.compile(
    r"\s?,\s(?:who\s(?:is|was)\s)?(?:(?:the|an?|its|their|his|her)\s)?(?:(?P<owner>[\w’'-]+)\s)?(?P<noun>[a-z]+)"
    r"(?=\s(?:of|for|at|from|in)\b|\s?,|\.)"
)
NEAR: Final = 100
"""Characters before a name within which the words of a description are looked for: "Turkish" before the president's."""
STEM: Final = 4
"""Letters by which words of a description are compared: Turkey and Turkish."""


def note_roles(text: str, people: Mapping[str, Person]) -> None:
    """Add to each person the roles that stand in apposition to the name, or in small letters before it."""
    for person in people.values():
        for place in person.places:
            last = text.find(person.words[-1], place, place + 60)
            found = [_BEFORE.search(text, max(0, place - 80), place)]
            found += [_AFTER.match(text, last + len(person.words[-1]))] if last >= 0 else []
            for match in found:
                if match and match["noun"] in _NOUNS:
                    owner = (match["owner"] or "").lower()
                    person.is_surely = True
                    person.roles |= {f"{owner} {match['noun']}".strip(), *([] if owner in _SECOND else [match["noun"]])}


def bearers(text: str, low: str, roles: Mapping[str, list[Person]]) -> list[Person]:
    """Those whom a description in small letters may mean: all with that role, or those near whom its words stand."""
    if low in roles:
        return roles[low]
    *words, noun = re.sub(r"['’]s?\b", "", low).split() or [""]
    if not words or len(words) > 4 or noun not in roles or not (noun in _NOUNS or is_title(noun.title())):
        return []
    stems = [word[:STEM] for word in words if len(word) >= STEM and word not in _SECOND]
    if not stems:
        return []
    near = {person.name: _near(text, person, low) for person in roles[noun]}
    best = max(sum(stem in near[person.name] for stem in stems) for person in roles[noun])
    return [person for person in roles[noun] if best and sum(stem in near[person.name] for stem in stems) == best]


def _near(text: str, person: Person, low: str) -> str:
    """What stands around a name, in small letters, without the description itself where it stands apart from it."""
    around = " ".join(_surroundings(text, person)).lower()
    return re.sub(rf"{re.escape(low)}(?!,?\s{re.escape(person.name.lower())})", " ", around)


def _surroundings(text: str, person: Person) -> Iterator[str]:
    for place in person.places[:20]:
        yield text[max(0, place - NEAR) : place + len(person.name) + NEAR]
