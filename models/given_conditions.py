"""Conditions as people give them: a kind, and the words or the place where they stand; found in the text or refused."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Self

from models.labels import ConditionKind

KIND_NAMES = ", ".join(ConditionKind)


class ConditionError(ValueError):
    """Raised when a condition is not one of the text it is given for; the message says why and quotes nothing."""


@dataclass(frozen=True, slots=True, order=True)
class PlacedCondition:
    """Characters [start, end) of a text, which say what is demanded; empty where that is left unsaid."""

    start: int
    end: int
    kind: ConditionKind


@dataclass(frozen=True, slots=True)
class GivenCondition:
    """What somebody said: the words, their place, or both; empty words where the condition is left unsaid."""

    kind: ConditionKind
    text: str | None = None
    start: int | None = None
    end: int | None = None

    @classmethod
    def of(cls, value: object) -> Self:
        """The condition that an object of JSON describes; other fields than these four do not count.

        Raises: ConditionError.
        """
        if not isinstance(value, Mapping):
            raise ConditionError("a condition is an object with kind and text, or kind, start and end")
        text, start, end = (value.get(name) for name in ("text", "start", "end"))
        if not isinstance(text, str | None) or any(type(place) not in (int, type(None)) for place in (start, end)):
            raise ConditionError("text must be a string, start and end whole numbers")
        return cls(kind_of(value.get("kind")), text, start, end)

    def check(self) -> None:
        """Raise where no text could hold it. Raises: ConditionError."""
        if (self.start is None) != (self.end is None):
            raise ConditionError("start and end go together")
        if self.text is None and self.start is None:
            raise ConditionError("a condition needs its words, or start and end")

    def placed(self, text: str) -> PlacedCondition:
        """Where it stands in this text, whose characters are Unicode code points. Raises: ConditionError."""
        self.check()
        if self.start is not None and self.end is not None:
            return self._at(self.start, self.end, text)
        if not self.text:
            return PlacedCondition(0, 0, self.kind)
        start = text.find(self.text)
        if start < 0:
            raise ConditionError("its words do not stand in the text, letter by letter")
        if text.find(self.text, start + 1) >= 0:
            raise ConditionError("its words stand in the text more than once; give start and end, or more of the words")
        return PlacedCondition(start, start + len(self.text), self.kind)

    def _at(self, start: int, end: int, text: str) -> PlacedCondition:
        if not 0 <= start <= end <= len(text):
            raise ConditionError(f"{start} to {end} are no characters of the text, which has {len(text)}")
        if self.text is not None and text[start:end] != self.text:
            raise ConditionError(f"other words stand at {start} to {end}")
        return PlacedCondition(start, end, self.kind)


def kind_of(name: object) -> ConditionKind:
    """The kind of that name. Raises: ConditionError."""
    try:
        return ConditionKind(name.strip().lower() if isinstance(name, str) else "")
    except ValueError:
        raise ConditionError(f"its kind is none of {KIND_NAMES}") from None


def place_conditions(given: Sequence[GivenCondition], text: str) -> tuple[PlacedCondition, ...]:
    """The conditions in the order of the text; no two may overlap, and none has blanks at its ends.

    Raises: ConditionError, which says of which condition, from 1.
    """
    found = []
    for number, one in enumerate(given, start=1):
        try:
            found.append(_without_blanks(one.placed(text), text))
        except ConditionError as error:
            raise ConditionError(f"condition {number}: {error}") from None
    ordered = sorted(found)
    if any(later.start < earlier.end for earlier, later in pairwise(ordered)):
        raise ConditionError("two conditions overlap")
    return tuple(ordered)


def _without_blanks(condition: PlacedCondition, text: str) -> PlacedCondition:
    words = text[condition.start : condition.end]
    if words and not words.strip():
        raise ConditionError("it has no words")
    start = condition.start + len(words) - len(words.lstrip())
    return PlacedCondition(start, start + len(words.strip()), condition.kind)


def plain(conditions: Sequence[GivenCondition]) -> list[dict[str, Any]]:
    """The conditions as objects of JSON, without what was not said."""
    fields = ("kind", "text", "start", "end")
    return [{name: getattr(one, name) for name in fields if getattr(one, name) is not None} for one in conditions]
