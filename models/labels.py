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


class Speech(StrEnum):
    """How the words of a statement come to the reader of an article. Source: training/data/README.md, "Articles"."""

    DIRECT = "direct"  # quoted words only
    MIXED = "mixed"  # quoted and reported words
    INDIRECT = "indirect"  # X said that, according to X
    ACT = "act"  # a reported act or position: rejected, released, agreed
    VOICE = "voice"  # the body that issues a communique, press release or editorial
    TRANSCRIPT = "transcript"  # a line under a speaker's name, Q or A
    NONE = "none"  # the reporter's own narration
