"""The figures of the services, from metrics pages as the services have them."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from prometheus_client import REGISTRY, CollectorRegistry, Counter, Gauge, Histogram, generate_latest

import streams.metrics
import worker.metrics
from console.api.service_metrics import WATCHED, ServiceMetrics
from console.api.settings import ApiSettings


@contextmanager
def serving(text: Callable[[], bytes], host: str = "127.0.0.1", port: int = 0) -> Iterator[int]:
    """A page under any name; its port."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(text())

        def log_message(self, *_: object) -> None:
            """Silent."""

    server = ThreadingHTTPServer((host, port), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server.server_port
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def page() -> Iterator[str]:
    """The page of a process that is a stream and a worker at once."""
    with serving(lambda: generate_latest(REGISTRY)) as port:
        yield f"http://127.0.0.1:{port}/metrics"


class OneWorker:
    """A worker's own page."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self.events = Counter("sentistream_worker_events", "-", registry=self._registry)
        self.in_flight = Gauge("sentistream_worker_in_flight", "-", registry=self._registry)
        self.lag = Gauge("sentistream_worker_lag_seconds", "-", registry=self._registry)
        self.model = Histogram("sentistream_worker_model_seconds", "-", buckets=(0.1, 1, 10), registry=self._registry)

    def page(self) -> bytes:
        return generate_latest(self._registry)


def test_every_name_is_one_that_the_services_have() -> None:
    known = {sample.name for family in REGISTRY.collect() for sample in family.samples}
    known |= {family.name for family in REGISTRY.collect()}
    for service in ("streams", "worker"):
        watched = WATCHED[service]
        names = {watched.rate, *watched.sums.values(), *watched.highest.values(), *watched.seconds.values()}
        names |= set(watched.troubles)
        # Counters and gauges with labels have no sample before their first.
        labelled = {"sentistream_worker_events_total", "sentistream_streams_lag_seconds"}
        assert names - labelled <= known


def test_figures_of_what_happened_since_the_last_look(page: str) -> None:
    found = ServiceMetrics(ApiSettings(console_worker_metrics=page, console_streams_metrics=page))
    found.read()
    worker.metrics.IN_FLIGHT.set(7)
    worker.metrics.EVENTS.labels("labelled").inc(30)
    for _ in range(100):
        worker.metrics.MODEL_SECONDS.observe(0.04)
    health = {one.service: one for one in found.read()}
    figures = health["worker"].figures
    assert (health["worker"].state, figures["in_flight"]) == ("ok", 7)
    assert figures["rate_per_s"] > 0
    assert 0.025 < figures["model_p50_s"] <= 0.05
    assert health["trainer"].state == "unknown"
    worker.metrics.IN_FLIGHT.set(0)


def test_troubles_are_named(page: str) -> None:
    streams.metrics.REDIS_AWAY.set(12)
    worker.metrics.OUTAGE.set(1)
    found = ServiceMetrics(ApiSettings(console_worker_metrics=page, console_streams_metrics=page)).read()
    assert [one.state for one in found] == ["behind", "behind", "unknown"]
    assert "Redis" in found[0].text
    assert found[1].to_do is not None
    streams.metrics.REDIS_AWAY.set(0)
    worker.metrics.OUTAGE.set(0)


def test_who_does_not_answer_is_down(page: str) -> None:
    nobody = "http://127.0.0.1:1/metrics"
    found = ServiceMetrics(
        ApiSettings(console_worker_metrics=f"{page},{nobody}", console_streams_metrics=nobody)
    ).read()
    assert [one.state for one in found] == ["down", "behind", "unknown"]
    assert "sentistream streams" in (found[0].to_do or "")
    assert "1 of 2" in found[1].text
    broken = ServiceMetrics(ApiSettings(console_worker_metrics="no address")).read()
    assert broken[1].state == "down"


def test_a_name_that_stands_for_two_replicas_is_asked_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    first, second, lookup = OneWorker(), OneWorker(), socket.getaddrinfo
    known = ["127.0.0.1"]

    def look_up(host: Any, port: Any, *given: Any, **more: Any) -> Any:
        names = known if host == "worker" else [host]
        return [one for name in names for one in lookup(name, port, *given, **more)]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    first.events.inc(1000)
    second.events.inc(5_000_000)
    with ExitStack() as exits:
        port = exits.enter_context(serving(first.page))
        exits.enter_context(serving(second.page, "127.0.0.2", port))
        found = ServiceMetrics(ApiSettings(console_worker_metrics=f"http://worker:{port}/metrics"))
        assert found.read()[1].text == "at work"

        # The second comes (compose --scale): what it counted before that is no rate.
        known.append("127.0.0.2")
        first.in_flight.set(3)
        second.in_flight.set(4)
        second.lag.set(7)
        both = found.read()[1]
        assert (both.text, both.figures["in_flight"], both.figures["lag_s"]) == ("all 2 at work", 7, 7)
        assert both.figures["rate_per_s"] == 0

        first.events.inc(10)
        second.events.inc(30)
        for _ in range(98):
            first.model.observe(0.05)
        for _ in range(902):
            second.model.observe(5)
        figures = found.read()[1].figures
        assert figures["rate_per_s"] > 0
        assert 1 < figures["model_p50_s"] < 10, "of both"

    assert found.read()[1].text == "none of the 2 answers"
