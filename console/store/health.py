"""`/healthz` says whether the store's loop turns; `/metrics` is for Prometheus."""

import threading
import time
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from console.store.errors import StoreError

#: A transaction, or a wait for a database that is away, takes less.
_OLDEST_TURN_S: Final = 90.0


class HealthServer:
    """Serves both on a thread of its own.

    Args:
        host: to bind.
        port: to bind; 0 takes any.
        turned_at: when the loop last turned, by the monotonic clock; None before it started.
        state: what it does, in a word or two.
    """

    def __init__(self, host: str, port: int, turned_at: Callable[[], float | None], state: Callable[[], str]) -> None:
        try:
            self._server = ThreadingHTTPServer((host, port), _handler(turned_at, state))
        except OSError as error:
            raise StoreError(
                f"{host}:{port} cannot be bound for /metrics ({error}): set STORE_METRICS_PORT to a free port, or 0"
            ) from error
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, name="store-health", daemon=True)

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


def _handler(turned_at: Callable[[], float | None], state: Callable[[], str]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path == "/metrics":
                self._answer(HTTPStatus.OK, generate_latest(), CONTENT_TYPE_LATEST)
            elif self.path == "/healthz":
                self._answer(*_health(turned_at(), state()), "text/plain; charset=utf-8")
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


def _health(turned_at: float | None, state: str) -> tuple[HTTPStatus, bytes]:
    if turned_at is None:
        return HTTPStatus.SERVICE_UNAVAILABLE, b"starting\n"
    age = time.monotonic() - turned_at
    status = HTTPStatus.OK if age < _OLDEST_TURN_S else HTTPStatus.SERVICE_UNAVAILABLE
    return status, f"{state}, last turn {age:.1f} s ago\n".encode()
