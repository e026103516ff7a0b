"""The application, put together from its parts. Nothing happens at import: call create_app."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, Final

from fastapi import APIRouter, FastAPI
from fastapi.routing import APIRoute
from opentelemetry.trace import TracerProvider
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import Response

from models.classifier import StanceClassifier
from models.language import read_detector
from service import schemas
from service.admission import Workload
from service.allowance import Allowance
from service.analysis_schemas import AnalysisAnswer
from service.analyst import Analyst
from service.auth import OPEN_PATHS, Access, KeyRing
from service.batching import Batcher
from service.desk import Desk
from service.direct import Direct, Endpoint
from service.errors import BadRequest
from service.feedback import FeedbackStore
from service.gate import DEADLINE_HEADER, Gate
from service.guard import SizeGuard
from service.headers import SafeHeaders
from service.rollover import Rollover, open_model
from service.routes import analyze, classify, documentation, feedback, health, page
from service.settings import Settings
from service.shedding import Shedder
from service.telemetry import CLASSIFYING, Metrics, Telemetry
from service.watchdog import Watchdog

DESCRIPTION = """Does this statement lean toward negotiating or away from it?

`conciliatory`, `hostile`, `conditional`, or `none` where the statement takes no stance; with calibrated probabilities.
The labels are defined by the codebook, and the answer names its version. The model reads English.
Every error has the same body: `{"error": {"code", "message", "request_id"}}`."""


WITH_NULLS: Final = (schemas.StanceAnswer, schemas.BatchAnswer, AnalysisAnswer)
"""The answers whose examples hold nulls."""


def create_app(settings: Settings, classifier: StanceClassifier, *, spans: TracerProvider | None = None) -> FastAPI:
    """The service over an opened and warm classifier. The queue is served while the app runs; ``spans`` go there."""
    metrics, ring, store = Metrics(spans), KeyRing(settings), FeedbackStore.open(settings)
    rollover = Rollover(classifier, partial(open_model, settings), metrics)
    batcher = Batcher(rollover, Workload(settings.max_queued_tokens))
    watchdog = Watchdog(
        rollover, batcher, deadline_seconds=settings.deadline_seconds, hang_seconds=settings.hang_seconds
    )
    metrics.watch(batcher)
    allowance = Allowance(settings.key_tokens_per_second, settings.key_burst_tokens)
    desk = Desk(rollover, batcher, settings, metrics, allowance)
    classifying = classify.make_router(desk)

    app = FastAPI(
        title="Parley",
        summary="The stance of a statement toward negotiations.",
        description=DESCRIPTION,
        version=classifier.artifact.manifest.version,
        lifespan=lambda _: _serving(rollover, batcher, watchdog, store),
        middleware=[
            *_for_browsers(settings),
            Middleware(Telemetry, metrics=metrics),
            Middleware(Access, ring=ring),
            *_limits(settings, batcher),
            Middleware(Direct, endpoints=_endpoints(classifying)),
        ],
        exception_handlers={HTTPException: _routing_error},
        redirect_slashes=False,
        telemetry={"tracing": False, "metrics": False, "logs": False, "auto_configure": False},  # see service.tracing
        openapi_url="/openapi.json" if settings.docs else None,
        docs_url=None,  # FastAPI's own page loads from a CDN
        redoc_url=None,
    )
    app.state.batcher, app.state.watchdog, app.state.rollover = batcher, watchdog, rollover
    app.state.shedder = Shedder(batcher, watchdog, metrics, ring, deadline_seconds=settings.deadline_seconds)
    app.state.reload = partial(_reload, ring, rollover)
    _include_routes(app, classifying, desk, watchdog, store)
    app.openapi = lambda: _openapi(app, rollover, is_locked=ring.is_locked)  # type: ignore[method-assign]  # the way FastAPI documents
    return app


def _include_routes(
    app: FastAPI, classifying: APIRouter, desk: Desk, watchdog: Watchdog, store: FeedbackStore | None
) -> None:
    """Let the app answer what it answers."""
    settings = desk.settings
    app.include_router(classifying)
    app.include_router(analyze.make_router(Analyst(desk)))
    app.include_router(feedback.make_router(desk, store))
    app.include_router(health.make_router(desk.classifier, watchdog, settings, desk.metrics))
    if settings.page:
        app.include_router(page.make_router())
    if app.openapi_url:
        app.include_router(documentation.make_router(title=app.title, openapi_url=app.openapi_url))


@asynccontextmanager
async def _serving(
    rollover: Rollover, batcher: Batcher, watchdog: Watchdog, store: FeedbackStore | None
) -> AsyncIterator[None]:
    """What runs while the app does."""
    read_detector()
    rollover.announce()
    batcher.start()
    await watchdog.start()
    try:
        yield
    finally:
        watchdog.draining = True
        await batcher.close()
        await watchdog.stop()
        if store:
            await store.close()


async def _routing_error(request: Request, error: Exception) -> Response:
    """What Starlette's router raises, as errors of our table; Telemetry words the answer."""
    if isinstance(error, HTTPException) and error.status_code == 405:
        allow = (error.headers or {}).get("Allow")
        raise BadRequest("method_not_allowed", f"this path does not take {request.method}", allow=allow)
    raise BadRequest("not_found", "there is nothing at this path")


