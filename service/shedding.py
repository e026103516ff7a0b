"""The quickest refusal: under overload a request is answered on its connection, before a task is made for it.

What a refusal costs is taken from those who are answered, so the common case, a whole request in one piece, is not even
parsed. Same answer and counters; whatever is not a plain case of a full queue goes the long way.
"""

import asyncio
import json
import logging
from collections.abc import Sequence
from typing import Final

from models.encoding import WIDTH_STEP
from service.admission import DOOR_MARGIN, Expectation, refused
from service.auth import KeyRing
from service.batching import Batcher
from service.errors import BadRequest, Unavailable, body
from service.gate import TYPICAL_TOKENS, deadline_after
from service.headers import SAFE
from service.telemetry import CLASSIFYING, Metrics, Visit, request_id_of
from service.watchdog import Watchdog

log = logging.getLogger("parley.requests")

MAX_BODY_BYTES: Final = 65_536
"""Larger bodies go the long way, which does not read them."""
MAX_PLAIN_HEAD_BYTES: Final = 4_096
"""A head that is longer is parsed."""
UNPLAIN: Final = (b"\ntransfer-encoding", b"\nexpect", b"\nupgrade", b"\norigin", b"\n ", b"\n\t")
"""What only a parser should read, beginnings of lines: framing beside the length, lines that go on. And what a browser
sends, which must be told whether its page may read the answer."""
BYTES_PER_TOKEN: Final = 8
"""By which a body's tokens are guessed before it is read: a low guess, as in English five are usual, JSON included."""
LINES_PER_SECOND: Final = 20
"""Refusals of a second that leave a log line each; how many more there were is said once. A choice: a line costs three
times what the refusal does."""
LENGTH: Final = b"\r\ncontent-length:"
READ: Final = tuple((name, b"\r\n" + name + b":") for name in (b"x-deadline-ms", b"x-request-id", b"authorization"))
FILLER: Final = "0" * 16
"""Stands where a request id belongs; as long as those made here."""

_ROUTES: Final = {f"POST {path} HTTP/1.1".encode(): path for path in CLASSIFYING}
Headers = Sequence[tuple[bytes, bytes]]


