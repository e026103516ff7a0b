"""Request ids, the access log, counters and the one place where an error becomes an answer. No text is recorded."""

import asyncio
import json
import logging
import random
import re
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from opentelemetry.trace import TracerProvider
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from models.errors import ParleyError
from service import errors, tracing
from service.batching import Batcher

log = logging.getLogger("parley.requests")

LATENCY_BUCKETS_SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
REQUEST_ID: Final = re.compile(rb"(?!parley_)[A-Za-z0-9._-]{1,64}")
"""A caller's own request id is kept when it is short and plain; anything else could forge log lines, or be a key."""
CLASSIFYING: Final = frozenset({"/classify", "/classify/batch", "/analyze", "/analyze/file"})
"""The routes of which requests are refused before they are routed."""
CLIENT_GONE: Final = 499
"""Counted, never sent: the client went away before there was an answer. The number is nginx's."""

_ids: Final = random.Random()
"""Seeded by the system at the start: an id must differ from others, and need not be hard to guess."""

STAGES: Final = ("receive", "encode", "queue", "engine", "respond")


@dataclass(slots=True)
class Visit:
    """What is known of a request besides what it carries: its id, whose key came with it, and how long a stage took."""

    request_id: str = ""
    key: str | None = None
    seconds: dict[str, float] = field(default_factory=dict)

    def stage(self, name: str) -> "Stage":
        """Measure what is done inside as that stage of the request."""
        return Stage(self.seconds, name)


class Stage:
    """A clock that runs inside of a ``with``; a class, as generators that do the same take three times as long."""

    __slots__ = ("_name", "_seconds", "_started")

    def __init__(self, seconds: dict[str, float], name: str) -> None:
        self._seconds = seconds
        self._name = name

    def __enter__(self) -> None:
        """Start."""
        self._started = time.perf_counter()

    def __exit__(self, *_: object) -> None:
        """Stop, and add to what this stage has taken before."""
        self._seconds[self._name] = self._seconds.get(self._name, 0.0) + time.perf_counter() - self._started


def visit_of(scope: Scope) -> Visit:
    """The record of this request, which Telemetry began."""
    visit: Visit = scope.setdefault("state", {}).setdefault("visit", Visit())
    return visit


class Metrics:
    """What one app records of its requests: the Prometheus registry, and spans where they are wanted."""

    def __init__(self, provider: TracerProvider | None = None) -> None:
        self._tracer = provider.get_tracer("parley") if provider else None
        self.registry = CollectorRegistry()
        self._of_route: dict[tuple[str, int], tuple[Counter, Histogram]] = {}
        self.requests = Counter(
            "parley_requests", "Requests by route and status.", ["route", "status"], registry=self.registry
        )
        self.refusals = Counter(
            "parley_errors", "Requests answered with an error, by code.", ["code"], registry=self.registry
        )
        self._of_code = {code: self.refusals.labels(code) for code in errors.BY_CODE}
        self.latency = Histogram(
            "parley_request_seconds", "Seconds from first to last byte, by route.", ["route"],
            buckets=LATENCY_BUCKETS_SECONDS, registry=self.registry,
        )  # fmt: skip
        self.stances = Counter("parley_predictions", "Predictions by stance.", ["stance"], registry=self.registry)
        stages = Histogram(
            "parley_stage_seconds", "Seconds in each stage; queue by text, engine by forward pass, others by request.",
            ["stage"], buckets=LATENCY_BUCKETS_SECONDS, registry=self.registry,
        )  # fmt: skip
        self.stages = {stage: stages.labels(stage) for stage in STAGES}
        self.key_requests = Counter(
            "parley_key_requests", "Requests by the name of their key and status.", ["key", "status"],
            registry=self.registry,
        )  # fmt: skip
        self.key_tokens = Counter(
            "parley_key_tokens", "Tokens accepted, by the name of their key.", ["key"], registry=self.registry
        )
        self.model = Gauge("parley_model", "1 for the model that answers.", ["model", "digest"], registry=self.registry)
        self.reloads = Counter(
            "parley_model_reloads", "Orders to read the model again, by outcome.", ["outcome"], registry=self.registry
        )

    def count_error(self, code: str) -> None:
        """Count an error that is answered."""
        self._of_code[code].inc()

    @property
    def traces(self) -> bool:
        """Whether requests are recorded as spans."""
        return self._tracer is not None

    def count_request(
        self,
        method: str,
        route: str,
        status: int,
        seconds: float,
        visit: Visit,
        headers: Sequence[tuple[bytes, bytes]],
        *,
        noted: bool = True,
    ) -> None:
        """Count a request; if it is to be noted, log it in one line and send its span, unless it asks after health."""
        counter, clock = self._of_route.get((route, status)) or self._find(route, status)
        counter.inc()
        clock.observe(seconds)
        for stage, took in visit.seconds.items():
            self.stages[stage].observe(took)
        if visit.key:
            self.key_requests.labels(visit.key, status).inc()
        if not noted or route.startswith("/health"):
            return
        fields = {"method": method, "route": route, "status": status, "ms": round(seconds * 1000, 1)}
        key = f" key={visit.key}" if visit.key else ""
        extra = {"fields": {**fields, "request_id": visit.request_id, "key": visit.key}}
        log.info("%s %s %d %.1f ms id=%s%s", *fields.values(), visit.request_id, key, extra=extra)
        if self._tracer:
            values: dict[str, str | int | float] = {
                "http.request.method": method, "http.route": route, "http.response.status_code": status,
                "parley.request_id": visit.request_id, **({"parley.key": visit.key} if visit.key else {}),
                **{f"parley.{stage}_seconds": took for stage, took in visit.seconds.items()},
            }  # fmt: skip
            tracing.record(self._tracer, headers, seconds=seconds, values=values)

    def _find(self, route: str, status: int) -> tuple[Counter, Histogram]:
        """The counter and the clock of a route; kept, as Prometheus's client takes longer to find than to count."""
        found = self.requests.labels(route, status), self.latency.labels(route)
        self._of_route[route, status] = found
        return found

    def watch(self, batcher: Batcher) -> None:
        """Export the batcher's statistics as they are when somebody asks."""
        self.registry.register(BatcherCollector(batcher))


