"""The lines of an analysis that is streamed, one JSON object each (NDJSON)."""

from typing import Literal, Self

from pydantic import BaseModel

from models.labels import Stance
from models.prediction import Prediction
from models.segmentation import Segment, SegmentKind
from service.analysis_schemas import ActorAnswer, AddressAnswer, End, FailedStatement, Start, StatementAnswer
from service.schemas import Language


class SegmentAnswer(BaseModel):
    """One statement before it has been read: its place alone."""

    start: Start
    end: End
    kind: SegmentKind
    paragraph: int

    @classmethod
    def of(cls, segment: Segment) -> Self:
        """The place of one segment."""
        return cls.model_construct(start=segment.start, end=segment.end, kind=segment.kind, paragraph=segment.paragraph)


class StartLine(BaseModel):
    """The first line of a stream: the article cut into statements."""

    type: Literal["start"] = "start"
    title: str | None
    date: str | None
    text: str | None
    n_chars: int
    language: Language | None
    segments: list[SegmentAnswer]
    model: str
    codebook: str


class EarlyStance(BaseModel):
    """The stance of a statement as soon as it is known; its speaker is known at the end."""

    start: Start
    stance: Stance
    certain: bool

    @classmethod
    def of(cls, segment: Segment, prediction: Prediction) -> Self:
        """The stance of one segment."""
        return cls.model_construct(start=segment.start, stance=prediction.stance, certain=prediction.certain)


class ProgressLine(BaseModel):
    """A line for each piece that has been read."""

    type: Literal["progress"] = "progress"
    n_done: int
    n_statements: int
    stances: list[EarlyStance]


class StatementLine(BaseModel):
    """A line for each statement."""

    type: Literal["statement"] = "statement"
    statement: StatementAnswer


class ActorsLine(BaseModel):
    """The line with everything that is found over all statements."""

    type: Literal["actors"] = "actors"
    actors: list[ActorAnswer]
    addressed: list[AddressAnswer]
    n_unknown: int
    failed: list[FailedStatement]


class EndLine(BaseModel):
    """The last line of a whole stream. One that ends without it, or with an error, is unfinished."""

    type: Literal["end"] = "end"
    n_statements: int


class StreamError(BaseModel):
    """What went wrong in midstream."""

    code: str
    message: str
    request_id: str
    retry_after_seconds: int | None


class ErrorLine(BaseModel):
    """The last line of a stream that failed."""

    type: Literal["error"] = "error"
    error: StreamError
