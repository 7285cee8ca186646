"""Spans by OTLP over HTTP: the SDK put together so that a collector that is away neither delays nor ends anything."""

import os
import threading
from collections.abc import Iterable
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from typing import Final, TypeVar

from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_INSTANCE_ID, SERVICE_NAME, SERVICE_VERSION, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import ALWAYS_ON, ParentBased, Sampler, TraceIdRatioBased
from opentelemetry.trace import Span, Tracer, set_span_in_context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from schemas.tracing import TraceSettings

Header = tuple[str, bytes | None]
Value = TypeVar("Value", bytes, bytes | None)

_W3C: Final = TraceContextTextMapPropagator()
_NAMES: Final = frozenset({"traceparent", "tracestate"})
#: At the end, for what has not been sent yet; a collector that is away costs no more.
_LAST_SENDS_S: Final = 2.0


class SpanExport:
    """The process's spans on their way out.

    Attributes:
        tracer: starts a message's spans. Ended ones wait in a bounded queue; where it is full, the oldest are dropped.
        always: starts spans that are followed whatever the ratio says.
    """

    def __init__(self, settings: TraceSettings, service: str, instance: str) -> None:
        self._resource = Resource.create(_resource(service, instance))
        self._processor = BatchSpanProcessor(OTLPSpanExporter(endpoint=_endpoint(settings)))
        self.tracer = self._tracer(ParentBased(TraceIdRatioBased(settings.traces_ratio)))
        self.always = self._tracer(ALWAYS_ON)

    def close(self) -> None:
        """Send what waits, within a bound."""
        # Its own time-out still waits for the request at hand, and repeats that.
        last = threading.Thread(target=self._processor.shutdown, name="last-spans", daemon=True)
        last.start()
        last.join(_LAST_SENDS_S)

    def _tracer(self, sampler: Sampler) -> Tracer:
        # A provider of our own, never the global one: vLLM and others may have theirs.
        provider = TracerProvider(sampler=sampler, resource=self._resource, shutdown_on_exit=False)
        provider.add_span_processor(self._processor)
        return provider.get_tracer("sentistream", _version())


def parent_of(headers: Iterable[Header]) -> Context:
    """The trace context of a record's headers; one of no trace where they hold none, or none that is valid."""
    carrier: dict[str, str] = {}
    for name, value in headers:
        if name in _NAMES and value is not None and name not in carrier:
            with suppress(UnicodeDecodeError):
                carrier[name] = value.decode("ascii")
    return _W3C.extract(carrier, context=Context())


def headers_of(span: Span) -> list[tuple[str, bytes]]:
    """The headers by which the next step finds a span."""
    carrier: dict[str, str] = {}
    _W3C.inject(carrier, context=set_span_in_context(span, Context()))
    return [(name, value.encode()) for name, value in carrier.items()]


def without_trace(headers: Iterable[tuple[str, Value]]) -> list[tuple[str, Value]]:
    """The other headers."""
    return [(name, value) for name, value in headers if name not in _NAMES]


def _endpoint(settings: TraceSettings) -> str | None:
    """None leaves it to the SDK, whose own variable for traces counts more than that for all signals."""
    base = settings.otel_exporter_otlp_endpoint
    if base is None or "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT" in os.environ:
        return None
    return f"{base.rstrip('/')}/v1/traces"


def _resource(service: str, instance: str) -> dict[str, str]:
    return {
        SERVICE_NAME: os.environ.get("OTEL_SERVICE_NAME") or service,
        SERVICE_VERSION: _version(),
        SERVICE_INSTANCE_ID: instance,
    }


def _version() -> str:
    try:
        return version("sentistream")
    except PackageNotFoundError:
        return "unknown"
