"""The health port follows the loop, and serves the metrics."""

import http.client
import time
from collections.abc import Iterator

import pytest

from worker import health
from worker.health import HealthServer


class Loop:
    """Says when it last polled."""

    polled_at: float | None = None


@pytest.fixture
def loop() -> Loop:
    return Loop()


@pytest.fixture
def port(loop: Loop) -> Iterator[int]:
    server = HealthServer("127.0.0.1", 0, lambda: loop.polled_at)
    server.start()
    yield server.port
    server.stop()


def _get(port: int, path: str) -> tuple[int, str]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    connection.request("GET", path)
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    return answer.status, text


def test_it_is_healthy_while_the_loop_polls(loop: Loop, port: int) -> None:
    assert _get(port, "/healthz") == (503, "starting\n")
    loop.polled_at = time.monotonic()
    assert _get(port, "/healthz")[0] == 200
    loop.polled_at -= health._OLDEST_POLL_S + 1
    assert _get(port, "/healthz")[0] == 503


def test_metrics_are_served_under_their_names(port: int) -> None:
    status, text = _get(port, "/metrics")
    assert status == 200
    assert "sentistream_worker_dead_letters" in text
    assert _get(port, "/")[0] == 404
