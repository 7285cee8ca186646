"""/healthz and /metrics on one port, served from a thread of their own: a stuck event loop must be seen."""

import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final

import orjson
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

#: faust's fetching loop goes round every second; Kafka's answers may take some more.
STALE_S: Final = 30.0

#: Names of what is checked, each with seconds since it was well.
Ages = dict[str, float]


class HealthServer:
    """Answers 200 while every age is below its limit, else 503."""

    def __init__(self, host: str, port: int, ages: Callable[[], Ages]) -> None:
        self._server = ThreadingHTTPServer((host, port), _handler(ages))
        self._thread = threading.Thread(target=self._server.serve_forever, name="health", daemon=True)

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self._server.server_address[1])

    def start(self) -> None:
        """Serve until the process ends."""
        self._thread.start()

    def close(self) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._server.server_close()


def _handler(ages: Callable[[], Ages]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path == "/metrics":
                self._answer(200, CONTENT_TYPE_LATEST, generate_latest())
            elif self.path == "/healthz":
                found = ages()
                well = all(age < STALE_S for age in found.values())
                body = {"healthy": well, "age_s": {name: round(age, 1) for name, age in found.items()}}
                self._answer(200 if well else 503, "application/json", orjson.dumps(body))
            else:
                self._answer(404, "text/plain", b"/healthz or /metrics\n")

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - its name in the base class
            """Probes are no news."""

        def _answer(self, status: int, kind: str, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    return Handler


class Heartbeat:
    """When something last went well, told from any thread."""

    def __init__(self) -> None:
        self._at = time.monotonic()

    def beat(self) -> None:
        """It goes well now."""
        self._at = time.monotonic()

    @property
    def age_s(self) -> float:
        """Seconds since then."""
        return time.monotonic() - self._at
