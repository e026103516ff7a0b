"""From logits to calibrated probabilities, a stance and a prediction set; numpy only."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from models.errors import ArtifactCorrupt, ArtifactIncompatible
from models.labels import STANCES, Stance

FloatArray = npt.NDArray[np.floating[Any]]


def softmax(logits: FloatArray) -> FloatArray:
    """Probabilities along the last axis. Subtracts the maximum, so that no logit overflows."""
    exponentials = np.exp(logits - logits.max(axis=-1, keepdims=True))
    probabilities: FloatArray = exponentials / exponentials.sum(axis=-1, keepdims=True)
    return probabilities


@dataclass(frozen=True, slots=True)
class Decision:
    """The fitted rule: a temperature for the probabilities and one probability floor per stance for the set.

    A stance enters the prediction set when its calibrated probability reaches its floor; the most probable stance is
    always in. Floors come from class-conditional split conformal prediction (Vovk 2012, "Conditional validity of
    inductive conformal predictors"), so each stance is covered at ``coverage`` on text like the calibration data.
    """

    temperature: float
    floors: tuple[float, ...]  # L, in the order of STANCES
    coverage: float

    def __post_init__(self) -> None:
        if not (math.isfinite(self.temperature) and self.temperature > 0):
            raise ArtifactCorrupt("decision: the temperature must be finite and greater than 0")
        if not 0 < self.coverage < 1:
            raise ArtifactCorrupt("decision: the coverage must lie between 0 and 1")
        if len(self.floors) != len(STANCES) or not all(0 <= floor <= 1 for floor in self.floors):
            raise ArtifactCorrupt(f"decision: {len(STANCES)} floors between 0 and 1 are needed")

    def probabilities(self, logits: FloatArray) -> FloatArray:
        """Calibrated probabilities. Shapes: logits [B, L] -> [B, L], each row summing to 1."""
        return softmax(np.asarray(logits, dtype=np.float64) / self.temperature)

    def prediction_sets(self, probabilities: FloatArray) -> npt.NDArray[np.bool_]:
        """Which stances are in each prediction set. Shapes: probabilities [B, L] -> [B, L]."""
        members = probabilities >= np.asarray(self.floors)
        members[np.arange(len(members)), probabilities.argmax(axis=-1)] = True
        return members

    def decide(self, probabilities: FloatArray) -> list[tuple[Stance, tuple[Stance, ...]]]:
        """Of each row the stance and the prediction set, most probable first. Shapes: probabilities [B, L] -> B."""
        orders = np.argsort(-probabilities, axis=-1, kind="stable").tolist()
        members = self.prediction_sets(probabilities).tolist()
        return [
            (STANCES[order[0]], tuple(STANCES[i] for i in order if inside[i]))
            for order, inside in zip(orders, members, strict=True)
        ]

    def to_json(self) -> str:
        """The rule as the text of a decision file, stances by name."""
        floors = dict(zip(map(str, STANCES), self.floors, strict=True))
        return (
            json.dumps({"temperature": self.temperature, "coverage": self.coverage, "floors": floors}, indent=2) + "\n"
        )

    @classmethod
    def from_json(cls, text: str) -> Self:
        """The rule read back. Raises: ArtifactCorrupt, ArtifactIncompatible (other stances)."""
        try:
            fields: Mapping[str, Any] = json.loads(text)
            floors: Mapping[str, float] = fields["floors"]
            if list(floors) != list(map(str, STANCES)):
                raise ArtifactIncompatible(f"decision: floors for {list(floors)}, expected {list(map(str, STANCES))}")
            return cls(float(fields["temperature"]), tuple(map(float, floors.values())), float(fields["coverage"]))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ArtifactCorrupt(f"decision: not readable: {error}") from error
