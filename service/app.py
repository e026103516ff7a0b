"""The application, put together from its parts. Nothing happens at import: call create_app."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response

from models.classifier import StanceClassifier
from models.language import foreign_language
from service import schemas
from service.admission import Workload
from service.batching import Batcher
from service.desk import Desk
from service.errors import BadRequest
from service.gate import Gate
from service.guard import SizeGuard
from service.routes import classify, health
from service.settings import Settings
from service.shedding import Shedder
from service.telemetry import Metrics, Telemetry
from service.watchdog import Watchdog

DESCRIPTION = """Does this statement lean toward negotiating or away from it?

`conciliatory`, `hostile`, `conditional`, or `none` where the statement takes no stance; with calibrated probabilities.
The labels are defined by the codebook, and the answer names its version. The model reads English.
Every error has the same body: `{"error": {"code", "message", "request_id"}}`."""


def create_app(settings: Settings, classifier: StanceClassifier) -> FastAPI:
    """The service over an opened and warm classifier. The queue is served while the app runs."""
    metrics = Metrics()
    batcher = Batcher(classifier, Workload(settings.max_queued_tokens))
    watchdog = Watchdog(
        classifier, batcher, deadline_seconds=settings.deadline_seconds, hang_seconds=settings.hang_seconds
    )
    metrics.watch(batcher)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        foreign_language(schemas.EXAMPLE_TEXT)  # reads the detector's model, which the first caller would wait for
        batcher.start()
        await watchdog.start()
        try:
            yield
        finally:
            watchdog.draining = True
            await batcher.close()
            await watchdog.stop()

    app = FastAPI(
        title="Parley",
        summary="The stance of a statement toward negotiations.",
        description=DESCRIPTION,
        version=classifier.artifact.manifest.version,
        lifespan=lifespan,
        middleware=[
            Middleware(Telemetry, metrics=metrics),
            Middleware(
                SizeGuard,
                max_body_bytes=settings.max_body_bytes,
                max_held_bytes=settings.max_held_bytes,
                receive_seconds=settings.receive_seconds,
            ),
            Middleware(Gate, batcher=batcher, deadline_seconds=settings.deadline_seconds),
        ],
        exception_handlers={HTTPException: _routing_error},
        redirect_slashes=False,
        redoc_url=None,
    )
    app.state.batcher, app.state.watchdog = batcher, watchdog
    app.state.shedder = Shedder(batcher, watchdog, metrics, deadline_seconds=settings.deadline_seconds)
    app.include_router(classify.make_router(Desk(classifier, batcher, settings, metrics)))
    app.include_router(health.make_router(classifier, watchdog, settings, metrics))
    app.openapi = lambda: _openapi(app)  # type: ignore[method-assign]  # the way FastAPI documents
    return app


async def _routing_error(request: Request, error: Exception) -> Response:
    """What Starlette's router raises, as errors of our table; Telemetry words the answer."""
    if isinstance(error, HTTPException) and error.status_code == 405:
        allow = (error.headers or {}).get("Allow")
        raise BadRequest("method_not_allowed", f"this path does not take {request.method}", allow=allow)
    raise BadRequest("not_found", "there is nothing at this path")


def _openapi(app: FastAPI) -> dict[str, Any]:
    """The OpenAPI document, with the one error body among its schemas."""
    if not app.openapi_schema:
        document = FastAPI.openapi(app)
        error_schema = schemas.ErrorAnswer.model_json_schema(ref_template="#/components/schemas/{model}")
        components = document["components"]["schemas"]
        components.update(error_schema.pop("$defs"))
        components["ErrorAnswer"] = error_schema
        for model in (schemas.StanceAnswer, schemas.BatchAnswer):  # FastAPI drops each null from their examples
            components[model.__name__]["examples"] = model.model_json_schema()["examples"]
    return app.openapi_schema or {}
