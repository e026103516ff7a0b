"""The labels and their order; the only place where a label is spelled. Source: docs/codebook.md."""

from enum import StrEnum
from typing import Final

CODEBOOK_VERSION: Final = "1"


class Stance(StrEnum):
    """A stance toward negotiations. The order is the order of the logits; members are only ever appended."""

    CONCILIATORY = "conciliatory"
    HOSTILE = "hostile"
    CONDITIONAL = "conditional"
    NONE = "none"


STANCES: Final[tuple[Stance, ...]] = tuple(Stance)


class ConditionKind(StrEnum):
    """What kind of condition a conditional statement carries."""

    PRECONDITION = "precondition"
    EXCHANGE = "exchange"
    DEADLINE = "deadline"
    RECIPROCITY = "reciprocity"
