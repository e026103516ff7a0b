"""What goes over the wire when a whole article is analyzed, in and out; the OpenAPI document is made from it."""

from typing import Annotated, Final, Self

from pydantic import BaseModel, ConfigDict, Field

from models import analysis
from models.conditions import ConditionSpan
from models.labels import ConditionKind, Speech, Stance
from models.leaning import Leaning
from models.segmentation import SegmentKind
from models.span import Span
from service.analysis_examples import EXAMPLE_ANALYSIS, EXAMPLE_ARTICLE
from service.schemas import ItemError, Language

MAX_TITLE_CHARS: Final = 300
Start = Annotated[int, Field(ge=0, description="first character, counted in Unicode code points from 0")]
End = Annotated[int, Field(ge=1, description="the character behind the last")]


class Article(BaseModel):
    """A text with several statements by several actors: an article, a transcript, a communique."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{"text": EXAMPLE_ARTICLE}, {"text": EXAMPLE_ARTICLE, "title": "Talks", "date": "2026-11-27"}]
        },
    )

    text: str = Field(strict=True, description="Paragraphs parted by line breaks; markup counts as text.")
    title: str | None = Field(None, max_length=MAX_TITLE_CHARS, description="Yours; comes back unchanged.")
    date: str | None = Field(None, max_length=40, description="Yours; comes back unchanged.")


class Place(BaseModel):
    """A stretch of the article."""

    start: Start
    end: End
    text: str = Field(description="the characters in between")


def place(span: Span | None, text: str) -> Place | None:
    """The place of one span of an article, or none."""
    return None if span is None else Place(start=span.start, end=span.end, text=span.of(text))


class ArticleCondition(Place):
    """What a conditional statement demands, in characters of the article."""

    kind: ConditionKind

    @classmethod
    def of(cls, span: ConditionSpan) -> Self:
        """The condition of one span of the article."""
        return cls(start=span.start, end=span.end, text=span.text, kind=span.kind)


class StatementAnswer(Place):
    """One statement: where it is, who makes it, and its stance."""

    index: int = Field(ge=0, description="position among the statements, from 0")
    kind: SegmentKind = Field(description="what it is in the article")
    paragraph: int = Field(ge=0, description="position of its paragraph, from 0")
    speech: Speech = Field(description="how the words come to the reader")
    speaker: str | None = Field(description="whose stance it is, by the fullest name in the text; null where unknown")
    speakers: list[str] = Field(description="all who say it together, the speaker first; empty where unknown")
    source: Place | None = Field(description="where this statement names its speaker, if it does")
    cue: Place | None = Field(description="the words that attribute it, such as said or according to")
    addressee: str | None = Field(description="to whom it is said, where the text says so")
    stance: Stance
    confidence: float = Field(ge=0, le=1, description="calibrated probability of the stance")
    probabilities: dict[Stance, float] = Field(description="calibrated; they sum to 1")
    certain: bool = Field(description="whether the prediction set has one member")
    prediction_set: list[Stance] = Field(description="stances that cannot be ruled out, likeliest first")
    conditions: list[ArticleCondition] = Field(description="what it demands, where it is conditional")
    truncated: bool = Field(description="whether it was longer than the model reads")

    @classmethod
    def of(cls, statement: analysis.Statement, text: str) -> Self:
        """The answer for one statement of this article."""
        prediction = statement.prediction
        return cls.model_construct(  # trusted: made here, and there may be thousands
            start=statement.start,
            end=statement.end,
            text=text[statement.start : statement.end],
            index=statement.index,
            kind=statement.kind,
            paragraph=statement.paragraph,
            speech=statement.speech,
            speaker=statement.speaker,
            speakers=list(statement.speakers),
            source=place(statement.source, text),
            cue=place(statement.cue, text),
            addressee=statement.addressee,
            stance=prediction.stance,
            confidence=prediction.confidence,
            probabilities=dict(prediction.probabilities),
            certain=prediction.certain,
            prediction_set=list(prediction.prediction_set),
            conditions=[ArticleCondition.of(span) for span in statement.conditions],
            truncated=prediction.truncated,
        )


class LeaningAnswer(BaseModel):
    """Where an actor leans, from -1 (hostile) to 1 (conciliatory), with its uncertainty."""

    value: float = Field(ge=-1, le=1)
    low: float = Field(ge=-1, le=1)
    high: float = Field(ge=-1, le=1)

    @classmethod
    def of(cls, leaning: Leaning | None) -> Self | None:
        """The answer for one leaning, or none."""
        return None if leaning is None else cls(value=leaning.value, low=leaning.low, high=leaning.high)


class ActorCondition(ArticleCondition):
    """What an actor demands, in its own words, and in which statement."""

    statement: int = Field(ge=0, description="index of the statement")


class ActorAnswer(BaseModel):
    """One actor: what it says in all."""

    name: str = Field(description="the fullest name that the text gives")
    n_mentions: int = Field(description="how often the text names it; pronouns are not counted")
    n_statements: int = Field(description="statements that are its own; 0 for one who is only spoken to")
    counts: dict[Stance, int] = Field(description="its statements by stance")
    leaning: LeaningAnswer | None = Field(description="null where none of its statements takes a stance")
    conditions: list[ActorCondition] = Field(description="what it demands, in text order")
    most_certain: dict[Stance, int] = Field(description="index of its most certain statement of each stance it takes")

    @classmethod
    def of(cls, actor: analysis.Actor) -> Self:
        """The answer for one actor of an analysis."""
        return cls(
            name=actor.name,
            n_mentions=actor.n_mentions,
            n_statements=actor.n_statements,
            counts=dict(actor.counts),
            leaning=LeaningAnswer.of(actor.leaning),
            conditions=[
                ActorCondition(statement=one.statement, **dict(ArticleCondition.of(one.condition)))
                for one in actor.conditions
            ],
            most_certain=dict(actor.most_certain),
        )


class AddressAnswer(BaseModel):
    """How often one actor addresses another, and with which stances."""

    speaker: str
    addressee: str
    n_statements: int
    counts: dict[Stance, int]

    @classmethod
    def of(cls, pair: analysis.Addressed) -> Self:
        """The answer for one pair of an analysis."""
        return cls(
            speaker=pair.speaker,
            addressee=pair.addressee,
            n_statements=pair.n_statements,
            counts=dict(pair.counts),
        )


class FailedStatement(BaseModel):
    """A statement that the model could not answer; it is counted for nobody."""

    start: Start
    end: End
    error: ItemError


class AnalysisAnswer(BaseModel):
    """Who takes which stance in an article, and on what condition."""

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE_ANALYSIS]})

    title: str | None
    date: str | None
    text: str | None = Field(description="the text of a file, to which all places refer; null where you sent the text")
    n_chars: int = Field(description="characters of the text")
    language: Language | None = Field(description="null, or a warning that the text is probably not English")
    statements: list[StatementAnswer] = Field(description="in text order; those without a stance too")
    actors: list[ActorAnswer] = Field(description="those with most statements of a stance first")
    addressed: list[AddressAnswer] = Field(description="who addresses whom, where the text says so")
    n_unknown: int = Field(description="statements that somebody makes, of whom the text or the rules do not say who")
    failed: list[FailedStatement] = Field(description="statements that broke the engine; nearly always empty")
    model: str = Field(description="name@version")
    codebook: str = Field(description="version of the codebook that says what the labels mean")
