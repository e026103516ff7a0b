"""POST /analyze and /analyze/file: whole articles in; statements, actors and stances out, in one piece or in lines."""

import time
from typing import Any, Final

from fastapi import APIRouter, Request, Response

from service.analysis_examples import EXAMPLE_ARTICLE, EXAMPLE_LINES
from service.analysis_schemas import AnalysisAnswer, Article
from service.analyst import Analyst
from service.documents import DOCX, KINDS, Documents
from service.errors import BadRequest, responses
from service.gate import DEADLINE_HEADER
from service.routes.analysis_reply import LINES, Question, Reply, wants_lines
from service.routes.bodies import (
    BAD_TEXT,
    CHARSET,
    REFUSED_ALWAYS,
    UNAVAILABLE,
    decode,
    media_type,
    parse,
    read_body,
    request_body,
    validate,
    while_connected,
)
from service.telemetry import visit_of

UNREADABLE_FILE: Final = ("unreadable_file", "file_too_complex")
"""What else can be wrong with a file."""


EXAMPLE_FILES: Final = {"application/pdf": "%PDF-1.7 ...", DOCX: "PK ..."}
"""What stands for files that a document in JSON cannot show."""


def make_router(analyst: Analyst) -> APIRouter:
    """The router of the routes for whole articles."""
    router = APIRouter(tags=["analyze"])
    documents = Documents(analyst.desk.settings.max_article_chars)

    @router.post(
        "/analyze",
        summary="Analyze a whole article",
        responses=_responses("malformed_json", *BAD_TEXT),
        openapi_extra=request_body(Article, plain=True, example=EXAMPLE_ARTICLE),
    )
    async def analyze(request: Request) -> Response:
        """Give the statements of an article, who makes them, and their stances. Send JSON, or the bare text."""
        plain = media_type(request) == "text/plain"
        body = await read_body(request)
        deadline = _deadline(request, analyst)
        article = await analyst.desk.aside(len(body), deadline, _bare if plain else _read_article, body)
        del body
        return Reply(analyst, Question(article, False, deadline, visit_of(request.scope)))

    @router.post(
        "/analyze/file",
        summary="Analyze a file",
        responses=_responses(*UNREADABLE_FILE, *BAD_TEXT),
        openapi_extra=_file_body(),
    )
    async def analyze_file(request: Request) -> Response:
        """Give the same of a file, sent as it is: text, a web page, a Word document (.docx) or a PDF."""
        header = request.headers.get("content-type", "")
        kind = KINDS.get(header.partition(";")[0].strip().lower())
        if kind is None:
            raise BadRequest("unsupported_media_type", f"send a file as {', '.join(KINDS)}")
        declared = CHARSET.search(header)
        body = await read_body(request)
        deadline = _deadline(request, analyst)
        reading = documents.text(body, kind=kind, charset=declared[1] if declared else "", deadline=deadline)
        del body
        article = Article.model_construct(text=await while_connected(request, reading), title=None, date=None)
        return Reply(analyst, Question(article, True, deadline, visit_of(request.scope)))

    return router


def _bare(body: bytes) -> Article:
    """The article that came as plain text."""
    return Article.model_construct(text=decode(body), title=None, date=None)


def _read_article(body: bytes) -> Article:
    return validate(Article, parse(body))


def _deadline(request: Request, analyst: Analyst) -> float:
    """Until when an answer is wanted; a stream may take longer, unless the caller says otherwise."""
    deadline: float = request.state.deadline
    if not wants_lines(request) or DEADLINE_HEADER in request.headers:
        return deadline
    settings = analyst.desk.settings
    return max(deadline, time.monotonic() + settings.stream_seconds)


def _responses(*codes: str) -> dict[int | str, dict[str, Any]]:
    """The OpenAPI responses of both routes: one document, or lines of it, and these errors besides the usual."""
    lines = {"schema": {"type": "string"}, "example": EXAMPLE_LINES}
    content = {"application/json": {"schema": {"$ref": "#/components/schemas/AnalysisAnswer"}}, LINES: lines}
    described = responses("invalid_request", "too_many_statements", *codes, *REFUSED_ALWAYS, *UNAVAILABLE)
    return {200: {"model": AnalysisAnswer, "description": "What is in the article.", "content": content}, **described}


def _file_body() -> dict[str, Any]:
    """The OpenAPI request body of a file."""
    described = request_body(Article, plain=False)
    schema = {"type": "string", "contentMediaType": "application/octet-stream"}
    content = {kind: {"schema": schema, "example": EXAMPLE_FILES.get(kind, EXAMPLE_ARTICLE)} for kind in KINDS}
    return {**described, "requestBody": {"required": True, "content": content}}