class BatcherCollector(Collector):
    """Reads the batcher's counters at scrape time, so that the hot path counts nothing twice."""

    def __init__(self, batcher: Batcher) -> None:
        self._batcher = batcher

    def collect(self) -> Iterable[Metric]:
        """The metric families of the engine and its queue."""
        statistics = self._batcher.statistics
        yield GaugeMetricFamily(
            "parley_queued_tokens", "Tokens waiting for the engine, with padding.", value=self._batcher.queued_tokens
        )
        for name, what in (
            ("n_batches", "Forward passes."),
            ("n_texts", "Texts in forward passes."),
            ("n_tokens", "Tokens in forward passes, without padding."),
            ("n_padded_tokens", "Tokens in forward passes, with padding."),
            ("n_retries", "Texts tried again alone after their batch failed."),
            ("n_expired", "Texts dropped because nobody waited for them any more."),
            ("engine_seconds", "Seconds spent in forward passes."),
        ):
            exported = "parley_engine_" + name.removeprefix("n_").removeprefix("engine_")
            yield CounterMetricFamily(exported, what, value=getattr(statistics, name))


class Telemetry:
    """The outermost layer, pure ASGI: every request leaves through here with an id, a count and one log line."""

    def __init__(self, app: ASGIApp, *, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve the request and turn whatever it raises into the one error body."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = request_id_of(scope["headers"])
        visit = scope.setdefault("state", {})["visit"] = Visit(request_id)
        started, status = time.perf_counter(), 0

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", []), (b"x-request-id", request_id.encode())]
            with visit.stage("respond"):
                await send(message)

        try:
            await self._app(scope, receive, send_with_id)
        except ClientDisconnect:
            status = status or CLIENT_GONE
        except asyncio.CancelledError:
            if status:
                raise
            stopped = errors.Unavailable("not_ready", "the service stops before it can answer", retry_after_seconds=5)
            await self._answer(stopped, request_id, send_with_id)  # uvicorn's word for it would be a bare 500
        except Exception as error:
            if status:  # the answer has begun: nothing can be mended, the server closes the connection
                raise
            await self._answer(error, request_id, send_with_id)
        finally:
            self._record(scope, status, time.perf_counter() - started, visit)

    async def _answer(self, error: Exception, request_id: str, send: Send) -> None:
        error = known(error, request_id)
        self._metrics.count_error(error.kind.code)
        payload = json.dumps(errors.body(error.kind.code, error.message, request_id)).encode()
        headers = {"content-type": "application/json", "content-length": str(len(payload)), **error.headers}
        pairs = [(name.encode(), value.encode()) for name, value in headers.items()]
        await send({"type": "http.response.start", "status": error.kind.status, "headers": pairs})
        await send({"type": "http.response.body", "body": payload})

    def _record(self, scope: Scope, status: int, seconds: float, visit: Visit) -> None:
        # Unknown paths share one name: a scanner must not be able to fill the registry.
        path = scope["path"] if scope["path"] in CLASSIFYING else "unknown"  # refused before it was routed
        route = str(getattr(scope.get("route"), "path", path))
        self._metrics.count_request(scope["method"], route, status, seconds, visit, scope["headers"])


def known(error: Exception, request_id: str) -> errors.ServiceError:
    """The error of our table that is told the caller; the log says more of one that nobody expected."""
    if isinstance(error, ParleyError):
        return errors.from_model(error)
    if isinstance(error, errors.ServiceError):
        return error
    log.error("request %s failed: %s", request_id, errors.trace(error), extra={"fields": {"request_id": request_id}})
    return errors.ServiceError("internal", errors.BY_CODE["internal"].example)


def request_id_of(headers: Iterable[tuple[bytes, bytes]]) -> str:
    """The caller's own request id, or a new one."""
    for name, value in headers:
        if name == b"x-request-id" and REQUEST_ID.fullmatch(value):
            return str(value, "ascii")
    return f"{_ids.getrandbits(64):016x}"
