"""The containers' health check says yes to 200 and no to everything else."""

import threading
from collections.abc import Iterator
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from sentistream.probe import is_healthy


@pytest.fixture(params=[HTTPStatus.OK, HTTPStatus.SERVICE_UNAVAILABLE])
def service(request: pytest.FixtureRequest) -> Iterator[tuple[int, HTTPStatus]]:
    class Health(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(request.param if self.path == "/healthz" else HTTPStatus.NOT_FOUND)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
            del format, args

    server = HTTPServer(("127.0.0.1", 0), Health)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield server.server_port, request.param
    server.shutdown()
    server.server_close()
    thread.join()


def test_the_status_decides(service: tuple[int, HTTPStatus]) -> None:
    port, status = service
    assert is_healthy(port) is (status == HTTPStatus.OK)


def test_nobody_there_is_not_healthy() -> None:
    assert not is_healthy(1)
