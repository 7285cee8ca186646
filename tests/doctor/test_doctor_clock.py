"""The broker's clock, asked for by a topic of one record: what is said of a difference, and that nothing stays."""

import time

import pytest
from confluent_kafka.admin import AdminClient

from schemas.topics import TopicNames
from sentistream.doctor.clock_check import check_broker_clock
from sentistream.doctor.cluster import Cluster
from sentistream.doctor.deployment import Deployment, DoctorSettings
from sentistream.doctor.finding import Status
from sentistream.embedded import EmbeddedKafka
from streams.settings import StreamsSettings
from tests.conftest import TopicsFactory
from tests.waiting import wait_for
from worker.settings import WorkerSettings

pytestmark = pytest.mark.kafka


def _probes(kafka: EmbeddedKafka, names: TopicNames) -> set[str]:
    found = AdminClient(kafka.connection.librdkafka()).list_topics(timeout=5).topics
    return {name for name in found if name.startswith(f"{names.topic_prefix}doctor.")}


@pytest.mark.parametrize(
    ("shift_s", "status", "told"),
    [
        (0.0, Status.OK, ""),
        (600.0, Status.FAIL, " s ahead"),
        (-600.0, Status.FAIL, " s behind"),
        (-20.0, Status.WARN, " s behind"),
    ],
)
def test_a_clock_that_is_not_the_brokers_is_told_and_the_probes_topic_is_gone(
    kafka: EmbeddedKafka, topics: TopicsFactory, shift_s: float, status: Status, told: str
) -> None:
    names = topics(1)
    given = {**kafka.connection.model_dump(), "topic_prefix": names.topic_prefix}
    streams = StreamsSettings(**given)
    seen: list[set[str]] = []

    def clock() -> float:
        # Asked before and after the record: the topic is there then.
        seen.append(_probes(kafka, names))
        return time.time() + shift_s

    deployment = Deployment(DoctorSettings(), streams, WorkerSettings(**given), clock=clock)
    (found,) = check_broker_clock(deployment, Cluster(streams))
    assert found.status is status, found
    assert found.check == "clock of kafka"
    assert told in found.found
    assert ("NTP" in found.to_do) is (status is not Status.OK)
    assert len(seen[-1]) == 1
    wait_for(lambda: not _probes(kafka, names), "the probe's topic is gone")


def test_without_the_probe_nothing_is_made_or_said(kafka: EmbeddedKafka, topics: TopicsFactory) -> None:
    names = topics(1)
    given = {**kafka.connection.model_dump(), "topic_prefix": names.topic_prefix}
    streams = StreamsSettings(**given)

    def clock() -> float:
        pytest.fail("nothing is to be measured")

    deployment = Deployment(DoctorSettings(doctor_clock_probe=False), streams, WorkerSettings(**given), clock=clock)
    assert list(check_broker_clock(deployment, Cluster(streams))) == []
    assert _probes(kafka, names) == set()
