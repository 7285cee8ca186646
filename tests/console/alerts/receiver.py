"""A webhook's receiving end: answers as it is told to, checks who speaks, and knows each occurrence by its key."""

import base64
import hashlib
import hmac
import json
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

SECRET = "a secret that both know"


@dataclass(frozen=True)
class Told:
    """One request."""

    key: str
    body: dict[str, Any]
    genuine: bool
    answered: int


class Receiver:
    """Listens on a free port for the length of a `with` block.

    Args:
        answers: the first status codes; 200 for the rest.
        headers: of each answer.
    """

    def __init__(self, answers: Sequence[int] = (), headers: dict[str, str] | None = None) -> None:
        receiver = self
        self.told: list[Told] = []
        self._answers = list(answers)
        self._headers = headers or {}

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                status = receiver.take(dict(self.headers.items()), body)
                self.send_response(status)
                for name, value in receiver.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: Any) -> None:  # no talk of each request
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)

    @property
    def headers(self) -> dict[str, str]:
        """Of each answer."""
        return self._headers

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self._server.server_address[1]}/hook"

    @property
    def known(self) -> set[str]:
        """What it took, each occurrence once."""
        return {one.key for one in self.told if one.answered == 200}

    def take(self, headers: dict[str, str], body: bytes) -> int:
        """Keep one request; the status that answers it."""
        status = self._answers.pop(0) if self._answers else 200
        self.told.append(Told(headers["idempotency-key"], json.loads(body), _genuine(headers, body), status))
        return status

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()


def _genuine(headers: dict[str, str], body: bytes) -> bool:
    """As the documentation of Standard Webhooks tells receivers to check."""
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    expected = base64.b64encode(hmac.new(SECRET.encode(), signed, hashlib.sha256).digest()).decode()
    return hmac.compare_digest(headers["webhook-signature"], f"v1,{expected}")
