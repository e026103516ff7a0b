"""Condition spans as reviewers write them: a cell of a spreadsheet, a list of objects, spans drawn in Label Studio."""

import json
import re
from collections.abc import Sequence
from typing import Any, Final

from models.given_conditions import ConditionError, GivenCondition, PlacedCondition, kind_of, place_conditions
from models.labels import Stance
from training.examples import Condition
from training.reviews import folded

CONFIRMED: Final = "ok"
"""Confirms the model's stance in one column, its conditions in another."""
LINE: Final = re.compile(r"\s*(\w+)\s*:(.*)")


def read_conditions(said: object, *, confirmed: object = None) -> tuple[GivenCondition, ...] | None:
    """The conditions that a cell or a field holds; None where nobody said anything of them.

    A list of objects as in the column conditions of a scored file, the same as JSON text, or lines such as
    ``precondition: the sanctions are lifted``. ``confirmed``: what ok stands for.
    Raises: ConditionError.
    """
    if isinstance(said, str) and said.strip().lower() == CONFIRMED:
        said = confirmed
        if _is_nothing(said):
            raise ConditionError("ok confirms conditions that are not there")
    if _is_nothing(said):
        return None
    if not isinstance(said, str):
        return _listed(said)
    if not said.lstrip().startswith("["):
        return tuple(_of_line(line) for line in said.splitlines() if line.strip())
    try:
        return _listed(json.loads(said))
    except (json.JSONDecodeError, RecursionError):
        raise ConditionError("neither JSON nor lines of a kind, a colon and words") from None


def _is_nothing(said: object) -> bool:
    return said is None or (isinstance(said, str) and not said.strip())


def _listed(values: Any) -> tuple[GivenCondition, ...]:
    if not isinstance(values, list | tuple):
        raise ConditionError("not a list of conditions")
    return tuple(map(GivenCondition.of, values))


def _of_line(line: str) -> GivenCondition:
    found = LINE.fullmatch(line)
    if not found:
        raise ConditionError("neither JSON nor lines of a kind, a colon and words")
    return GivenCondition(kind_of(found[1]), text=found[2].strip())


def place_in_example(
    given: Sequence[GivenCondition] | None, *, text: str, stance: Stance
) -> tuple[Condition, ...] | None:
    """The conditions in the text of its example, whose white space is folded; None where none were given.

    Raises: ConditionError where they are no conditions of this text, or the stance has none.
    """
    if given is None:
        return None
    if given and stance is not Stance.CONDITIONAL:
        raise ConditionError(f"conditions belong to a conditional statement, and this is {stance}")
    return tuple(_in_folded(one, text) for one in place_conditions(given, text)) or None


def _in_folded(condition: PlacedCondition, text: str) -> Condition:
    if condition.start == condition.end:
        return Condition(0, 0, condition.kind)
    start = len(folded(text[: condition.start] + "x")) - 1  # the x stands for the first character, which is no blank
    return Condition(start, len(folded(text[: condition.end])), condition.kind)
