"""What goes over the wire, in and out; the OpenAPI document is made from it."""

from collections.abc import Sequence
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema
from pydantic.config import JsonDict

from models.conditions import ConditionSpan
from models.explanation import Contribution
from models.labels import ConditionKind, Stance
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
    "conditions": [{"start": 38, "end": 62, "text": "the sanctions are lifted", "kind": "precondition"}],
    "explanation": None,
    "truncated": False,
    "n_tokens": 15,
    "language": None,
    "model": "stance-minilm@1.3.0",
    "codebook": "1",
    "id": "5d41402abc4b/0",
}
EXAMPLE_EXPLANATION: Any = [
    {"start": 0, "end": 14, "text": "We will return", "drop": 0.02},
    {"start": 15, "end": 27, "text": "to the talks", "drop": 0.05},
    {"start": 28, "end": 63, "text": "only once the sanctions are lifted.", "drop": 0.84},
]
EXAMPLE_INFO: JsonDict = {
    "model": "stance-minilm@1.3.0",
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
        "max_article_chars": 400000,
        "max_article_statements": 4000,
        "max_queued_tokens": 100000,
        "deadline_seconds": 15.0,
        "stream_seconds": 60.0,
        "receive_seconds": 15.0,
        "max_held_bytes": 33554432,
        "max_connections": 1000,
        "hang_seconds": 60.0,
        "notice_seconds": 1.0,
        "drain_seconds": 10.0,
    },
}
EXAMPLE_ITEM_ERROR: JsonDict = {"code": "empty_text", "message": "the text contains no letter and no digit"}


class Item(BaseModel):
    """One statement of a batch, its id left out."""

    model_config = ConfigDict(extra="forbid")

    text: str = Field(
        strict=True, description="A sentence or a short passage that an actor makes, or that reports one."
    )


class Statement(Item):
    """One statement to classify."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"text": EXAMPLE_TEXT}, {"text": EXAMPLE_TEXT, "explain": True}]}
    )

    explain: bool = Field(
        False, strict=True, description="Whether to say how much each group of words carries the answer."
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


class Condition(BaseModel):
    """What a conditional statement demands, in characters of the text that was sent."""

    start: int = Field(ge=0, description="first character, counted in Unicode code points from 0")
    end: int = Field(ge=1, description="the character behind the last")
    text: str = Field(description="the characters in between")
    kind: ConditionKind

    @classmethod
    def of(cls, span: ConditionSpan) -> Self:
        """The condition of one span."""
        return cls(start=span.start, end=span.end, text=span.text, kind=span.kind)


class WordGroup(BaseModel):
    """A clause or another group of words, in characters of the text that was sent, and how it carries the answer."""

    start: int = Field(ge=0, description="first character, counted in Unicode code points from 0")
    end: int = Field(ge=1, description="the character behind the last")
    text: str = Field(description="the characters in between")
    drop: float = Field(
        ge=-1, le=1, description="confidence minus the probability of the same stance for the text without this group"
    )

    @classmethod
    def of(cls, group: Contribution) -> Self:
        """The group of one contribution."""
        return cls(start=group.start, end=group.end, text=group.text, drop=group.drop)


class StanceAnswer(BaseModel):
    """The stance of one statement toward negotiations, and how far to trust it."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [EXAMPLE_ANSWER, {**EXAMPLE_ANSWER, "explanation": EXAMPLE_EXPLANATION}]}
    )

    stance: Stance
    confidence: float = Field(ge=0, le=1, description="calibrated probability of the stance")
    probabilities: dict[Stance, float] = Field(description="calibrated; they sum to 1")
    certain: bool = Field(description="whether the prediction set has one member")
    prediction_set: list[Stance] = Field(
        description="stances that cannot be ruled out at the stated coverage, likeliest first"
    )
    conditions: list[Condition] = Field(
        description="what a conditional statement demands, in text order; empty for other stances, or if none was found"
    )
    explanation: list[WordGroup] | None = Field(
        description="null unless asked for: groups of words in text order, each word that the model read in one of them"
    )
    truncated: bool = Field(description="whether the text was longer than the model reads")
    n_tokens: int = Field(description="tokens that the model read, its two markers included")
    language: Language | None = Field(description="null, or a warning that the text is probably not English")
    model: str = Field(description="name@version")
    codebook: str = Field(description="version of the codebook that says what the labels mean")
    id: str = Field(description="the request's id and the place of the text in it, from 0; for POST /feedback")

    @classmethod
    def of(cls, prediction: Prediction, *, language: ForeignLanguage | None, model: str, codebook: str) -> Self:
        """The answer for one prediction."""
        return cls(
            stance=prediction.stance,
            confidence=prediction.confidence,
            probabilities=dict(prediction.probabilities),
            certain=prediction.certain,
            prediction_set=list(prediction.prediction_set),
            conditions=[Condition.of(span) for span in prediction.conditions],
            explanation=None,
            truncated=prediction.truncated,
            n_tokens=prediction.n_tokens,
            language=Language.of(language),
            model=model,
            codebook=codebook,
            id="",  # the route, which knows the request, fills it in
        )

    def numbered(self, request_id: str, place: int) -> Self:
        """This answer with its id: that of the request, and the place of the text among those of the request."""
        return self.model_copy(update={"id": f"{request_id}/{place}"})

    def explained(self, groups: Sequence[Contribution]) -> Self:
        """This answer with its explanation."""
        return self.model_copy(update={"explanation": [WordGroup.of(group) for group in groups]})


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
