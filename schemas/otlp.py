"""Spans by OTLP over HTTP: the SDK put together so that a collector that is away neither delays nor ends anything."""

import logging
import os
import re
import threading
from collections.abc import Iterable, Sequence
from importlib.metadata import PackageNotFoundError, version
from random import getrandbits, random
from typing import Final, TypeVar

from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_INSTANCE_ID, SERVICE_NAME, SERVICE_VERSION, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import ALWAYS_ON
from opentelemetry.trace import Span, Tracer, set_span_in_context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from schemas.tracing import TraceSettings

Header = tuple[str, bytes | None]
Value = TypeVar("Value", bytes, bytes | None)

_W3C: Final = TraceContextTextMapPropagator()
_NAMES: Final = frozenset({"traceparent", "tracestate"})
#: W3C Trace Context, level 1 and later; its flags are the group.
_TRACEPARENT: Final = re.compile(
    rb"(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-([0-9a-f]{2})(?:-.*)?"
)
_SAMPLED: Final = 1
#: One batch of the stream's ends 3,000 spans at once; the SDK's own 2,048 would drop a third of them.
_QUEUED_SPANS: Final = 16_384
#: At the end, for what has not been sent yet; a collector that is away costs no more.
_LAST_SENDS_S: Final = 2.0


class SpanExport:
    """The process's spans on their way out.

    Attributes:
        tracer: starts spans. Ended ones wait in a bounded queue; where it is full, the oldest are dropped.
    """

    def __init__(self, settings: TraceSettings, service: str, instance: str) -> None:
        self._ratio = settings.traces_ratio
        # One line for each batch that is lost, and none for each attempt.
        logging.getLogger("opentelemetry.exporter").setLevel(logging.ERROR)
        logging.getLogger("opentelemetry.util.re").addFilter(_without_headers)
        # A provider of our own, never the global one: vLLM and others may have theirs.
        self._provider = TracerProvider(
            sampler=ALWAYS_ON, resource=Resource.create(_resource(service, instance)), shutdown_on_exit=False
        )
        exporter = OTLPSpanExporter(endpoint=_endpoint(settings))
        room = None if "OTEL_BSP_MAX_QUEUE_SIZE" in os.environ else _QUEUED_SPANS
        self._provider.add_span_processor(BatchSpanProcessor(exporter, max_queue_size=room))
        self.tracer: Tracer = self._provider.get_tracer("sentistream", _version())

    def followed(self, headers: Iterable[Header]) -> Context | None:
        """The trace context that a record came with, or an empty one for a new trace; None where it is not followed.

        Decided here and not by the SDK's sampler, which makes a span of what is not followed too: that would cost a
        stream a tenth of its rate.
        """
        carrier = {name: value for name, value in headers if name in _NAMES and value is not None}
        known = _TRACEPARENT.fullmatch(carrier.get("traceparent", b""))
        if known is None:
            return Context() if random() < self._ratio else None
        if not int(known[1], 16) & _SAMPLED:
            return None
        text = {name: value.decode("ascii", errors="replace") for name, value in carrier.items()}
        return _W3C.extract(text, context=Context())

    def close(self) -> None:
        """Send what waits, within a bound."""
        # Its own time-out still waits for the request at hand, and repeats that.
        last = threading.Thread(target=self._provider.shutdown, name="last-spans", daemon=True)
        last.start()
        last.join(_LAST_SENDS_S)


def unfollowed(headers: Sequence[Header]) -> Sequence[Header]:
    """The same headers, and where they say nothing of a trace, that nobody downstream shall begin one."""
    if any(name == "traceparent" and value is not None and _TRACEPARENT.fullmatch(value) for name, value in headers):
        return headers
    nobody = f"00-{getrandbits(128) | 1:032x}-{getrandbits(64) | 1:016x}-00"
    return [("traceparent", nobody.encode()), *without_trace(headers)]


def headers_of(span: Span) -> list[tuple[str, bytes]]:
    """The headers by which the next step finds a span."""
    carrier: dict[str, str] = {}
    _W3C.inject(carrier, context=set_span_in_context(span, Context()))
    return [(name, value.encode()) for name, value in carrier.items()]


def without_trace(headers: Iterable[tuple[str, Value]]) -> list[tuple[str, Value]]:
    """The other headers."""
    return [(name, value) for name, value in headers if name not in _NAMES]


def _without_headers(record: logging.LogRecord) -> bool:
    """What is wrong with OTEL_EXPORTER_OTLP_HEADERS may be said, and not what they hold: that may be a login."""
    record.args = tuple("***" for _ in record.args or ())
    return True


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