def _for_browsers(settings: Settings) -> list[Middleware]:
    """What surrounds all else, so that errors have it too: safe headers, and leave for the pages of listed origins."""
    layers = [Middleware(SafeHeaders)]
    if settings.origins:
        layers.append(
            Middleware(
                CORSMiddleware,
                allow_origins=settings.origins,
                allow_methods=("GET", "POST"),
                allow_headers=("Authorization", "Content-Type", "X-Request-ID", DEADLINE_HEADER),
                expose_headers=("X-Request-ID", "Retry-After", "WWW-Authenticate"),
            )
        )
    return layers


def _limits(settings: Settings, batcher: Batcher) -> list[Middleware]:
    """What a request passes before its route: the body whole and small enough, then a first look at the queue."""
    return [
        Middleware(
            SizeGuard,
            max_body_bytes=settings.max_body_bytes,
            max_held_bytes=settings.max_held_bytes,
            receive_seconds=settings.receive_seconds,
        ),
        Middleware(Gate, batcher=batcher, deadline_seconds=settings.deadline_seconds),
    ]


def _endpoints(router: APIRouter) -> dict[str, Endpoint]:
    """The endpoints of a router's busiest routes, by path; each takes a bare request."""
    return {one.path: one.endpoint for one in router.routes if isinstance(one, APIRoute) and one.path in CLASSIFYING}


def _reload(ring: KeyRing, rollover: Rollover) -> None:
    """Read the keys again, and begin to exchange the model for what is in its directory now."""
    ring.reload()
    rollover.begin()


def _openapi(app: FastAPI, rollover: Rollover, *, is_locked: bool) -> dict[str, Any]:
    """The OpenAPI document, with the one error body among its schemas, and the keys where they are needed."""
    version = rollover.current.artifact.manifest.version
    if not app.openapi_schema or app.version != version:
        app.openapi_schema, app.version = None, version
        document = FastAPI.openapi(app)
        error_schema = schemas.ErrorAnswer.model_json_schema(ref_template="#/components/schemas/{model}")
        components = document["components"]["schemas"]
        components.update(error_schema.pop("$defs"))
        components["ErrorAnswer"] = error_schema
        for model in WITH_NULLS:  # which FastAPI drops from their examples
            components[model.__name__]["examples"] = model.model_json_schema()["examples"]
        if is_locked:
            document["components"]["securitySchemes"] = {"key": {"type": "http", "scheme": "bearer"}}
            for path, item in document["paths"].items():
                for operation in item.values():
                    operation["security"] = [] if path in OPEN_PATHS else [{"key": []}]
    return app.openapi_schema or {}
