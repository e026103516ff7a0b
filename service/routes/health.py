"""GET /health/live, /health/ready, /info and /metrics: what operators ask."""

from typing import Final

from fastapi import APIRouter, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from models.labels import STANCES
from service.errors import Unavailable, responses
from service.rollover import Rollover
from service.schemas import Health, Info
from service.settings import Settings
from service.telemetry import Metrics
from service.watchdog import Watchdog

LIMITS: Final = (
    "max_body_bytes", "max_text_chars", "max_batch_items", "max_article_chars", "max_article_statements",
    "max_queued_tokens", "deadline_seconds", "stream_seconds", "receive_seconds", "max_held_bytes", "max_connections",
    "hang_seconds", "notice_seconds", "drain_seconds",
)  # fmt: skip


def make_router(classifier: Rollover, watchdog: Watchdog, settings: Settings, metrics: Metrics) -> APIRouter:
    """The router of the operators' routes."""
    router = APIRouter(tags=["operations"])

    @router.get("/health/live", summary="Is the process alive?", responses=responses())
    async def live() -> Health:
        """Answer as long as the event loop turns."""
        return Health(status="live")

    @router.get("/health/ready", summary="Should requests be sent here?", responses=responses("not_ready"))
    async def ready() -> Health:
        """Answer 200 while the engine answers and nobody told the service to stop; 503 otherwise."""
        if trouble := watchdog.trouble():
            raise Unavailable("not_ready", trouble, retry_after_seconds=5)
        return Health(status="ready")

    @router.get("/info", summary="What answers here, and within which limits", responses=responses("unauthorized"))
    async def info() -> Info:
        """Name the model, the engine and every limit."""
        artifact, engine = classifier.current.artifact, classifier.current.engine.info
        return Info(
            model=artifact.manifest.model_id,
            digest=artifact.manifest.digest,
            codebook=artifact.manifest.codebook,
            labels=list(STANCES),
            coverage=artifact.decision.coverage,
            engine=engine.name,
            precision=engine.precision,
            device=engine.device,
            threads=engine.threads,
            max_tokens=artifact.manifest.max_tokens,
            limits={name: getattr(settings, name) for name in LIMITS},
        )

    @router.get("/metrics", summary="Prometheus metrics", response_class=Response, responses=METRICS_RESPONSES)
    async def prometheus() -> Response:
        """Give all counters in the Prometheus text format."""
        return Response(generate_latest(metrics.registry), media_type=CONTENT_TYPE_LATEST)

    return router


METRICS_RESPONSES: Final = {
    **responses("unauthorized"),
    200: {
        "description": "Counters, histograms and gauges.",
        "content": {"text/plain": {"example": 'parley_predictions_total{stance="conditional"} 12.0\n'}},
    },
}
