"""An authorisation server: signed tokens, over TLS, for a client that knows its secret, and keys to check them by."""

import base64
import json
import ssl
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import parse_qs, unquote

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

CLIENT_ID: Final = "chat-emotions"
CLIENT_SECRET: Final = "an oauth secret/with+signs"
SCOPE: Final = "kafka"
AUDIENCE: Final = "test-kafka"
ISSUER: Final = "https://tokens.test"


class TokenServer:
    """Attributes: issued, one entry per token, with its claims; lives_s, how long the next ones live."""

    def __init__(self, folder: Path, certificate: Path, lives_s: float = 300.0) -> None:
        self.issued: list[dict[str, Any]] = []
        self.refused = 0
        self.lives_s = lives_s
        self.secret = CLIENT_SECRET
        self._key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        public = RSAAlgorithm.to_jwk(self._key.public_key(), as_dict=True)
        self.keys = folder / "jwks.json"
        self.keys.write_text(json.dumps({"keys": [{**public, "kid": "one", "use": "sig", "alg": "RS256"}]}))
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True, do_handshake_on_connect=False)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self._server.server_port}/token"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()

    def answer(self, authorization: str, form: dict[str, list[str]]) -> tuple[int, dict[str, Any]]:
        """As RFC 6749 has it, section 4.4."""
        client, _, secret = base64.b64decode(authorization.removeprefix("Basic ")).decode().partition(":")
        if client != CLIENT_ID or self.secret not in (secret, unquote(secret)):
            self.refused += 1
            return 401, {"error": "invalid_client"}
        if form.get("grant_type") != ["client_credentials"] or form.get("scope") != [SCOPE]:
            self.refused += 1
            return 400, {"error": "invalid_scope"}
        now = time.time()
        claims = {"sub": client, "iss": ISSUER, "aud": AUDIENCE, "iat": int(now), "exp": int(now + self.lives_s)}
        self.issued.append(claims)
        token = jwt.encode(claims, self._key, algorithm="RS256", headers={"kid": "one"})
        return 200, {"access_token": token, "token_type": "Bearer", "expires_in": self.lives_s}


def _handler(server: TokenServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            status, answer = server.answer(self.headers.get("Authorization", ""), parse_qs(body.decode()))
            content = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """Quiet."""

    return Handler
