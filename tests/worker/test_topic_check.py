"""Somebody adds partitions while a worker runs: it stops and says what to do, before an event has no place to go."""

import pytest
import structlog

from sentistream.consumer_groups import group_state
from sentistream.embedded import EmbeddedKafka
from tests.conftest import TopicsFactory
from tests.waiting import wait_for
from tests.worker.fake_labelling import FakeLabelling
from tests.worker.kafka_rig import Rig, RunningWorker, make_request, running
from worker import topic_check
from worker.errors import ExitCode, MisconfiguredError

pytestmark = pytest.mark.kafka


@pytest.fixture
def rig(kafka: EmbeddedKafka, topics: TopicsFactory) -> Rig:
    return Rig(kafka.connection, topics(2), 2)


@pytest.fixture(autouse=True)
def _often(monkeypatch: pytest.MonkeyPatch) -> None:
    """Once a minute is too seldom for a test."""
    monkeypatch.setattr(topic_check, "_EVERY_S", 0.2)


@pytest.mark.parametrize("grown", ["requests", "events", "messages"])
def test_partitions_added_to_one_topic_end_the_worker_with_what_to_do(rig: Rig, grown: str) -> None:
    rig.publish(make_request(partition, offset) for offset in range(5) for partition in range(2))
    worker = RunningWorker(rig.settings(), FakeLabelling(), None)
    rig.events(at_least=10)
    rig.add_partitions(topic := getattr(rig.names, grown), 3)
    error = worker.join()
    assert isinstance(error, MisconfiguredError)
    assert error.exit_code is ExitCode.MISCONFIGURED
    assert f"{topic} 3" in str(error)
    assert sum(f"{name} 2" in str(error) for name in (rig.names.requests, rig.names.events, rig.names.messages)) == 2
    assert "Stop the services and add partitions to the smaller ones with kafka-topics --alter" in str(error)


def test_once_all_have_them_the_worker_starts_and_takes_the_new_partition(rig: Rig) -> None:
    """What the error says to do is what helps; what was committed before is not done again."""
    rig.publish(make_request(partition, offset) for offset in range(5) for partition in range(2))
    worker = RunningWorker(rig.settings(), FakeLabelling(), None)
    rig.events(at_least=10)
    rig.add_partitions(rig.names.messages, 3)
    assert isinstance(worker.join(), MisconfiguredError)
    for name in (rig.names.requests, rig.names.events):
        rig.add_partitions(name, 3)
    settings = rig.settings()
    wait_for(
        lambda: not group_state(rig.connection, settings.worker_group, rig.names.requests).members, "its session's end"
    )
    # A producer of before would not know the new partition yet.
    grown = Rig(rig.connection, rig.names, 3)
    grown.publish(make_request(partition, 5 if partition < 2 else 0) for partition in range(3))
    with running(grown.settings()):
        seen = grown.events(at_least=13, settle_s=1.0)
    assert [seen.offsets(partition) for partition in range(3)] == [[*range(6)], [*range(6)], [0]]


def test_a_broker_that_does_not_answer_is_no_reason_to_stop(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(topic_check, "_QUICK_S", 0.000_001)
    rig.publish(make_request(0, offset) for offset in range(3))
    with structlog.testing.capture_logs() as logs, running(rig.settings()):
        wait_for(lambda: any(one["event"] == "topics_not_checked" for one in logs), "a check without an answer")
        assert rig.events(at_least=3).offsets(0) == [0, 1, 2]
