"""The health port of every service follows its loop, and serves the metrics."""

import http.client
import re
import time
from collections.abc import Iterator

import pytest

from schemas.health_server import OLDEST_TURN_S, HealthServer, loop_health


class Loop:
    """Says when it last turned."""

    turned_at: float | None = None


@pytest.fixture
def loop() -> Loop:
    return Loop()


@pytest.fixture
def port(loop: Loop) -> Iterator[int]:
    server = HealthServer("127.0.0.1", 0, lambda: loop_health(loop.turned_at, "following, last turn"))
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


def test_it_is_healthy_while_the_loop_turns(loop: Loop, port: int) -> None:
    assert _get(port, "/healthz") == (503, "starting\n")
    loop.turned_at = time.monotonic() - 2
    status, said = _get(port, "/healthz")
    assert status == 200
    assert re.fullmatch(r"following, last turn [2-9]\.\d s ago\n", said)
    loop.turned_at -= OLDEST_TURN_S
    assert _get(port, "/healthz")[0] == 503


def test_metrics_are_served_under_their_names(port: int) -> None:
    status, text = _get(port, "/metrics")
    assert status == 200
    assert "python_info" in text
    assert _get(port, "/")[0] == 404
