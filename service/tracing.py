"""OpenTelemetry, where it is wanted: a span for each request, sent where the OTEL_* variables say.

FastAPI's own tracing stays off: its spans hold paths and queries as they were sent, its log records the messages of
exceptions, and either may hold a text. A span here has what the access log has.
"""

import time
from collections.abc import Mapping, Sequence

from opentelemetry.propagate import extract
from opentelemetry.trace import SpanKind, StatusCode, Tracer, TracerProvider
from starlette.datastructures import Headers

from service.settings import PREFIX, Settings, SettingsError

Values = Mapping[str, str | int | float]


def open_provider(settings: Settings) -> TracerProvider | None:
    """What spans are sent through, or None where no tracing is wanted. Raises: SettingsError without its packages."""
    if not settings.tracing:
        return None
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk import trace
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError as error:
        needed = "opentelemetry-sdk and opentelemetry-exporter-otlp-proto-http"
        raise SettingsError(f"{PREFIX}TRACING: needs {needed}; {error.name} is missing") from error
    provider = trace.TracerProvider(resource=Resource.create({"service.name": "parley"}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    return provider


def record(tracer: Tracer, headers: Sequence[tuple[bytes, bytes]], *, seconds: float, values: Values) -> None:
    """Send the span of a request that has just ended, below the caller's own where it named one."""
    end = time.time_ns()
    span = tracer.start_span(
        f"{values['http.request.method']} {values['http.route']}",
        context=extract(dict(Headers(raw=list(headers)).items())),
        kind=SpanKind.SERVER,
        attributes=values,
        start_time=end - round(seconds * 1e9),
    )
    if int(values["http.response.status_code"]) >= 500:
        span.set_status(StatusCode.ERROR)
    span.end(end)
