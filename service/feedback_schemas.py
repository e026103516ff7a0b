"""What goes over the wire at POST /feedback, in and out."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from models.feedback import PREDICTION_ID, SHA256
from models.labels import Stance
from service.schemas import EXAMPLE_TEXT

MAX_NOTE_CHARS = 2_000
"""Of a correction's note: a paragraph."""
EXAMPLE_FEEDBACK: Any = [
    {"prediction_id": "5d41402abc4b/0", "stance": Stance.HOSTILE},
    {
        "prediction_id": "5d41402abc4b/0",
        "stance": Stance.CONDITIONAL,
        "note": "the condition stands in the second sentence",
        "model": "stance-minilm@1.2.0",
        "text": EXAMPLE_TEXT,
    },
]


class Feedback(BaseModel):
    """What the stance of a statement really is."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": EXAMPLE_FEEDBACK})

    prediction_id: str = Field(
        strict=True,
        pattern=f"^{PREDICTION_ID.pattern}$",
        description="the id of the answer that is corrected, or another by which you find the text again",
    )
    stance: Stance = Field(description="the right one, by the codebook; that of the answer confirms it")
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