class Shedder:
    """Decides before anything is read of a body; one for all connections."""

    def __init__(
        self, batcher: Batcher, watchdog: Watchdog, metrics: Metrics, ring: KeyRing, *, deadline_seconds: float
    ) -> None:
        self._batcher = batcher
        self._watchdog = watchdog
        self._metrics = metrics
        self._ring = ring
        self._deadline_seconds = deadline_seconds
        self._worded: dict[tuple[str, int], list[bytes]] = {}
        self._n_lines = 0
        self._n_unsaid = 0

    def at_once(self, data: bytes) -> bytes | None:
        """The whole answer to bytes that are one whole request, where it cannot be answered in time; else None."""
        if not self._batcher.workload.waiting_tokens:
            return None
        end = data.find(b"\r\n\r\n", 0, MAX_PLAIN_HEAD_BYTES)
        route = _ROUTES.get(data[: data.find(b"\r\n")]) if end > 0 else None
        if route is None or self._watchdog.draining or self._metrics.traces:
            return None
        head = data[: end + 2].lower()
        length = _single(head, LENGTH)
        if not length or not _is_length(length) or len(data) - end - 4 != int(length):
            return None
        if any(map(head.__contains__, UNPLAIN)) or head.count(b"\n") != head.count(b"\r\n"):
            return None
        if _single(head, b"\r\nconnection:") not in (b"", b"keep-alive"):
            return None
        headers = []
        for name, prefix in READ:
            at = head.find(prefix)
            if at >= 0:
                start = at + len(prefix)
                if head.find(prefix, start) >= 0:
                    return None
                headers.append((name, data[start : head.find(b"\r", start)].strip()))
        return self._refusal(route, headers, n_tokens=int(length) // BYTES_PER_TOKEN)

    def refusal(self, path: bytes, headers: Headers) -> bytes | None:
        """The whole answer to a request with this head, where it cannot be answered in time; else None."""
        route = path.decode("latin-1")
        if not self._batcher.workload.waiting_tokens or route not in CLASSIFYING or self._watchdog.draining:
            return None
        if any(name == b"origin" for name, _ in headers):  # a browser's, which must be told whether its page may read
            return None
        length = next((value for name, value in headers if name == b"content-length"), b"")
        if not _is_length(length):
            return None
        return self._refusal(route, headers, n_tokens=int(length) // BYTES_PER_TOKEN)

    def expect(self) -> Expectation:
        """What a whole request that was let in will ask for, counted at once: others come before it is read."""
        return Expectation(self._batcher.workload, TYPICAL_TOKENS)

    def _refusal(self, route: str, headers: Headers, *, n_tokens: int) -> bytes | None:
        """``n_tokens``: what the body's length says; of one statement, whatever its length, no more than is typical."""
        n_tokens = max(WIDTH_STEP, n_tokens if route.endswith("/batch") else min(n_tokens, TYPICAL_TOKENS))
        try:
            seconds = deadline_after(headers, self._deadline_seconds)
            key = None
            objection = self._batcher.workload.objection(n_tokens, within_seconds=seconds, margin=DOOR_MARGIN)
            if objection is None or not self._batcher.alive:
                return None
            if self._ring.is_locked:
                key = self._ring.admit(headers).name
        except BadRequest:  # a deadline or a key that is none
            return None
        visit = Visit(request_id_of(headers), key)
        self._note(route, visit, headers)
        return self._words(objection, self._batcher.workload.retry_after_seconds(), visit.request_id)

    def _note(self, route: str, visit: Visit, headers: Headers) -> None:
        """Count a refusal, and note it in the log while there are few."""
        self._metrics.count_error("overloaded")
        noted = self._n_lines < LINES_PER_SECOND or self._metrics.traces
        self._metrics.count_request("POST", route, 429, 0.0, visit, headers, noted=noted)
        if not self._n_lines:
            asyncio.get_running_loop().call_later(1.0, self._say_the_rest)
        self._n_lines += 1
        self._n_unsaid += not noted

    def _words(self, objection: str, wait_seconds: int, request_id: str) -> bytes:
        if len(request_id) != len(FILLER):
            return _answer(refused(objection, wait_seconds), request_id)
        parts = self._worded.get((objection, wait_seconds))
        if parts is None:
            parts = _answer(refused(objection, wait_seconds), FILLER).split(FILLER.encode())
            self._worded[objection, wait_seconds] = parts
        return request_id.encode().join(parts)

    def _say_the_rest(self) -> None:
        """Say how many refusals of the last second left no line, and begin the next."""
        if self._n_unsaid:
            log.info("%d more requests were refused with 429 in this second", self._n_unsaid)
        self._n_lines = self._n_unsaid = 0


def _answer(error: Unavailable, request_id: str) -> bytes:
    payload = json.dumps(body(error.kind.code, error.message, request_id)).encode()
    named = {
        "content-type": "application/json",
        "content-length": str(len(payload)),
        **error.headers,
        "x-request-id": request_id,
        **{name.decode(): value.decode() for name, value in SAFE.items()},
    }
    lines = "".join(f"{name}: {value}\r\n" for name, value in named.items())
    return f"HTTP/1.1 {error.kind.status} Too Many Requests\r\n{lines}\r\n".encode() + payload


def _single(head: bytes, prefix: bytes) -> bytes | None:
    """What follows a header's name in a head in lower case; empty without that header, None where it comes twice."""
    at = head.find(prefix)
    if at < 0:
        return b""
    start = at + len(prefix)
    return None if head.find(prefix, start) >= 0 else head[start : head.find(b"\r\n", start)].strip()


def _is_length(value: bytes) -> bool:
    """Whether this is the length of a body that may be refused here."""
    return value.isdigit() and len(value) <= len(str(MAX_BODY_BYTES)) and int(value) <= MAX_BODY_BYTES
