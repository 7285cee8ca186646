"""What the stream must know of its topics: the id that sources name, and equal partition counts (guarantee 12)."""

import base64
from dataclasses import dataclass
from typing import Final

from confluent_kafka import KafkaException, TopicCollection, Uuid
from confluent_kafka.admin import AdminClient, ConfigResource, ResourceType

from schemas.connections import KafkaSettings
from schemas.topics import TopicNames
from streams.errors import TopicsError

_TIMEOUT_S: Final = 20.0
_MASK: Final = (1 << 64) - 1


@dataclass(frozen=True, slots=True)
class TopicFacts:
    """Attributes: Kafka's id of ``chat.messages``; partitions; its retention in seconds, None for ever."""

    topic_id: str
    partitions: int
    retention_s: float | None


def topic_facts(connection: KafkaSettings, names: TopicNames) -> TopicFacts:
    """Ask the cluster.

    Raises:
        TopicsError: a topic is missing, the partition counts differ, or the cluster does not answer.
    """
    admin = AdminClient({**connection.librdkafka(), "log_level": 0})
    wanted = [names.messages, names.requests, names.events]
    try:
        futures = admin.describe_topics(TopicCollection(wanted), request_timeout=_TIMEOUT_S)
        found = {name: future.result(_TIMEOUT_S) for name, future in futures.items()}
        retention = _retention(admin, names.messages)
    except KafkaException as error:
        msg = f"{error.args[0].str()} (Kafka at {connection.kafka_bootstrap_servers}, topics {', '.join(wanted)})"
        raise TopicsError(f"{msg}. `sentistream topics create` makes missing ones.") from error
    counts = {name: len(description.partitions) for name, description in found.items()}
    if len(set(counts.values())) != 1:
        listed = ", ".join(f"{name} {count}" for name, count in counts.items())
        raise TopicsError(
            f"these topics need equal partition counts, for a request stands in its message's partition: {listed}. "
            "Stop the services and add partitions to the smaller ones (kafka-topics --alter)."
        )
    return TopicFacts(_text(found[names.messages].topic_id), counts[names.messages], retention)


def _retention(admin: AdminClient, topic: str) -> float | None:
    resource = ConfigResource(ResourceType.TOPIC, topic)
    config = admin.describe_configs([resource], request_timeout=_TIMEOUT_S)[resource].result(_TIMEOUT_S)
    milliseconds = int(config["retention.ms"].value)
    return None if milliseconds < 0 else milliseconds / 1000


def _text(topic_id: Uuid) -> str:
    """As Kafka's own tools write it."""
    halves = (topic_id.get_most_significant_bits(), topic_id.get_least_significant_bits())
    raw = b"".join((half & _MASK).to_bytes(8, "big") for half in halves)
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
