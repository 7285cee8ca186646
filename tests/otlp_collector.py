"""A collector's receiving end: takes spans by OTLP over HTTP, decodes them as OpenTelemetry defines them."""

import gzip
import threading
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest


@dataclass(frozen=True)
class Received:
    """One span; ids in hexadecimal, times in nanoseconds since 1970."""

    service: str
    name: str
    trace: str
    span: str
    parent: str
    kind: int
    began: int
    ended: int
    failed: bool
    links: tuple[str, ...]
    attributes: dict[str, Any]
    raw: bytes


class Collector:
    """Listens on a free port of this machine for the length of a `with` block."""

    def __init__(self) -> None:
        collector = self
        self._spans: list[Received] = []
        self._lock = threading.Lock()

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if self.headers.get("Content-Encoding") == "gzip":
                    body = gzip.decompress(body)
                collector.take(self.path, body)
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: Any) -> None:  # no talk of each request
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    @property
    def endpoint(self) -> str:
        """What OTEL_EXPORTER_OTLP_ENDPOINT is set to."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    @property
    def spans(self) -> list[Received]:
        """All that came so far."""
        with self._lock:
            return list(self._spans)

    def of(self, trace: str) -> list[Received]:
        """The spans of one trace."""
        return [one for one in self.spans if one.trace == trace]

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """Nobody listens any more."""
        self._server.shutdown()
        self._server.server_close()

    def take(self, path: str, body: bytes) -> None:
        """Keep what one request carries."""
        assert path == "/v1/traces"
        request = ExportTraceServiceRequest.FromString(body)
        found = []
        for resource in request.resource_spans:
            facts = {one.key: one.value.string_value for one in resource.resource.attributes}
            for scope in resource.scope_spans:
                found += [_received(facts["service.name"], span) for span in scope.spans]
        with self._lock:
            self._spans += found


def _received(service: str, span: Any) -> Received:
    return Received(
        service=service,
        name=span.name,
        trace=span.trace_id.hex(),
        span=span.span_id.hex(),
        parent=span.parent_span_id.hex(),
        kind=span.kind,
        began=span.start_time_unix_nano,
        ended=span.end_time_unix_nano,
        failed=span.status.code == 2,
        links=tuple(link.span_id.hex() for link in span.links),
        attributes={one.key: getattr(one.value, one.value.WhichOneof("value")) for one in span.attributes},
        raw=span.SerializeToString(),
    )
