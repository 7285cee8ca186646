"""What the stream must know of its topics: the id that sources name, and equal partition counts (guarantee 12)."""

import time
from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, Final

from confluent_kafka import KafkaError, KafkaException, TopicCollection
from confluent_kafka.admin import AdminClient, ConfigResource, ResourceType

from schemas.connections import KafkaSettings
from schemas.errors import MissingFileError
from schemas.kafka_refusals import Refusals, check_files
from schemas.topic_id import as_text
from schemas.topics import TopicNames
from streams.errors import ConfigurationError, TopicsError

_TIMEOUT_S: Final = 20.0
_POLL_S: Final = 0.05


@dataclass(frozen=True, slots=True)
class TopicFacts:
    """Attributes: Kafka's id of ``chat.messages``; partitions; its retention in seconds, None for ever."""

    topic_id: str
    partitions: int
    retention_s: float | None


def topic_facts(connection: KafkaSettings, names: TopicNames) -> TopicFacts:
    """Ask the cluster.

    Raises:
        ConfigurationError: a file that the settings name is missing.
        TopicsError: a topic is missing, the partition counts differ, or the cluster does not answer or refuses us.
    """
    try:
        check_files(connection)
    except MissingFileError as error:
        raise ConfigurationError(str(error)) from error
    wanted = [names.messages, names.requests, names.events]
    where = f"Kafka at {connection.kafka_bootstrap_servers}"
    try:
        cluster = _Cluster(connection)
        found = cluster.described(wanted)
        retention = _retention(cluster, names.messages)
    except _NoRightError as error:
        raise TopicsError(f"{where}: {error}. deploy/acls has all that is needed") from error
    except _RefusedError as error:
        raise TopicsError(f"{where} and we do not come to terms: {error}") from error
    except KafkaException as error:
        code, text = error.args[0].code(), error.args[0].str()
        if code == KafkaError._TIMED_OUT:  # noqa: SLF001 - librdkafka's name
            msg = f"{where} does not answer in {connection.kafka_security_protocol} ({text})"
            raise TopicsError(f"{msg}. Check KAFKA_BOOTSTRAP_SERVERS and KAFKA_SECURITY_PROTOCOL.") from error
        msg = f"{text} ({where}, topics {', '.join(wanted)})"
        raise TopicsError(f"{msg}. `sentistream topics create` makes missing ones.") from error
    counts = {name: len(description.partitions) for name, description in found.items()}
    if len(set(counts.values())) != 1:
        listed = ", ".join(f"{name} {count}" for name, count in counts.items())
        raise TopicsError(
            f"these topics need equal partition counts, for a request stands in its message's partition: {listed}. "
            "Stop the services and add partitions to the smaller ones (kafka-topics --alter)."
        )
    return TopicFacts(as_text(found[names.messages].topic_id), counts[names.messages], retention)


class _NoRightError(Exception):
    """This login may not do something to a topic."""


class _RefusedError(Exception):
    """No broker takes us as the settings are."""


class _Cluster:
    """An admin client whose calls end as soon as every broker has refused us, not when their time is over."""

    def __init__(self, connection: KafkaSettings) -> None:
        self._refusals = Refusals(connection)
        self._admin = AdminClient({**connection.librdkafka(), "log_level": 0, "error_cb": self._refusals.hear})

    def described(self, topics: list[str]) -> dict[str, Any]:
        futures = self._admin.describe_topics(TopicCollection(topics), request_timeout=_TIMEOUT_S)
        return self._results(futures, "Describe")

    def config(self, topic: str) -> dict[str, Any]:
        resource = ConfigResource(ResourceType.TOPIC, topic)
        futures = self._admin.describe_configs([resource], request_timeout=_TIMEOUT_S)
        found: dict[str, Any] = self._results(futures, "DescribeConfigs")[resource]
        return found

    def _results(self, futures: Mapping[Any, "Future[Any]"], right: str) -> dict[Any, Any]:
        # Should librdkafka itself not keep the time, `result` raises below.
        deadline = time.monotonic() + _TIMEOUT_S + 1
        while not all(one.done() for one in futures.values()) and time.monotonic() < deadline:
            self._admin.poll(_POLL_S)
            if refusal := self._refusals.found:
                raise _RefusedError(refusal)
        found = {}
        for key, one in futures.items():
            try:
                found[key] = one.result(_POLL_S)
            except KafkaException as error:
                if error.args[0].code() != KafkaError.TOPIC_AUTHORIZATION_FAILED:
                    raise
                raise _NoRightError(f"this login lacks {right} on topic {getattr(key, 'name', key)}") from error
        return found


def _retention(cluster: _Cluster, topic: str) -> float | None:
    milliseconds = int(cluster.config(topic)["retention.ms"].value)
    return None if milliseconds < 0 else milliseconds / 1000
