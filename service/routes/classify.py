"""POST /classify and POST /classify/batch: bodies in, answers out. Decisions are the model's, none are made here."""

import asyncio
import json
import re
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, Final, NoReturn, TypeVar

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ValidationError
from starlette.requests import ClientDisconnect

from models.errors import TextError
from service.admission import Expectation
from service.desk import Desk
from service.errors import BadRequest, ServiceError, responses
from service.gate import DEADLINE_HEADER, MAX_DEADLINE_MS, MIN_DEADLINE_MS
from service.schemas import EXAMPLE_TEXT, Batch, BatchAnswer, Item, ItemAnswer, ItemError, StanceAnswer, Statement
from service.telemetry import Visit, visit_of

Model = TypeVar("Model", bound=BaseModel)
Result = TypeVar("Result")

CHARSET: Final = re.compile(r'charset\s*=\s*"?([^";\s]+)', re.IGNORECASE)
REFUSED_ALWAYS: Final = (
    "unauthorized",
    "malformed_utf8",
    "receive_timeout",
    "body_too_large",
    "unsupported_media_type",
    "unsupported_encoding",
)
UNAVAILABLE: Final = ("overloaded", "rate_limited", "not_ready", "deadline_exceeded")
BAD_TEXT: Final = ("empty_text", "text_too_long", "unreadable_text")


def make_router(desk: Desk) -> APIRouter:
    """The router of the classification routes."""
    router = APIRouter(tags=["classify"])

    @router.post(
        "/classify",
        summary="Classify one statement",
        response_model=StanceAnswer,
        responses=responses("malformed_json", "invalid_request", *BAD_TEXT, *REFUSED_ALWAYS, *UNAVAILABLE),
        openapi_extra=_request_body(Statement, plain=True),
    )
    async def classify(request: Request) -> Response:
        """Give the stance of one statement toward negotiations. Send JSON, or the bare statement as text/plain."""
        plain = _media_type(request) == "text/plain"
        body = await _body(request)
        statement = await desk.aside(len(body), request.state.deadline, _bare if plain else _read_statement, body)
        await desk.aside(len(statement.text), request.state.deadline, desk.check, statement.text)
        if statement.explain:
            return _as_json(await _while_connected(request, desk.explain(statement.text, **_promised(request))))
        (answer,) = await _while_connected(request, desk.answer([statement.text], **_promised(request)))
        if isinstance(answer, ServiceError):
            raise answer
        return _as_json(answer)

    @router.post(
        "/classify/batch",
        summary="Classify several statements",
        response_model=BatchAnswer,
        responses=responses("malformed_json", "invalid_request", "too_many_items", *REFUSED_ALWAYS, *UNAVAILABLE),
        openapi_extra=_request_body(Batch, plain=False),
    )
    async def classify_batch(request: Request) -> Response:
        """Give the stance of each statement, in order. A bad item gets its own error and fails no neighbour."""
        if _media_type(request) == "text/plain":
            raise BadRequest("unsupported_media_type", f"{request.url.path} takes application/json")
        body = await _body(request)
        limit = desk.settings.max_batch_items
        texts, answers = await desk.aside(
            len(body), request.state.deadline, _read_batch, body, max_items=limit, check_text=desk.check
        )
        del body
        return _as_json(await _while_connected(request, _answer_items(desk, texts, answers, **_promised(request))))

    return router


def _as_json(answer: BaseModel) -> Response:
    """The answer as the route's declared model would be sent, without its being checked and copied once more."""
    return Response(answer.model_dump_json(), media_type="application/json")


def _promised(request: Request) -> dict[str, Any]:
    """What the gate promised this request: until when, and the work that is expected of it; and its record."""
    state = request.state
    return {"deadline": state.deadline, "expectation": state.expectation, "visit": visit_of(request.scope)}


async def _while_connected(request: Request, work: Coroutine[Any, Any, Result]) -> Result:
    """What ``work`` returns, unless the caller goes away first: then it is cancelled. Raises: ClientDisconnect."""
    asking = asyncio.current_task()
    leaving = asyncio.ensure_future(request.receive())  # the body has been read: only a disconnect can still come
    waiting = has_left = False

    def leave(_: object) -> None:
        nonlocal has_left
        if waiting and asking:
            has_left = asking.cancel()

    leaving.add_done_callback(leave)
    waiting = True
    try:
        return await work
    except asyncio.CancelledError:
        if has_left and asking and not asking.uncancel():  # nobody else wanted it to end
            raise ClientDisconnect from None
        raise
    finally:
        waiting = False
        leaving.cancel()


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
            answers[index].prediction = prediction
    n_ok = sum(answer.status == "ok" for answer in answers)
    return BatchAnswer(items=answers, n_ok=n_ok, n_errors=len(answers) - n_ok)


