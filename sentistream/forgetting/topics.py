"""How long Kafka keeps what it was given: computed from the topics' settings, no record is looked at."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from confluent_kafka import KafkaError, KafkaException, TopicCollection
from confluent_kafka.admin import AdminClient, ConfigResource, ResourceType

from schemas.connections import KafkaSettings
from schemas.kafka_refusals import lacks_right
from schemas.topic_id import as_text
from schemas.topics import TopicNames
from sentistream.errors import TopicError
from sentistream.forgetting.report import Remaining

_TIMEOUT_S: Final = 15.0
#: A record goes with its segment, when the youngest record in it is old enough and Kafka has looked (5 minutes).
_LOOK: Final = timedelta(minutes=5)
_LONGEST: Final = timedelta(days=36_500)


@dataclass(frozen=True, slots=True)
class MessagesTopic:
    """Attributes: Kafka's id of ``chat.messages``, by which Redis names its windows; partitions."""

    topic_id: str
    partitions: int


def messages_topic(connection: KafkaSettings, names: TopicNames) -> MessagesTopic:
    """Ask Kafka.

    Raises:
        TopicError: it does not answer, or has no such topic.
    """
    admin = AdminClient({**connection.librdkafka(), "log_level": 0})
    try:
        asked = admin.describe_topics(TopicCollection([names.messages]), request_timeout=_TIMEOUT_S)
        found = asked[names.messages].result()
    except KafkaException as error:
        if lacks_right(error.args[0]):
            raise _lacks(f"Describe on topic {names.messages}", "by whose id Redis names its windows") from error
        raise TopicError(f"{names.messages} at {connection.kafka_bootstrap_servers}: {error.args[0].str()}") from error
    return MessagesTopic(as_text(found.topic_id), len(found.partitions))


def remaining(connection: KafkaSettings, names: TopicNames, last: datetime | None) -> tuple[Remaining, ...]:
    """What each topic may still hold of a conversation, and until when at the latest.

    Args:
        connection: to Kafka.
        names: of the topics.
        last: when its last event was decided; None where nobody knows, and then it may have been now.

    Raises:
        TopicError: Kafka does not answer.
    """
    holds = {
        names.messages: "its messages",
        names.requests: "its messages, with the turns before them",
        names.events: "its events, with their text unless EVENT_TEXT is off",
        names.dead_letters: "its messages that could not be read, if any",
        names.labels: "who labelled its events how, without text",
        names.relabels: "what other adapters said of its events, without text",
    }
    found = _configs(connection, list(holds))
    now = datetime.now(UTC)
    return tuple(
        _remaining(topic, what, found[topic], now if last is None or topic in (names.labels, names.relabels) else last)
        for topic, what in holds.items()
        if topic in found
    )


def _remaining(topic: str, holds: str, config: Mapping[str, str], last: datetime) -> Remaining:
    if "delete" not in config.get("cleanup.policy", "delete"):
        return Remaining(topic=topic, holds=holds, until=None, note="cleanup.policy is compact")
    retention, segment = (int(config.get(name) or -1) for name in ("retention.ms", "segment.ms"))
    if retention < 0:
        return Remaining(topic=topic, holds=holds, until=None, note="retention.ms is -1")
    kept = timedelta(milliseconds=retention)
    rolled = timedelta(milliseconds=max(segment, 0))
    # A segment that is not full takes records for segment.ms, and leaves as a whole.
    until = last + min(kept + rolled + _LOOK, _LONGEST)
    return Remaining(topic=topic, holds=holds, until=until, note=f"retention {_days(kept)}, segments {_days(rolled)}")


def _days(span: timedelta) -> str:
    days = span / timedelta(days=1)
    return f"{days:.0f} d" if days >= 1 else f"{span / timedelta(hours=1):.1f} h"


def _configs(connection: KafkaSettings, topics: list[str]) -> dict[str, dict[str, str]]:
    """Each topic's settings; one that is not there is left out, and one that we may not see is never taken for that."""
    admin = AdminClient({**connection.librdkafka(), "log_level": 0})
    asked = admin.describe_configs(
        [ConfigResource(ResourceType.TOPIC, topic) for topic in topics], request_timeout=_TIMEOUT_S
    )
    found: dict[str, dict[str, str]] = {}
    lacking = []
    for resource, future in asked.items():
        try:
            found[resource.name] = {name: entry.value for name, entry in future.result().items()}
        except KafkaException as error:
            reason: KafkaError = error.args[0]
            if lacks_right(reason):
                lacking.append(f"DescribeConfigs on topic {resource.name}")
            elif reason.code() != KafkaError.UNKNOWN_TOPIC_OR_PART:
                raise TopicError(
                    f"Kafka at {connection.kafka_bootstrap_servers} does not say how long it keeps its topics: "
                    f"{reason.str()}"
                ) from error
    if lacking:
        raise _lacks(", ".join(lacking), "so that nobody knows how long Kafka keeps what it was given")
    return found


def _lacks(rights: str, so_that: str) -> TopicError:
    return TopicError(f"this login lacks {rights}, {so_that}: deploy/acls has all that is needed")
