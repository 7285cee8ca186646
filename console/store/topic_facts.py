"""What the store must know of its topics: Kafka's ids, which tell topics made anew, and how many partitions."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from confluent_kafka import KafkaException, TopicCollection
from confluent_kafka.admin import AdminClient

from console.store.errors import StoreTopicError
from schemas.connections import KafkaSettings
from schemas.kafka_refusals import lacks_right
from schemas.topic_id import as_text

_TIMEOUT_S: Final = 20.0


def may_not_read(kind: Literal["topic", "group"], name: str) -> str:
    """What is said where a login may not."""
    return f"this login lacks Read on {kind} {name}; deploy/acls has all that each service needs"


@dataclass(frozen=True, slots=True)
class TopicFacts:
    """Attributes: Kafka's id; partitions."""

    topic_id: str
    partitions: int


class TopicsAdmin:
    """Asks for them, again and again, over one connection."""

    def __init__(self, connection: KafkaSettings) -> None:
        self._client = AdminClient({**connection.librdkafka(), "log_level": 0})

    def facts(self, topics: Sequence[str]) -> dict[str, TopicFacts]:
        """Of each topic.

        Raises:
            StoreTopicError: one is missing or cannot be seen, or Kafka does not answer; it may come.
        """
        found = {}
        for topic, future in self._client.describe_topics(
            TopicCollection(list(topics)), request_timeout=_TIMEOUT_S
        ).items():
            try:
                described = future.result()
            except KafkaException as error:
                reason = error.args[0]
                if lacks_right(reason):
                    raise StoreTopicError(may_not_read("topic", topic)) from error
                raise StoreTopicError(
                    f"{topic}: {reason.str()}. `sentistream topics create` makes missing topics"
                ) from error
            if any(one.leader is None for one in described.partitions):
                raise StoreTopicError(f"{topic}: not all of its partitions have a leader; waiting for it")
            found[topic] = TopicFacts(as_text(described.topic_id), len(described.partitions))
        return found
