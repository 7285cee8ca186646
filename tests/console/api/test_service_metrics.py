"""The figures of the services, from metrics pages as the services have them."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from prometheus_client import REGISTRY, generate_latest

import streams.metrics
import worker.metrics
from console.api.service_metrics import WATCHED, ServiceMetrics
from console.api.settings import ApiSettings


@pytest.fixture
def page() -> Iterator[str]:
    """The page of a process that is a stream and a worker at once."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(generate_latest(REGISTRY))

        def log_message(self, *_: object) -> None:
            """Silent."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/metrics"
    server.shutdown()
    thread.join()
    server.server_close()


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
