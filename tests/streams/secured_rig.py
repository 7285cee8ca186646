"""A stream on the broker that asks for a login."""

import secrets
from pathlib import Path

import redis
from confluent_kafka import Producer
from pydantic import SecretStr

from schemas.codec import decode_request
from schemas.connections import KafkaSettings
from schemas.request import SanmRequest
from schemas.topics import TopicNames, topics
from sentistream.embedded import EmbeddedKafka
from sentistream.topic_reader import read_topic
from sentistream.topics import create_topics
from tests.streams.stream_rig import StreamRig, make_messages, published, stop
from tests.waiting import wait_for


def environment_of(settings: KafkaSettings) -> dict[str, str]:
    """The variables that make these settings, secrets as they are."""
    fields = {name: getattr(settings, name) for name in KafkaSettings.model_fields}
    return {
        name.upper(): value.get_secret_value() if isinstance(value, SecretStr) else str(value)
        for name, value in fields.items()
        if value is not None and name != "kafka_session_timeout_ms"
    }


class SecuredRig(StreamRig):
    """A stream process whose settings carry a login; we read and write by a login that may do all."""

    def __init__(
        self, kafka: EmbeddedKafka, connection: KafkaSettings, redis_url: str, names: TopicNames, model: Path
    ) -> None:
        super().__init__(connection.kafka_bootstrap_servers, redis_url, names, model)
        self.admin = kafka.connection
        self.log_in(connection)

    def log_in(self, connection: KafkaSettings) -> None:
        """Let the next stream log in so."""
        self.environment = {
            name: value
            for name, value in self.environment.items()
            if not name.startswith(("KAFKA_SASL", "KAFKA_OAUTH", "KAFKA_SSL"))
        }
        self.connection = connection
        self.environment |= environment_of(connection)


def secured_rig(kafka: EmbeddedKafka, connection: KafkaSettings, redis_url: str, model: Path) -> SecuredRig:
    """With topics of its own."""
    names = TopicNames(topic_prefix=f"secured-{secrets.token_hex(4)}.")
    create_topics(kafka.connection, topics(names, "embedded", 3))
    return SecuredRig(kafka, connection, redis_url, names, model)


def refused_in_one_line(rig: SecuredRig, log: Path, told: str) -> None:
    """The stream ends at its start, and says why in one line, which names what to mend and no secret."""
    with rig.stream(log) as child:
        assert child.wait(60) == 1, log.read_text()
    errors = [line for line in log.read_text().splitlines() if not line.startswith("{")]
    assert len(errors) == 1, log.read_text()
    assert errors[0].startswith("Error: ")
    assert told in errors[0]
    assert "wrong" not in log.read_text()


def publish(rig: SecuredRig, records: list[tuple[int, bytes | None, bytes | None]]) -> None:
    producer = Producer(rig.admin.librdkafka())
    for partition, key, value in records:
        producer.produce(rig.names.messages, value=value, key=key, partition=partition)
    assert producer.flush(30) == 0


def requests(rig: SecuredRig) -> list[SanmRequest]:
    found = [decode_request(record.value) for record in read_topic(rig.admin, rig.names.requests)]
    return [one for one in found if isinstance(one, SanmRequest)]


def forget_windows(rig: SecuredRig) -> None:
    redis.Redis.from_url(rig.redis_url).flushdb()


def work_through_lost_windows(rig: SecuredRig, log: Path, count: int) -> None:
    """A stream answers so many messages; half-way its windows are lost, so that it reads the topic again too."""
    messages = published(make_messages(count))
    publish(rig, messages[: count // 2])
    with rig.stream(log) as child:
        wait_for(lambda: len(requests(rig)) == count // 2, f"{count // 2} requests")
        forget_windows(rig)
        publish(rig, messages[count // 2 :])
        wait_for(lambda: len(requests(rig)) == count, f"{count} requests")
        assert stop(child) == 0, log.read_text()
    assert "windows_rebuilt" in log.read_text()
