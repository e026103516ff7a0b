"""One table from everything that can go wrong to a status and a code; the OpenAPI document is made from it.

ServiceError
├── BadRequest            the caller can mend it; 4xx
│   └── Unauthorized      no valid key came with the request; 401
└── Unavailable           the caller can try again; 429, 503, 504; carries the seconds to wait
"""

import traceback
from dataclasses import dataclass
from typing import Any, Final

from models import errors as model_errors


@dataclass(frozen=True, slots=True)
class ErrorKind:
    """One row of the table: the code on the wire, the HTTP status, and a message to show in the documentation."""

    code: str
    status: int
    example: str


TABLE: Final[tuple[ErrorKind, ...]] = (
    ErrorKind("malformed_json", 400, "the body is not JSON: Expecting value at character 0"),
    ErrorKind("malformed_utf8", 400, "the body is not UTF-8: byte 17 cannot be decoded"),
    ErrorKind("unauthorized", 401, "send a key: Authorization: Bearer KEY"),
    ErrorKind("not_found", 404, "there is nothing at this path"),
    ErrorKind("method_not_allowed", 405, "this path does not take GET"),
    ErrorKind("receive_timeout", 408, "the body did not arrive within 15 seconds"),
    ErrorKind("body_too_large", 413, "the body is larger than 4,194,304 bytes"),
    ErrorKind("unsupported_media_type", 415, "send application/json, or text/plain in UTF-8"),
    ErrorKind("unsupported_encoding", 415, "send the body without Content-Encoding"),
    ErrorKind("invalid_request", 422, "text: Field required"),
    ErrorKind("too_many_items", 422, "the batch has 300 items; at most 256 are allowed"),
    ErrorKind("empty_text", 422, "the text contains no letter and no digit"),
    ErrorKind("text_too_long", 422, "the text has 31,000 characters; at most 20,000 are allowed"),
    ErrorKind("unreadable_text", 422, "the text contains a NUL character"),
    ErrorKind("too_many_statements", 422, "the text has 5,000 statements; at most 4,000 are allowed"),
    ErrorKind("unreadable_file", 422, "the PDF is protected by a password; save it without one"),
    ErrorKind("file_too_complex", 422, "reading the file takes longer than it may"),
    ErrorKind("overloaded", 429, "the queue is full; try again in 2 seconds"),
    ErrorKind("rate_limited", 429, "this key has used up its tokens; try again in 2 seconds"),
    ErrorKind("internal", 500, "an internal error; the request id finds it in the log"),
    ErrorKind("not_ready", 503, "the service is starting, stopping or unhealthy"),
    ErrorKind("storage_failed", 503, "the correction could not be stored, and nothing of it was kept; try again later"),
    ErrorKind("deadline_exceeded", 504, "no answer within 15 seconds"),
)
BY_CODE: Final = {kind.code: kind for kind in TABLE}
BODY_UNREAD: Final = frozenset({"receive_timeout", "body_too_large", "unsupported_encoding"})
"""Refusals before the body was read to its end: the connection cannot be used again."""


class ServiceError(Exception):
    """An error with a place in the table. ``message`` goes to the caller and quotes nothing of the text."""

    def __init__(
        self,
        code: str,
        message: str,
        *,
        retry_after_seconds: int | None = None,
        allow: str | None = None,
        unread: bool = False,
    ) -> None:
        super().__init__(message)
        self.kind = BY_CODE[code]
        self.message = message
        self.retry_after_seconds = retry_after_seconds
        self.allow = allow
        self.unread = unread or code in BODY_UNREAD

    @property
    def headers(self) -> dict[str, str]:
        """Headers that go with the answer."""
        pairs = {
            "retry-after": self.retry_after_seconds,
            "allow": self.allow,
            "connection": "close" if self.unread else None,
        }
        return {name: str(value) for name, value in pairs.items() if value is not None}


class BadRequest(ServiceError):
    """Raised for a request that will never succeed as it is."""


class Unauthorized(BadRequest):
    """Raised where no valid key came with a request. Its body is left unread, so the connection is not used again."""

    def __init__(self, message: str, *, key_was_sent: bool) -> None:
        super().__init__("unauthorized", message)
        self._challenge = 'Bearer realm="parley"' + (', error="invalid_token"' if key_was_sent else "")

    @property
    def headers(self) -> dict[str, str]:
        """Headers that go with the answer."""
        return {**super().headers, "www-authenticate": self._challenge, "connection": "close"}


class Unavailable(ServiceError):
    """Raised when the same request may succeed later."""


def from_model(error: model_errors.ParleyError) -> ServiceError:
    """The service's error for one of the ground floor's: the one boundary where foreign errors are mapped."""
    if isinstance(error, model_errors.TextError):
        return BadRequest(error.code, str(error))
    return ServiceError("internal", BY_CODE["internal"].example)


def trace(error: BaseException) -> str:
    """Where an error and its causes were raised, for the log; without foreign messages, which could quote a text."""
    lines = []
    chain: BaseException | None = error
    while chain is not None:
        message = f": {chain}" if isinstance(chain, model_errors.ParleyError | ServiceError) else ""
        lines += [f"{type(chain).__name__}{message}\n", *traceback.format_tb(chain.__traceback__)]
        chain = chain.__cause__ or chain.__context__
    return "".join(lines).rstrip()


def body(code: str, message: str, request_id: str) -> dict[str, Any]:
    """The one error body."""
    return {"error": {"code": code, "message": message, "request_id": request_id}}


def responses(*codes: str) -> dict[int | str, dict[str, Any]]:
    """The OpenAPI responses of these codes and of those that any route can answer with, an example for each."""
    described: dict[int | str, dict[str, Any]] = {}
    for kind in TABLE:
        if kind.code in codes or kind.code == "internal":
            entry = described.setdefault(
                kind.status, {"description": "", "content": {"application/json": {"examples": {}}}}
            )
            entry["description"] = " or ".join(filter(None, [entry["description"], f"`{kind.code}`"]))
            entry["content"]["application/json"]["examples"][kind.code] = {
                "value": body(kind.code, kind.example, "5d41402abc4b")
            }
            entry["content"]["application/json"]["schema"] = {"$ref": "#/components/schemas/ErrorAnswer"}
            if kind.status == 401:
                scheme = {"description": "how to send a key", "schema": {"type": "string"}}
                entry["headers"] = {"WWW-Authenticate": scheme}
            if kind.status in (429, 503):
                entry["headers"] = {"Retry-After": {"description": "seconds to wait", "schema": {"type": "integer"}}}
    return described
