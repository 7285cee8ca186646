"""The doctor on the real Kafka and Redis: a healthy deployment, and each fault put into it."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from click.testing import CliRunner
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource, ResourceType
from confluent_kafka.cimpl import NewPartitions

from schemas.chat import ChatMessage
from schemas.codec import encode
from schemas.topics import TopicNames
from sentistream.cli import main
from sentistream.doctor.deployment import Deployment, DoctorSettings
from sentistream.doctor.examination import examine
from sentistream.doctor.finding import Finding, Status, exit_status
from sentistream.embedded import EmbeddedKafka, EmbeddedRedis
from streams.settings import StreamsSettings
from tests.conftest import TopicsFactory
from tests.waiting import wait_for
from worker.settings import WorkerSettings
from worker.watermark import Watermark

pytestmark = pytest.mark.kafka


class Clinic:
    """A deployment whose groups are played by plain consumers."""

    def __init__(self, kafka: EmbeddedKafka, redis: EmbeddedRedis, names: TopicNames) -> None:
        self.names = names
        self.kafka = kafka.connection
        self.admin = AdminClient(kafka.connection.librdkafka())
        shared: dict[str, Any] = {**self.kafka.model_dump(), "topic_prefix": names.topic_prefix}
        self.streams = StreamsSettings(**shared, redis_url=redis.url, streams_group=f"{names.topic_prefix}streams")
        self.worker = WorkerSettings(**shared, worker_group=f"{names.topic_prefix}worker", worker_id="one")

    def deployment(self, **changed: Any) -> Deployment:
        given = {"doctor": DoctorSettings(topic_profile="embedded", doctor_clock_probe=False), **changed}
        return Deployment(**{"streams": self.streams, "worker": self.worker, **given})

    def findings(self, **changed: Any) -> list[Finding]:
        return list(examine(self.deployment(**changed)))

    def told(self, check: str, **changed: Any) -> list[Finding]:
        """What is not as it should be of one check."""
        return [one for one in self.findings(**changed) if one.check == check and one.status is not Status.OK]

    def publish(self, conversations: range, *, partitioner: str = "murmur2_random") -> None:
        producer = Producer({**self.kafka.librdkafka(), "partitioner": partitioner})
        for number in conversations:
            message = ChatMessage(
                message_id=f"m{number}",
                conversation_id=f"c{number}",
                speaker="ann",
                text="a secret",
                sent_at="2026-01-01T00:00:00Z",
            )
            producer.produce(self.names.messages, encode(message), message.conversation_id.encode())
        assert producer.flush(20) == 0

    def set_topic(self, topic: str, **settings: str) -> None:
        entries = [
            ConfigEntry(name.replace("_", "."), value, incremental_operation=AlterConfigOpType.SET)
            for name, value in settings.items()
        ]
        resource = ConfigResource(ResourceType.TOPIC, topic, incremental_configs=entries)
        self.admin.incremental_alter_configs([resource])[resource].result(10)

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """Both groups hold their partitions and have committed."""
        marks = Watermark("t", 0).to_metadata("0.1.0")
        members = []
        for group, topic in (
            (self.streams.streams_group, self.names.messages),
            (self.worker.worker_group, self.names.requests),
        ):
            consumer = Consumer(
                {
                    **self.kafka.librdkafka(),
                    "group.id": group,
                    "enable.auto.commit": False,
                    "auto.offset.reset": "earliest",
                }
            )
            count = len(self.admin.list_topics(timeout=5).topics[topic].partitions)
            consumer.subscribe([topic])
            deadline = time.monotonic() + 30
            while len(consumer.assignment()) < count and time.monotonic() < deadline:
                consumer.poll(0.1)
            places = [TopicPartition(topic, number, 0, marks) for number in range(count)]
            consumer.commit(offsets=places, asynchronous=False)
            members.append(consumer)
        yield
        for consumer in members:
            consumer.close()


@pytest.fixture
def clinic(kafka: EmbeddedKafka, redis_server: EmbeddedRedis, topics: TopicsFactory) -> Clinic:
    return Clinic(kafka, redis_server, topics(4))


def test_a_healthy_deployment_has_nothing_to_mend(clinic: Clinic) -> None:
    clinic.publish(range(40))
    with clinic.at_work():
        findings = clinic.findings(doctor=DoctorSettings(topic_profile="embedded"))
    assert [one for one in findings if one.status is not Status.OK] == []
    assert exit_status(findings, strict=True) == 0
    looked_at = {one.check for one in findings}
    assert looked_at >= {
        "brokers", "topics", "partition counts", "replication", "retention", "record sizes", "cleanup.policy",
        "rights of streams", "rights of worker", "rights of trainer", "rights of store", "rights of console",
        "partitioner", "message keys",
        "group of streams", "group of worker", "watermarks", "live adapter", "clock of kafka", "redis",
        "redis eviction", "redis persistence", "redis memory", "redis cluster", "redis rights of streams",
        "redis rights of trainer", "clock of redis",
    }  # fmt: skip


def test_unequal_partition_counts_and_what_is_missing_are_named(clinic: Clinic) -> None:
    clinic.admin.create_partitions([NewPartitions(clinic.names.requests, 6)])[clinic.names.requests].result(10)
    clinic.admin.delete_topics([clinic.names.releases])[clinic.names.releases].result(10)

    def is_known() -> bool:
        """The brokers hear of it a little later."""
        found = clinic.admin.list_topics(timeout=5).topics
        return len(found[clinic.names.requests].partitions) == 6 and clinic.names.releases not in found

    wait_for(is_known, "the change")
    findings = clinic.findings(services=("worker",))
    (counts,) = [one for one in findings if one.check == "partition counts"]
    assert counts.status is Status.FAIL
    assert f"{clinic.names.requests} 6" in counts.found
    (missing,) = [one for one in findings if one.check == "topics"]
    assert missing.status is Status.FAIL
    assert clinic.names.releases in missing.found
    assert "topics create" in missing.to_do
    assert exit_status(findings, strict=False) == 1


@pytest.mark.soak
def test_settings_that_lose_records_are_named(clinic: Clinic) -> None:
    names = clinic.names
    clinic.set_topic(names.requests, retention_ms="3600000", max_message_bytes="1048576")
    clinic.set_topic(names.messages, retention_bytes="1000000")
    clinic.set_topic(names.releases, cleanup_policy="compact,delete")
    findings = clinic.findings(doctor=DoctorSettings(topic_profile="production", doctor_clock_probe=False))
    wrong = {one.check: one for one in reversed(findings) if one.status in (Status.FAIL, Status.WARN)}
    assert "requests go before their messages" in wrong["retention"].found
    assert any("retention.bytes" in one.found and one.status is Status.WARN for one in findings)
    assert "must rise" in wrong["record sizes"].found
    assert names.releases in wrong["cleanup.policy"].found
    assert "replication 3 and min.insync.replicas 2" in wrong["replication"].to_do


@pytest.mark.parametrize(
    ("first", "second", "named"),
    [
        pytest.param(
            "consistent_random",
            None,
            "crc32 (librdkafka's default, consistent_random) explains all",
            marks=pytest.mark.soak,
        ),
        pytest.param("fnv1a_random", None, "fnv1a (sarama's default) explains all", marks=pytest.mark.soak),
        ("murmur2_random", "consistent_random", "stand in two partitions"),
    ],
)
def test_another_partitioner_is_named_and_no_text_is_shown(
    clinic: Clinic, first: str, second: str | None, named: str
) -> None:
    clinic.publish(range(60), partitioner=first)
    if second:
        clinic.publish(range(30), partitioner=second)
    (found,) = clinic.told("partitioner", services=("streams",))
    assert found.status is Status.FAIL
    assert named in found.found
    assert "SHA-256" in found.found
    assert "murmur2_random" in found.to_do
    assert "secret" not in found.found


@pytest.mark.soak
def test_groups_that_lost_something_or_wait_for_someone_are_named(clinic: Clinic) -> None:
    clinic.publish(range(40))
    with clinic.at_work():
        pass
    topic = clinic.names.messages
    clinic.admin.delete_records([TopicPartition(topic, 0, 3)])[TopicPartition(topic, 0, 3)].result(10)
    consumer = Consumer({**clinic.kafka.librdkafka(), "group.id": clinic.worker.worker_group})
    consumer.commit(offsets=[TopicPartition(clinic.names.requests, 1, 7)], asynchronous=False)
    consumer.close()
    month = 30 * 86_400.0
    findings = clinic.findings(services=("streams", "worker"), clock=lambda: time.time() + month)
    wrong = [one for one in findings if one.status is not Status.OK]
    assert any("offsets 0 to 2 went unread" in one.found and one.status is Status.FAIL for one in wrong)
    assert any("partition 1 ends at 0" in one.found and "made anew" in one.to_do for one in wrong)
    assert any(one.check == "watermarks" and "partitions 1 carry none" in one.found for one in wrong)
    assert any(one.check == "group of streams" and "nobody is at work" in one.found for one in wrong)
    assert any(one.check == "time left of streams" and one.status is Status.FAIL for one in wrong)
    # The clock of Redis is told apart by the same injected clock.
    (clock,) = [one for one in wrong if one.check == "clock of redis"]
    assert clock.status is Status.FAIL
    assert "ahead" in clock.found


@pytest.mark.soak
def test_redis_that_forgets_is_named(clinic: Clinic, tmp_path_factory: pytest.TempPathFactory) -> None:
    forgetful = {"maxmemory-policy": "allkeys-lru", "appendonly": "no", "maxmemory": "1mb", "requirepass": "x"}
    with EmbeddedRedis(tmp_path_factory.mktemp("forgetful"), settings=forgetful) as server:
        streams = clinic.streams.model_copy(
            update={"redis_url": server.url.replace("//", "//:x@"), "redis_cluster": False}
        )
        findings = [one for one in clinic.findings(streams=streams) if "redis" in one.check]
        refused = clinic.findings(streams=clinic.streams.model_copy(update={"redis_url": server.url}))
    statuses = {one.check: one.status for one in findings}
    assert statuses["redis eviction"] is Status.FAIL
    assert statuses["redis persistence"] is Status.WARN
    (login,) = [one for one in refused if one.check == "redis"]
    assert login.status is Status.UNCHECKED
    assert "REDIS_PASSWORD" in login.to_do


@pytest.mark.soak
def test_the_command_prints_a_table_or_json_and_its_status(clinic: Clinic) -> None:
    clinic.publish(range(20))
    environment = {
        "KAFKA_BOOTSTRAP_SERVERS": clinic.kafka.kafka_bootstrap_servers,
        "TOPIC_PREFIX": clinic.names.topic_prefix,
        "TOPIC_PROFILE": "embedded",
        "REDIS_URL": clinic.streams.redis_url,
        "DOCTOR_CLOCK_PROBE": "false",
    }
    runner = CliRunner()
    table = runner.invoke(main, ["doctor", "--service", "streams"], env=environment)
    # Nobody is at work: a warning.
    assert table.exit_code == 0, table.output
    assert "nobody is at work" in table.output
    strict = runner.invoke(main, ["doctor", "--service", "streams", "--strict", "--json"], env=environment)
    assert strict.exit_code == 1
    assert {one["status"] for one in json.loads(strict.stdout)["findings"]} == {"ok", "warn"}
    away = runner.invoke(
        main, ["doctor", "--service", "worker", "--json"], env={**environment, "KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1"}
    )
    assert away.exit_code == 2
    assert "Check KAFKA_BOOTSTRAP_SERVERS" in json.loads(away.stdout)["findings"][0]["to_do"]
