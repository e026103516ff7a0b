"""What comes back for one text, and the protocol of whatever gives it. Imports no engine."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from models.conditions import ConditionSpan
from models.decision import FloatArray
from models.encoding import Encoding
from models.labels import Stance
from models.speech import SpeechSpans, find_speech


@dataclass(frozen=True, slots=True)
class TokenEvidence:
    """What the token heads made of one text, kept undecoded: most callers never ask. Shapes: token_logits [T, K]."""

    encoding: Encoding
    token_logits: FloatArray


@dataclass(frozen=True, slots=True)
class Prediction:
    """A stance with its calibrated probabilities, and how far to trust it.

    ``prediction_set`` holds every stance that cannot be ruled out at the artifact's coverage, most probable first;
    it always holds ``stance``. ``n_tokens`` counts the tokens that the model read, its two markers included.
    ``conditions`` say what a conditional statement demands; none for other stances, or where no span was found.
    """

    stance: Stance
    probabilities: Mapping[Stance, float]
    prediction_set: tuple[Stance, ...]
    truncated: bool
    n_tokens: int
    conditions: tuple[ConditionSpan, ...] = ()
    evidence: TokenEvidence | None = field(default=None, compare=False, repr=False)

    def speech(self) -> SpeechSpans:
        """The words that name who speaks and that say so; none where the model has no head for them."""
        if self.evidence is None:
            return SpeechSpans()
        encoding = self.evidence.encoding
        return find_speech(self.evidence.token_logits, encoding.offsets, text=encoding.text)

    @property
    def confidence(self) -> float:
        """The calibrated probability of ``stance``."""
        return self.probabilities[self.stance]

    @property
    def certain(self) -> bool:
        """Whether the prediction set has one member."""
        return len(self.prediction_set) == 1


class Classifier(Protocol):
    """Anything that gives one prediction for each text, in order."""

    def predict(self, texts: Sequence[str]) -> list[Prediction]:
        """One prediction for each text, in the order given. Raises: TextError for a text that cannot be answered."""
        ...

    def warm_up(self) -> None:
        """Run a forward pass, so that the first caller does not pay for compilation. Raises: EngineFailed."""
        ...
