"""POST /classify and POST /classify/batch: bodies in, answers out. Decisions are the model's, none are made here."""

from collections.abc import Callable, Sequence
from typing import Any

from fastapi import APIRouter, Request, Response

from models.errors import TextError
from service.admission import Expectation
from service.desk import Desk
from service.errors import BadRequest, ServiceError, responses
from service.routes.bodies import (
    BAD_TEXT,
    REFUSED_ALWAYS,
    UNAVAILABLE,
    as_json,
    decode,
    media_type,
    parse,
    promised,
    read_body,
    request_body,
    validate,
    while_connected,
)
from service.schemas import Batch, BatchAnswer, Item, ItemAnswer, ItemError, StanceAnswer, Statement
from service.telemetry import Visit, visit_of


def make_router(desk: Desk) -> APIRouter:
    """The router of the classification routes."""
    router = APIRouter(tags=["classify"])

    @router.post(
        "/classify",
        summary="Classify one statement",
        response_model=StanceAnswer,
        responses=responses("malformed_json", "invalid_request", *BAD_TEXT, *REFUSED_ALWAYS, *UNAVAILABLE),
        openapi_extra=request_body(Statement, plain=True),
    )
    async def classify(request: Request) -> Response:
        """Give the stance of one statement toward negotiations. Send JSON, or the bare statement as text/plain."""
        plain = media_type(request) == "text/plain"
        body = await read_body(request)
        statement = await desk.aside(len(body), request.state.deadline, _bare if plain else _read_statement, body)
        await desk.aside(len(statement.text), request.state.deadline, desk.check, statement.text)
        if statement.explain:
            answer = await while_connected(request, desk.explain(statement.text, **promised(request)))
            return as_json(answer.numbered(visit_of(request.scope).request_id, 0))
        (outcome,) = await while_connected(request, desk.answer([statement.text], **promised(request)))
        if isinstance(outcome, ServiceError):
            raise outcome
        return as_json(outcome.numbered(visit_of(request.scope).request_id, 0))

    @router.post(
        "/classify/batch",
        summary="Classify several statements",
        response_model=BatchAnswer,
        responses=responses("malformed_json", "invalid_request", "too_many_items", *REFUSED_ALWAYS, *UNAVAILABLE),
        openapi_extra=request_body(Batch, plain=False),
    )
    async def classify_batch(request: Request) -> Response:
        """Give the stance of each statement, in order. A bad item gets its own error and fails no neighbour."""
        if media_type(request) == "text/plain":
            raise BadRequest("unsupported_media_type", f"{request.url.path} takes application/json")
        body = await read_body(request)
        limit = desk.settings.max_batch_items
        texts, answers = await desk.aside(
            len(body), request.state.deadline, _read_batch, body, max_items=limit, check_text=desk.check
        )
        del body
        return as_json(await while_connected(request, _answer_items(desk, texts, answers, **promised(request))))

    return router


async def _answer_items(
    desk: Desk,
    texts: Sequence[str],
    answers: list[ItemAnswer],
    *,
    deadline: float,
    expectation: Expectation,
    visit: Visit,
) -> BatchAnswer:
    """The checked ``answers``, completed with the predictions of ``texts``, which are those of the ones that are ok."""
    good = [index for index, answer in enumerate(answers) if answer.status == "ok"]
    predictions = await desk.answer(texts, deadline=deadline, expectation=expectation, visit=visit) if good else []
    for index, prediction in zip(good, predictions, strict=True):
        if isinstance(prediction, ServiceError):
            answers[index] = _item_error(answers[index].id, prediction.kind.code, prediction.message)
        else:
            answers[index].prediction = prediction.numbered(visit.request_id, index)
    n_ok = sum(answer.status == "ok" for answer in answers)
    return BatchAnswer(items=answers, n_ok=n_ok, n_errors=len(answers) - n_ok)


def _read_batch(
    body: bytes, *, max_items: int, check_text: Callable[[str], None]
) -> tuple[list[str], list[ItemAnswer]]:
    """The texts of the good items, and an answer for each item: ok, or what is wrong with it. Keeps nothing else."""
    items = validate(Batch, parse(body)).items
    if len(items) > max_items:
        raise BadRequest("too_many_items", f"the batch has {len(items):,} items; at most {max_items:,} are allowed")
    answers = [_checked(item, position, check_text) for position, item in enumerate(items)]
    good = (item for item, answer in zip(items, answers, strict=True) if answer.status == "ok")
    return [item["text"] for item in good], answers


def _item_error(item_id: str, code: str, message: str) -> ItemAnswer:
    return ItemAnswer(id=item_id, status="error", error=ItemError(code=code, message=message))


def _checked(item: Any, position: int, check_text: Callable[[str], None]) -> ItemAnswer:
    """The answer of one item before its prediction: ok, or what is wrong with it."""
    given = item.get("id") if isinstance(item, dict) else None
    item_id = _printable(given) if isinstance(given, str) else str(position)
    try:
        if not isinstance(item, dict):
            raise BadRequest("invalid_request", "an item must be an object with a text")
        if given is not None and not isinstance(given, str):
            raise BadRequest("invalid_request", "id: must be a string")
        check_text(validate(Item, {name: value for name, value in item.items() if name != "id"}).text)
    except BadRequest as error:
        return _item_error(item_id, error.kind.code, error.message)
    except TextError as error:
        return _item_error(item_id, error.code, str(error))
    return ItemAnswer(id=item_id, status="ok")


def _printable(item_id: str) -> str:
    """The id with unpaired surrogates replaced: they cannot be sent as UTF-8."""
    return item_id.encode("utf-8", "replace").decode("utf-8")


def _bare(body: bytes) -> Statement:
    """The statement that came as plain text, which cannot ask for more than its stance."""
    return Statement.model_construct(text=decode(body), explain=False)


def _read_statement(body: bytes) -> Statement:
    return validate(Statement, parse(body))
