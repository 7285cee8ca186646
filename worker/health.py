"""`/healthz` says whether the consumer's loop turns; `/metrics` is for Prometheus."""

import threading
import time
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

#: A commit may keep the loop from polling for a while; longer than this is not healthy.
_OLDEST_POLL_S: Final = 90.0


class HealthServer:
    """Serves both on a thread of its own.

    Args:
        polled_at: when the loop last polled, by the monotonic clock; None before it started.
    """

    def __init__(self, host: str, port: int, polled_at: Callable[[], float | None]) -> None:
        self._server = ThreadingHTTPServer((host, port), _handler(polled_at))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, name="health", daemon=True)

    @property
    def port(self) -> int:
        """The port that was bound."""
        return self._server.server_port

    def start(self) -> None:
        """Answer from now on."""
        self._thread.start()

    def stop(self) -> None:
        """Close the port."""
        self._server.shutdown()
        self._server.server_close()


def _handler(polled_at: Callable[[], float | None]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path == "/metrics":
                self._answer(HTTPStatus.OK, generate_latest(), CONTENT_TYPE_LATEST)
            elif self.path == "/healthz":
                self._answer(*_health(polled_at()), "text/plain; charset=utf-8")
            else:
                self._answer(HTTPStatus.NOT_FOUND, b"/metrics or /healthz\n", "text/plain; charset=utf-8")

        def log_message(self, *_: Any) -> None:
            """Probes are not worth a line."""

        def _answer(self, status: HTTPStatus, body: bytes, kind: str) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    return Handler


def _health(polled_at: float | None) -> tuple[HTTPStatus, bytes]:
    if polled_at is None:
        return HTTPStatus.SERVICE_UNAVAILABLE, b"starting\n"
    age = time.monotonic() - polled_at
    status = HTTPStatus.OK if age < _OLDEST_POLL_S else HTTPStatus.SERVICE_UNAVAILABLE
    return status, f"last poll {age:.1f} s ago\n".encode()
