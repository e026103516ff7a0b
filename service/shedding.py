"""The quickest refusal: under overload a request is answered on its connection, before a task is made for it.

A refusal costs a third of what it costs on the way through the application, and what it costs is taken from those who
are answered. Same answer, counters, log line and span; whatever is not a plain case of a full queue goes the long way.
"""

import json
import time
from collections.abc import Sequence
from typing import Final

from models.encoding import WIDTH_STEP
from service.auth import KeyRing
from service.batching import Batcher
from service.errors import BadRequest, Unauthorized, Unavailable, body
from service.gate import deadline_after
from service.headers import SAFE
from service.telemetry import CLASSIFYING, Metrics, Visit, request_id_of
from service.watchdog import Watchdog

MAX_BODY_BYTES: Final = 65_536
"""Larger bodies go the long way, which does not read them."""


class Shedder:
    """Decides on a head alone; one for all connections."""

    def __init__(
        self, batcher: Batcher, watchdog: Watchdog, metrics: Metrics, ring: KeyRing, *, deadline_seconds: float
    ) -> None:
        self._batcher = batcher
        self._watchdog = watchdog
        self._metrics = metrics
        self._ring = ring
        self._deadline_seconds = deadline_seconds

    def refusal(self, path: bytes, headers: Sequence[tuple[bytes, bytes]]) -> bytes | None:
        """The whole answer where the request cannot be answered in time; None where it can, or is not plain."""
        if not self._batcher.workload.waiting_tokens or path.decode("latin-1") not in CLASSIFYING:
            return None
        if any(name == b"origin" for name, _ in headers):  # a browser's, which must be told whether its page may read
            return None
        if self._watchdog.draining:  # then each answer ends its connection
            return None
        length = next((value for name, value in headers if name == b"content-length"), b"")
        if not length.isdigit() or len(length) > 5 or int(length) > MAX_BODY_BYTES:
            return None
        try:
            deadline = time.monotonic() + deadline_after(headers, self._deadline_seconds)
            self._batcher.admit(WIDTH_STEP, deadline=deadline)
        except Unavailable as error:
            if error.kind.code != "overloaded":
                return None
            try:
                key = self._ring.admit(headers).name if self._ring.is_locked else None
            except Unauthorized:
                return None
            return self._words(error, path.decode(), Visit(request_id_of(headers), key), headers)
        except BadRequest:
            return None
        return None

    def _words(self, error: Unavailable, route: str, visit: Visit, headers: Sequence[tuple[bytes, bytes]]) -> bytes:
        request_id = visit.request_id
        self._metrics.count_error(error.kind.code)
        self._metrics.count_request("POST", route, error.kind.status, 0.0, visit, headers)
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
