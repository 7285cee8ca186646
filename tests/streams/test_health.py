"""/metrics and /healthz of a running stream: every metric that `streams.metrics` names, with what it should say."""

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
from prometheus_client import Counter, Histogram
from prometheus_client.metrics import MetricWrapperBase
from prometheus_client.parser import text_string_to_metric_families

from schemas.health_server import HealthServer
from sentistream.embedded import EmbeddedKafka, EmbeddedRedis
from streams import metrics
from streams.health import stream_health
from tests.conftest import TopicsFactory
from tests.streams.stream_rig import StreamRig, make_messages, published, stop, wait_for_log
from tests.waiting import wait_for

#: By sample name, label values in brackets where there are some.
Samples = dict[str, float]
GOOD, BAD = 60, [(0, b"k", None), (1, b"k", b"\xff\xfe"), (2, b"k", b"{}")]


def named_metrics() -> Iterator[MetricWrapperBase]:
    found = [one for one in vars(metrics).values() if isinstance(one, MetricWrapperBase)]
    assert found
    yield from found


def sample_name(metric: MetricWrapperBase) -> str:
    (described,) = metric.describe()
    suffix = {Counter: "_total", Histogram: "_count"}.get(type(metric), "")
    return described.name + suffix


def fetch(port: int, path: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def scrape(port: int) -> Samples:
    status, text = fetch(port, "/metrics")
    assert status == 200
    return {
        sample.name + (f"[{','.join(sample.labels.values())}]" if sample.labels else ""): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if not sample.name.endswith(("_created", "_bucket"))
    }


def listening_port(log: Path) -> int:
    wait_for_log(log, "health_listening")
    lines = [json.loads(line) for line in log.read_text().splitlines() if line.startswith("{")]
    return next(int(line["port"]) for line in lines if line["event"] == "health_listening")


@pytest.mark.kafka
def test_every_metric_of_a_running_stream_tells_what_it_did(
    kafka: EmbeddedKafka, redis_server: EmbeddedRedis, topics: TopicsFactory, model: Path, tmp_path: Path
) -> None:
    log = tmp_path / "log"
    rig = StreamRig(kafka.bootstrap_servers, redis_server.url, topics(), model)
    # Messages that cannot be read again, so that the loss of their windows shows too.
    messages = published(make_messages(GOOD))
    rig.publish(messages[:30])
    with rig.stream(log, REBUILD_MESSAGES="3") as child:
        port = listening_port(log)
        rig.wait_for_requests(30)
        redis.Redis.from_url(rig.redis_url).flushdb()
        rig.publish([*messages[30:], *BAD])
        rig.wait_for_requests(GOOD + len(BAD))
        wait_for(lambda: scrape(port)["sentistream_streams_messages_total"] == GOOD + len(BAD), "the count of messages")
        found = scrape(port)
        status, body = fetch(port, "/healthz")
        assert stop(child) == 0, log.read_text()

    assert_complete(found)
    counted = {name.removeprefix("sentistream_streams_"): value for name, value in found.items()}
    assert counted["requests_total"] == GOOD + len(BAD)
    assert {name: counted[name] for name in counted if name.startswith("rejected")} == {
        "rejected_total[empty]": 1,
        "rejected_total[not_utf8]": 1,
        "rejected_total[invalid]": 1,
    }
    assert counted["assignments_total"] == 1
    assert counted["rebuilds_total"] == 3
    assert 3 <= counted["rebuilt_messages_total"] <= 9
    assert 0 < counted["degraded_total"] <= 30
    assert counted["batch_messages_sum"] == GOOD + len(BAD)
    assert 2 <= counted["batch_messages_count"] <= GOOD + len(BAD)
    for name in ("batch_seconds", "send_seconds", "redis_seconds"):
        assert counted[f"{name}_count"] >= counted["batch_messages_count"]
        assert counted[f"{name}_sum"] > 0
    assert counted["redis_away_seconds"] == 0
    assert counted["buffered_bytes"] == 0
    assert {name for name in counted if name.startswith("lag_seconds")} == {f"lag_seconds[{one}]" for one in range(3)}
    assert all(0 <= counted[f"lag_seconds[{one}]"] < 60 for one in range(3))

    assert status == 200
    health = json.loads(body)
    assert health["healthy"] is True
    assert set(health["age_s"]) == {"event_loop", "kafka_poll", "batch", "redis"}


def assert_complete(found: Samples) -> None:
    """Every metric that has a name in the module was scraped."""
    bare = {name.partition("[")[0] for name in found}
    assert {sample_name(one) for one in named_metrics()} - bare == set()


def test_what_is_too_old_makes_it_unhealthy_and_is_named() -> None:
    ages = {"event_loop": 0.1, "redis": 31.0}
    server = HealthServer("127.0.0.1", 0, lambda: stream_health(ages))
    server.start()
    try:
        status, body = fetch(server.port, "/healthz")
        assert (status, json.loads(body)) == (503, {"healthy": False, "age_s": ages})
        ages["redis"] = 0.2
        assert fetch(server.port, "/healthz")[0] == 200
        assert fetch(server.port, "/elsewhere")[0] == 404
    finally:
        server.stop()
