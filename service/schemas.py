"""What goes over the wire, in and out; the OpenAPI document is made from it."""

from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema
from pydantic.config import JsonDict

from models.labels import Stance
from models.language import ForeignLanguage
from models.prediction import Prediction
from service.errors import TABLE

EXAMPLE_TEXT = "We will return to the talks only once the sanctions are lifted."
EXAMPLE_ANSWER: JsonDict = {
    "stance": "conditional",
    "confidence": 0.91,
    "probabilities": {"conciliatory": 0.05, "hostile": 0.03, "conditional": 0.91, "none": 0.01},
    "certain": True,
    "prediction_set": ["conditional"],
    "truncated": False,
    "n_tokens": 15,
    "language": None,
    "model": "stance-minilm@1.0.0",
    "codebook": "1",
}
EXAMPLE_INFO: JsonDict = {
    "model": "stance-minilm@1.0.0",
    "digest": "0f5c2a77d9a1e8b4c6d3f2e1a0b9c8d7e6f5a4b3c2d1e0f9a8b7c6d5e4f3a2b1",
    "codebook": "1",
    "labels": ["conciliatory", "hostile", "conditional", "none"],
    "coverage": 0.9,
    "engine": "openvino",
    "precision": "int8",
    "device": "cpu",
    "threads": 2,
    "max_tokens": 256,
    "limits": {
        "max_body_bytes": 4194304,
        "max_text_chars": 20000,
        "max_batch_items": 256,
        "max_queued_tokens": 100000,
        "deadline_seconds": 15.0,
        "receive_seconds": 15.0,
        "max_held_bytes": 33554432,
        "max_connections": 1000,
        "hang_seconds": 60.0,
        "notice_seconds": 1.0,
        "drain_seconds": 10.0,
    },
}
EXAMPLE_ITEM_ERROR: JsonDict = {"code": "empty_text", "message": "the text contains no letter and no digit"}


class Statement(BaseModel):
    """One statement to classify."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"text": EXAMPLE_TEXT}]})

    text: str = Field(
        strict=True, description="A sentence or a short passage that an actor makes, or that reports one."
    )


ItemSchema = WithJsonSchema(
    {
        "type": "object",
        "required": ["text"],
        "additionalProperties": False,
        "properties": {
            "id": {
                "type": "string",
                "description": "Yours; comes back unchanged, but for unpaired surrogates, which become '?'. "
                "The position if left out.",
            },
            "text": {"type": "string"},
        },
    }
)


class Batch(BaseModel):
    """Several statements. Items are checked one by one, so that a bad one does not fail its neighbours."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"items": [{"id": "a", "text": EXAMPLE_TEXT}, {"id": "b", "text": " "}]}]},
    )

    items: list[Annotated[Any, ItemSchema]] = Field(min_length=1)


class Language(BaseModel):
    """A warning: the text is probably not English, the only language that the model was trained on."""

    code: str = Field(description="ISO 639-1")
    probability: float = Field(description="the detector's")
    warning: str = "the model was trained on English only; do not rely on this answer"

    @classmethod
    def of(cls, language: ForeignLanguage | None) -> Self | None:
        """The warning about a language, or none."""
        return None if language is None else cls(code=language.code, probability=language.probability)


class StanceAnswer(BaseModel):
    """The stance of one statement toward negotiations, and how far to trust it."""

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE_ANSWER]})

    stance: Stance
    confidence: float = Field(ge=0, le=1, description="calibrated probability of the stance")
    probabilities: dict[Stance, float] = Field(description="calibrated; they sum to 1")
    certain: bool = Field(description="whether the prediction set has one member")
    prediction_set: list[Stance] = Field(
        description="stances that cannot be ruled out at the stated coverage, likeliest first"
    )
    truncated: bool = Field(description="whether the text was longer than the model reads")
    n_tokens: int = Field(description="tokens that the model read, its two markers included")
    language: Language | None = Field(description="null, or a warning that the text is probably not English")
    model: str = Field(description="name@version")
    codebook: str = Field(description="version of the codebook that says what the labels mean")

    @classmethod
    def of(cls, prediction: Prediction, *, language: ForeignLanguage | None, model: str, codebook: str) -> Self:
        """The answer for one prediction."""
        return cls(
            stance=prediction.stance,
            confidence=prediction.confidence,
            probabilities=dict(prediction.probabilities),
            certain=prediction.certain,
            prediction_set=list(prediction.prediction_set),
            truncated=prediction.truncated,
            n_tokens=prediction.n_tokens,
            language=Language.of(language),
            model=model,
            codebook=codebook,
        )


class ErrorDetail(BaseModel):
    """What went wrong, for a program (code) and for a person (message)."""

    code: str = Field(json_schema_extra={"enum": [kind.code for kind in TABLE]})
    message: str
    request_id: str


class ErrorAnswer(BaseModel):
    """The one error body."""

    error: ErrorDetail


class ItemError(BaseModel):
    """What was wrong with one item."""

    code: str
    message: str


class ItemAnswer(BaseModel):
    """The answer for one item of a batch: a prediction when ok, an error otherwise."""

    id: str
    status: Literal["ok", "error"]
    prediction: StanceAnswer | None = None
    error: ItemError | None = None


class BatchAnswer(BaseModel):
    """One answer for each item, in order."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "items": [
                        {"id": "a", "status": "ok", "prediction": EXAMPLE_ANSWER, "error": None},
                        {"id": "b", "status": "error", "prediction": None, "error": EXAMPLE_ITEM_ERROR},
                    ],
                    "n_ok": 1,
                    "n_errors": 1,
                }
            ]
        }
    )

    items: list[ItemAnswer]
    n_ok: int
    n_errors: int


class Health(BaseModel):
    """Whether to send requests here, and if not, why."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"status": "ready"}]})

    status: Literal["live", "ready"]


class Info(BaseModel):
    """What answers here, and within which limits."""

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE_INFO]})

    model: str
    digest: str = Field(description="sha256 over all files of the model")
    codebook: str
    labels: list[Stance]
    coverage: float = Field(
        description="share of statements whose prediction set holds the right stance, on text like the calibration data"
    )
    engine: str
    precision: str
    device: str
    threads: int
    max_tokens: int = Field(description="tokens read of a text; a longer one is answered with truncated=true")
    limits: dict[str, int | float] = Field(description="the settings that bound a request")