def _read_batch(
    body: bytes, *, max_items: int, check_text: Callable[[str], None]
) -> tuple[list[str], list[ItemAnswer]]:
    """The texts of the good items, and an answer for each item: ok, or what is wrong with it. Keeps nothing else."""
    items = _validate(Batch, _parse(body)).items
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
        check_text(_validate(Item, {name: value for name, value in item.items() if name != "id"}).text)
    except BadRequest as error:
        return _item_error(item_id, error.kind.code, error.message)
    except TextError as error:
        return _item_error(item_id, error.code, str(error))
    return ItemAnswer(id=item_id, status="ok")


def _printable(item_id: str) -> str:
    """The id with unpaired surrogates replaced: they cannot be sent as UTF-8."""
    return item_id.encode("utf-8", "replace").decode("utf-8")


async def _body(request: Request) -> bytes:
    """The body, which the size guard gives in one piece; unlike ``request.body()`` it is not kept with the request."""
    return b"".join([piece async for piece in request.stream()])


def _bare(body: bytes) -> Statement:
    """The statement that came as plain text, which cannot ask for more than its stance."""
    return Statement.model_construct(text=_decode(body), explain=False)


def _read_statement(body: bytes) -> Statement:
    return _validate(Statement, _parse(body))


def _parse(body: bytes) -> Any:
    text = _decode(body)
    try:
        return json.loads(text, parse_constant=_refuse_constant, object_pairs_hook=_without_repeats)
    except RecursionError:
        raise BadRequest("malformed_json", "the body is nested too deeply") from None
    except ValueError as error:
        where = f": {error.msg} at character {error.pos}" if isinstance(error, json.JSONDecodeError) else ""
        raise BadRequest("malformed_json", f"the body is not JSON{where}") from None


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(name)  # NaN and Infinity, which Python reads but JSON does not know


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """The object. JSON leaves open which of two equal names counts, so two texts under one name are refused."""
    fields = dict(pairs)
    if len(fields) < len(pairs):
        raise BadRequest("malformed_json", "an object in the body has the same field twice")
    return fields


def _media_type(request: Request) -> str:
    """The media type without parameters. Raises: BadRequest when the charset is not UTF-8."""
    header = request.headers.get("content-type", "")
    charset = CHARSET.search(header)
    if charset and charset[1].lower() not in ("utf-8", "utf8", "us-ascii"):
        raise BadRequest("unsupported_media_type", "send the body in UTF-8")
    media_type = header.partition(";")[0].strip().lower()
    if media_type not in ("application/json", "text/plain") and not media_type.endswith("+json"):
        raise BadRequest("unsupported_media_type", "send application/json, or text/plain in UTF-8")
    return media_type


def _decode(body: bytes) -> str:
    try:
        return body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadRequest("malformed_utf8", f"the body is not UTF-8: byte {error.start} cannot be decoded") from None


def _validate(model: type[Model], value: Any) -> Model:
    """The value as the model. Raises: BadRequest that names fields and causes but never echoes what was sent."""
    try:
        return model.model_validate(value)
    except ValidationError as error:
        errors = error.errors(include_input=False, include_context=False, include_url=False)
        if any(e["type"] == "string_unicode" for e in errors):
            raise BadRequest("unreadable_text", "the body contains an unpaired surrogate") from None
        raise BadRequest("invalid_request", "; ".join(dict.fromkeys(map(_cause, errors)))) from None


def _cause(error: Any) -> str:
    """What is wrong, for the caller. A field that the schema does not know is not named: its name is the caller's."""
    if error["type"] == "extra_forbidden":
        return "there is a field that is not known here"
    if error["type"] == "model_type":
        return "the body must be an object"
    return f"{'.'.join(map(str, error['loc']))}: {error['msg']}"


def _request_body(model: type[BaseModel], *, plain: bool) -> dict[str, Any]:
    """The OpenAPI request body of a route that reads its own bytes."""
    content: dict[str, Any] = {"application/json": {"schema": model.model_json_schema()}}
    if plain:
        content["text/plain"] = {"schema": {"type": "string"}, "example": EXAMPLE_TEXT}
    limits = {"type": "integer", "minimum": MIN_DEADLINE_MS, "maximum": MAX_DEADLINE_MS}
    deadline = {
        "name": DEADLINE_HEADER,
        "in": "header",
        "description": "milliseconds after which no answer is wanted; at most the service's own deadline holds",
        "schema": limits,
        "example": 2_000,
    }
    return {"parameters": [deadline], "requestBody": {"required": True, "content": content}}
