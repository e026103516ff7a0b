"""How the analysis of an article is answered: in one document, or in lines while the model reads."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, Final

from fastapi import Request, Response
from pydantic import BaseModel
from starlette.types import Receive, Scope, Send

from models.analysis import Analysis
from models.prediction import Prediction
from service import analysis_schemas as schemas
from service import stream_schemas as stream
from service.analyst import Analyst, Outcome, Plan
from service.errors import ServiceError
from service.routes.bodies import promised, while_connected
from service.schemas import ItemError, Language
from service.telemetry import Visit, known

LINES: Final = "application/x-ndjson"
LINES_AT_ONCE: Final = 64
"""Lines of statements sent in one piece: a line alone is not worth its way through the server."""


@dataclass(frozen=True, slots=True)
class Question:
    """What was asked: an article, whether its text is to be sent back, and until when an answer is wanted."""

    article: schemas.Article
    is_file: bool
    deadline: float
    visit: Visit


class Reply(Response):
    """The answer, made while it is sent: whatever goes wrong before its first byte is an error like any other."""

    def __init__(self, analyst: Analyst, question: Question) -> None:
        super().__init__()
        self._analyst, self._question = analyst, question

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, unless the caller goes away first. Raises: ParleyError, ServiceError, ClientDisconnect."""
        request = Request(scope, receive)
        promised(request)["expectation"].end()  # from here on the article is counted, not what any request may be
        work = self._stream(send) if wants_lines(request) else self._whole(request, send)
        await while_connected(request, work)

    async def _whole(self, request: Request, send: Send) -> None:
        analyst, question = self._analyst, self._question
        promise: dict[str, Any] = {"deadline": question.deadline, "visit": question.visit}
        plan = await analyst.plan(question.article.text, **promise)
        outcomes: list[Outcome] = []
        async with analyst.admitted(plan, **promise):
            async for piece in analyst.outcomes(plan, **promise):
                outcomes += piece
            analysis = await analyst.put_together(plan, outcomes, **promise)
            size, rest = len(plan.text), (question, plan, analysis, outcomes)
            body = await analyst.desk.aside(size, question.deadline, _worded, *rest)
        await Response(body, media_type="application/json")(request.scope, request.receive, send)

    async def _stream(self, send: Send) -> None:
        started = False
        async with aclosing(_lines(self._analyst, self._question)) as lines:
            try:
                async for piece in lines:
                    if not started:
                        headers = [(b"content-type", LINES.encode()), (b"x-accel-buffering", b"no")]
                        await send({"type": "http.response.start", "status": 200, "headers": headers})
                        started = True
                    await send({"type": "http.response.body", "body": piece, "more_body": True})
            except Exception as error:
                if not started:
                    raise
                await send({"type": "http.response.body", "body": self._failure(error), "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    def _failure(self, error: Exception) -> bytes:
        request_id = self._question.visit.request_id
        stated = known(error, request_id)
        self._analyst.desk.metrics.count_error(stated.kind.code)
        detail = stream.StreamError(
            code=stated.kind.code,
            message=stated.message,
            request_id=request_id,
            retry_after_seconds=stated.retry_after_seconds,
        )
        return _line(stream.ErrorLine(error=detail))


async def _lines(analyst: Analyst, question: Question) -> AsyncGenerator[bytes, None]:
    """The answer line by line: a start, progress while the model reads, then statements, actors and an end."""
    promise: dict[str, Any] = {"deadline": question.deadline, "visit": question.visit}
    plan = await analyst.plan(question.article.text, **promise)
    outcomes: list[Outcome] = []
    async with analyst.admitted(plan, **promise):
        yield _line(_start(question, plan))
        async for piece in analyst.outcomes(plan, **promise):
            stances = [
                stream.EarlyStance.of(segment, outcome)
                for segment, outcome in zip(plan.segments[len(outcomes) :], piece, strict=False)
                if isinstance(outcome, Prediction)
            ]
            outcomes += piece
            yield _line(stream.ProgressLine(n_done=len(outcomes), n_statements=len(plan.segments), stances=stances))
        analysis = await analyst.put_together(plan, outcomes, **promise)
    for first in range(0, len(analysis.statements), LINES_AT_ONCE):
        some = analysis.statements[first : first + LINES_AT_ONCE]
        answers = [schemas.StatementAnswer.of(one, plan.text) for one in some]
        yield b"".join(_line(stream.StatementLine.model_construct(statement=one)) for one in answers)
    yield _line(stream.ActorsLine(**_over_all(plan, analysis, outcomes)))
    yield _line(stream.EndLine(n_statements=len(analysis.statements)))


def wants_lines(request: Request) -> bool:
    """Whether the caller asks for lines rather than for one document."""
    return LINES in request.headers.get("accept", "").lower()


def _line(line: BaseModel) -> bytes:
    return line.model_dump_json().encode() + b"\n"


def _head(question: Question, plan: Plan) -> dict[str, Any]:
    """What is known before any statement has been read."""
    manifest = plan.model.artifact.manifest
    return {
        "title": question.article.title,
        "date": question.article.date,
        "text": plan.text if question.is_file else None,
        "n_chars": len(plan.text),
        "language": Language.of(plan.language),
        "model": manifest.model_id,
        "codebook": manifest.codebook,
    }


def _start(question: Question, plan: Plan) -> stream.StartLine:
    segments = [stream.SegmentAnswer.of(one) for one in plan.segments]
    return stream.StartLine.model_construct(segments=segments, **_head(question, plan))


def _over_all(plan: Plan, analysis: Analysis, outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """What is found over all statements."""
    failed = [
        schemas.FailedStatement(
            start=segment.start,
            end=segment.end,
            error=ItemError(code=outcome.kind.code, message=outcome.message),
        )
        for segment, outcome in zip(plan.segments, outcomes, strict=True)
        if isinstance(outcome, ServiceError)
    ]
    return {
        "actors": [schemas.ActorAnswer.of(one) for one in analysis.actors],
        "addressed": [schemas.AddressAnswer.of(one) for one in analysis.addressed],
        "n_unknown": analysis.n_unknown,
        "failed": failed,
    }


def _worded(question: Question, plan: Plan, analysis: Analysis, outcomes: Sequence[Outcome]) -> bytes:
    """The one document."""
    statements = [schemas.StatementAnswer.of(one, plan.text) for one in analysis.statements]
    rest = {**_head(question, plan), **_over_all(plan, analysis, outcomes)}
    return schemas.AnalysisAnswer.model_construct(statements=statements, **rest).model_dump_json().encode()
