"""Partitions are added while the services are down for a moment: all are held again, whatever Kafka remembers."""

import pytest
import structlog

from sentistream.consumer_groups import group_state
from sentistream.embedded import EmbeddedKafka
from tests.conftest import TopicsFactory
from tests.waiting import wait_for
from tests.worker.fake_labelling import FakeLabelling
from tests.worker.kafka_rig import Rig, RunningWorker, make_request, running
from worker import unheld_partitions

pytestmark = pytest.mark.kafka


@pytest.fixture
def rig(kafka: EmbeddedKafka, topics: TopicsFactory) -> Rig:
    return Rig(kafka.connection, topics(2), 2)


def _grow(rig: Rig, count: int) -> Rig:
    for name in (rig.names.messages, rig.names.requests, rig.names.events):
        rig.add_partitions(name, count)
    # A producer of before would not know the new partitions yet.
    return Rig(rig.connection, rig.names, count)


def _long_session(rig: Rig) -> dict[str, object]:
    """Kafka keeps the membership for the whole test."""
    return {"kafka_session_timeout_ms": 45_000, "worker_group": f"{rig.names.topic_prefix}group"}


def test_a_worker_that_is_back_within_its_session_takes_the_new_partitions_too(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    rig.publish(make_request(partition, offset) for offset in range(5) for partition in range(2))
    with running(rig.settings(**_long_session(rig))):
        rig.events(at_least=10)
    grown = _grow(rig, 3)
    grown.publish(make_request(partition, 5 if partition < 2 else 0) for partition in range(3))
    monkeypatch.setattr(unheld_partitions, "_FIRST_S", 0.5)
    monkeypatch.setattr(unheld_partitions, "_AGAIN_S", 0.5)
    with structlog.testing.capture_logs() as logs, running(grown.settings(**_long_session(rig))):
        seen = grown.events(at_least=13, settle_s=1.0)
    assert [seen.offsets(partition) for partition in range(3)] == [[*range(6)], [*range(6)], [0]]
    assert any(one["event"] == "partitions_held_by_nobody" and one["partitions"] == (2,) for one in logs)


def test_control_without_the_look_the_new_partition_is_nobodys(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    rig.publish(make_request(partition, 0) for partition in range(2))
    settings = rig.settings(**_long_session(rig))
    with running(settings):
        rig.events(at_least=2)
    grown = _grow(rig, 3)
    grown.publish(make_request(partition, 1 if partition < 2 else 0) for partition in range(3))
    looks: list[None] = []
    monkeypatch.setattr(unheld_partitions.UnheldPartitions, "check", lambda _: looks.append(None))
    with running(grown.settings(**_long_session(rig))):
        seen = grown.events(at_least=4, settle_s=2.0)
        assert group_state(rig.connection, settings.worker_group, rig.names.requests).partitions == 2
    assert looks
    assert seen.offsets(2) == []


def test_two_workers_that_are_back_one_after_the_other_share_all_partitions(rig: Rig) -> None:
    given = _long_session(rig)
    rig.publish(make_request(partition, offset) for offset in range(5) for partition in range(2))
    with running(rig.settings(**given, worker_id="one")), running(rig.settings(**given, worker_id="two")):
        rig.events(at_least=10)
    grown = _grow(rig, 6)
    first = RunningWorker(grown.settings(**given, worker_id="two"), FakeLabelling(), None)
    second = RunningWorker(grown.settings(**given, worker_id="one"), FakeLabelling(), None)
    grown.publish(make_request(partition, 5 if partition < 2 else 0) for partition in range(6))
    group = str(given["worker_group"])
    wait_for(lambda: group_state(rig.connection, group, rig.names.requests).partitions == 6, "all partitions held")
    seen = grown.events(at_least=16, settle_s=2.0)
    for worker in (first, second):
        worker.stop()
        assert worker.error is None
    assert [seen.offsets(partition) for partition in range(6)] == [[*range(6)]] * 2 + [[0]] * 4
