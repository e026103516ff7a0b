"""What goes over the wire at POST /feedback, in and out."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from models.feedback import PREDICTION_ID, SHA256
from models.given_conditions import GivenCondition
from models.labels import ConditionKind, Stance
from service.schemas import EXAMPLE_TEXT

MAX_NOTE_CHARS = 2_000
"""Of a correction's note: a paragraph."""
MAX_CONDITIONS = 32
"""Of a correction: a statement of 256 tokens has no more."""
EXAMPLE_FEEDBACK: Any = [
    {"prediction_id": "5d41402abc4b/0", "stance": Stance.HOSTILE},
    {
        "prediction_id": "5d41402abc4b/0",
        "stance": Stance.CONDITIONAL,
        "note": "the condition stands in the second sentence",
        "conditions": [{"kind": ConditionKind.PRECONDITION, "text": "the sanctions are lifted"}],
        "model": "stance-minilm@1.3.0",
        "text": EXAMPLE_TEXT,
    },
]


class CorrectCondition(BaseModel):
    """What a conditional statement really demands: its words, or where they stand, or both."""

    model_config = ConfigDict(extra="forbid")

    kind: ConditionKind
    text: str | None = Field(None, strict=True, description="its words as they stand; empty where it is left unsaid")
    start: int | None = Field(None, strict=True, ge=0, description="first character, in Unicode code points from 0")
    end: int | None = Field(None, strict=True, ge=0, description="the character behind the last")

    def given(self) -> GivenCondition:
        """The condition as it is stored."""
        return GivenCondition(self.kind, self.text, self.start, self.end)


class Feedback(BaseModel):
    """What the stance of a statement really is."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": EXAMPLE_FEEDBACK})

    prediction_id: str = Field(
        strict=True,
        pattern=f"^{PREDICTION_ID.pattern}$",
        description="the id of the answer that is corrected, or another by which you find the text again",
    )
    stance: Stance = Field(description="the right one, by the codebook; that of the answer confirms it")
    conditions: list[CorrectCondition] | None = Field(
        None, max_length=MAX_CONDITIONS, description="all that a conditional statement demands, where you say it"
    )
    note: str | None = Field(None, strict=True, max_length=MAX_NOTE_CHARS, description="why, for people")
    model: str | None = Field(None, strict=True, max_length=200, description="the model of the answer")
    text: str | None = Field(None, strict=True, description="the text, where it may be stored here")
    text_sha256: str | None = Field(
        None, strict=True, pattern=f"^{SHA256.pattern}$", description="of the UTF-8 text, where it may not"
    )


class FeedbackAnswer(BaseModel):
    """The correction is stored: it survives the end of the process and a power cut."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"stored": True, "number": 17, "received": "2026-11-27T12:30:05.123+00:00"}]}
    )

    stored: Literal[True]
    number: int = Field(ge=1, description="its number in the store")
    received: str = Field(description="when it came, in UTC")
