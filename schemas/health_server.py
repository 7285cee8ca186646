"""`/healthz` and `/metrics` of a service, served from a thread of their own: a loop that hangs must be seen."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

#: A commit, a transaction or a wait for a database may hold a loop up for a while; longer than this is not healthy.
OLDEST_TURN_S: Final = 90.0
_TEXT: Final = "text/plain; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Health:
    """What `/healthz` says: status 200 where it is well, else 503, and a body."""

    well: bool
    body: bytes
    content_type: str = _TEXT


def loop_health(turned_at: float | None, said: str = "last turn") -> Health:
    """Of a service that is as well as its loop.

    Args:
        turned_at: when the loop last turned, by the monotonic clock; None before it started.
        said: comes before how long ago that was.
    """
    if turned_at is None:
        return Health(well=False, body=b"starting\n")
    age = time.monotonic() - turned_at
    return Health(well=age < OLDEST_TURN_S, body=f"{said} {age:.1f} s ago\n".encode())


class HealthServer:
    """Serves both paths.

    Args:
        host: to bind.
        port: to bind; 0 takes any.
        health: asked for each `/healthz`, from another thread.
    """

    def __init__(self, host: str, port: int, health: Callable[[], Health]) -> None:
        """OSError where the port cannot be bound."""
        self._server = ThreadingHTTPServer((host, port), _handler(health))
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


def _handler(health: Callable[[], Health]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path == "/metrics":
                self._answer(HTTPStatus.OK, generate_latest(), CONTENT_TYPE_LATEST)
            elif self.path == "/healthz":
                found = health()
                status = HTTPStatus.OK if found.well else HTTPStatus.SERVICE_UNAVAILABLE
                self._answer(status, found.body, found.content_type)
            else:
                self._answer(HTTPStatus.NOT_FOUND, b"/metrics or /healthz\n", _TEXT)

        def log_message(self, *_: Any) -> None:
            """Probes are not worth a line."""

        def _answer(self, status: HTTPStatus, body: bytes, content_type: str) -> None:
            self.send_response(status)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    return Handler
