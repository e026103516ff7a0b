"""What the routes that take a body share: how it is read, checked and described, and how an answer is sent."""

import asyncio
import json
import re
from collections.abc import Coroutine
from typing import Any, Final, NoReturn, TypeVar

from fastapi import Request, Response
from pydantic import BaseModel, ValidationError
from starlette.requests import ClientDisconnect

from service.errors import BadRequest
from service.gate import DEADLINE_HEADER, MAX_DEADLINE_MS, MIN_DEADLINE_MS
from service.schemas import EXAMPLE_TEXT
from service.telemetry import visit_of

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


def as_json(answer: BaseModel) -> Response:
    """The answer as the route's declared model would be sent, without its being checked and copied once more."""
    return Response(answer.model_dump_json(), media_type="application/json")


def promised(request: Request) -> dict[str, Any]:
    """What the gate promised this request: until when, and the work that is expected of it; and its record."""
    state = request.state
    return {"deadline": state.deadline, "expectation": state.expectation, "visit": visit_of(request.scope)}


async def while_connected(request: Request, work: Coroutine[Any, Any, Result]) -> Result:
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


async def read_body(request: Request) -> bytes:
    """The body, which the size guard gives in one piece; unlike ``request.body()`` it is not kept with the request."""
    return b"".join([piece async for piece in request.stream()])


def parse(body: bytes) -> Any:
    """What the body says in JSON. Raises: BadRequest."""
    text = decode(body)
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


def media_type(request: Request) -> str:
    """The media type without parameters: JSON's, or plain text's.

    Raises: BadRequest for any other, and where the charset is not UTF-8.
    """
    header = request.headers.get("content-type", "")
    charset = CHARSET.search(header)
    if charset and charset[1].lower() not in ("utf-8", "utf8", "us-ascii"):
        raise BadRequest("unsupported_media_type", "send the body in UTF-8")
    media_type = header.partition(";")[0].strip().lower()
    if media_type not in ("application/json", "text/plain") and not media_type.endswith("+json"):
        raise BadRequest("unsupported_media_type", "send application/json, or text/plain in UTF-8")
    return media_type


def decode(body: bytes) -> str:
    """The text of the body. Raises: BadRequest where it is not UTF-8."""
    try:
        return body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadRequest("malformed_utf8", f"the body is not UTF-8: byte {error.start} cannot be decoded") from None


def validate(model: type[Model], value: Any) -> Model:
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


def request_body(model: type[BaseModel], *, plain: bool, example: str = EXAMPLE_TEXT) -> dict[str, Any]:
    """The OpenAPI request body of a route that reads its own bytes."""
    content: dict[str, Any] = {"application/json": {"schema": model.model_json_schema()}}
    if plain:
        content["text/plain"] = {"schema": {"type": "string"}, "example": example}
    limits = {"type": "integer", "minimum": MIN_DEADLINE_MS, "maximum": MAX_DEADLINE_MS}
    deadline = {
        "name": DEADLINE_HEADER,
        "in": "header",
        "description": "milliseconds after which no answer is wanted; at most the service's own deadline holds",
        "schema": limits,
        "example": 2_000,
    }
    return {"parameters": [deadline], "requestBody": {"required": True, "content": content}}
