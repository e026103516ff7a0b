"""POST /feedback: a correction in, durably stored. Off unless a setting names the store."""

from datetime import UTC, datetime
from typing import Final

from fastapi import APIRouter, Request, Response

from models.feedback import Correction, text_sha256
from models.given_conditions import ConditionError, GivenCondition, place_conditions
from models.labels import Stance
from service.desk import Desk
from service.errors import BadRequest, Unavailable, responses
from service.feedback import FeedbackStore
from service.feedback_schemas import Feedback, FeedbackAnswer
from service.routes.bodies import (
    BAD_TEXT,
    REFUSED_ALWAYS,
    as_json,
    media_type,
    parse,
    read_body,
    request_body,
    validate,
)
from service.telemetry import visit_of

N_TOKENS: Final = 32
"""What a correction takes of a key's tokens beside one for each word that it brings: about what a statement does."""
OFF: Final = "corrections are not collected here; STANCE_FEEDBACK names no store"
UNSTORED: Final = frozenset({"overloaded", "storage_failed"})
"""Refusals after which nothing was stored for certain: what was taken for them is given back."""
UNAVAILABLE: Final = ("overloaded", "rate_limited", "not_ready", "storage_failed", "deadline_exceeded")


def make_router(desk: Desk, store: FeedbackStore | None) -> APIRouter:
    """The router of the corrections; without a store each is refused."""
    router = APIRouter(tags=["feedback"])

    @router.post(
        "/feedback",
        summary="Correct a prediction",
        response_model=FeedbackAnswer,
        responses=responses("not_found", "malformed_json", "invalid_request", *BAD_TEXT, *REFUSED_ALWAYS, *UNAVAILABLE),
        openapi_extra=request_body(Feedback, plain=False),
    )
    async def feedback(request: Request) -> Response:
        """Store what the stance of a statement really is. The answer says that it is durably there."""
        if store is None:
            raise BadRequest("not_found", OFF)
        if media_type(request) == "text/plain":
            raise BadRequest("unsupported_media_type", f"{request.url.path} takes application/json")
        body = await read_body(request)
        deadline, key = request.state.deadline, visit_of(request.scope).key
        correction, n_tokens = await desk.aside(len(body), deadline, _read, body, desk, key)
        desk.allowance.take(key, n_tokens)
        try:
            number = await store.append(correction, deadline=deadline)
        except Unavailable as error:
            if error.kind.code in UNSTORED:
                desk.allowance.give_back(key, n_tokens)
            raise
        return as_json(FeedbackAnswer(stored=True, number=number, received=correction.received))

    return router


def _read(body: bytes, desk: Desk, key: str | None) -> tuple[Correction, int]:
    """The correction that a body holds, and what it takes of the key's tokens. Raises: BadRequest, TextError."""
    sent = validate(Feedback, parse(body))
    own_sha256 = None
    if sent.text is not None:
        desk.check(sent.text)
        own_sha256 = text_sha256(sent.text)
        if sent.text_sha256 not in (None, own_sha256):
            raise BadRequest("invalid_request", "text_sha256: is not that of the text")
    conditions = _conditions(sent)
    correction = Correction(
        received=datetime.now(UTC).isoformat(timespec="milliseconds"),
        prediction_id=sent.prediction_id,
        stance=sent.stance,
        reviewer=key,
        note=sent.note,
        model=sent.model,
        text=sent.text,
        text_sha256=own_sha256 or sent.text_sha256,
        conditions=conditions,
    )
    words = (sent.text or "", sent.note or "", *(one.text or "" for one in conditions or ()))
    return correction, N_TOKENS + sum(len(one.split()) for one in words)


def _conditions(sent: Feedback) -> tuple[GivenCondition, ...] | None:
    """The conditions that were sent, found in the text where that was sent too. Raises: BadRequest."""
    if sent.conditions is None:
        return None
    if sent.conditions and sent.stance is not Stance.CONDITIONAL:
        raise BadRequest("invalid_request", "conditions: belong to the stance conditional")
    given = tuple(one.given() for one in sent.conditions)
    try:
        for one in given:
            one.check()
        if sent.text is not None:
            place_conditions(given, sent.text)
    except ConditionError as error:
        raise BadRequest("invalid_request", f"conditions: {error}") from None
    return given
