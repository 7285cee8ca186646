"""The topics on a cluster: made when they are missing, compared when they are not."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import structlog
from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient, ConfigResource, ResourceType, TopicMetadata
from confluent_kafka.cimpl import NewTopic

from schemas.connections import KafkaSettings
from schemas.kafka_refusals import lacks_right
from schemas.topics import Topic, TopicNames
from sentistream.errors import TopicError

log = structlog.get_logger()

_TIMEOUT_S: Final = 10.0
_POLL_S: Final = 0.05


@dataclass(frozen=True, slots=True)
class TopicState:
    """A topic as the cluster has it, beside what this deployment wants.

    Attributes:
        partitions: None if the topic is missing.
        config: the settings that `Topic.config` names, as they are.
    """

    wanted: Topic
    partitions: int | None
    replication: int
    config: dict[str, str]

    @property
    def differences(self) -> tuple[str, ...]:
        """In words, one for each setting that is not as wanted."""
        if self.partitions is None:
            return ("missing",)
        found = []
        if self.partitions != self.wanted.partitions:
            found.append(f"{self.partitions} partitions, wanted {self.wanted.partitions}")
        if self.replication < self.wanted.replication:
            found.append(f"replication {self.replication}, wanted {self.wanted.replication}")
        found += [
            f"{name}={self.config.get(name)}, wanted {value}"
            for name, value in self.wanted.config.items()
            if self.config.get(name) != value
        ]
        return tuple(found)


def create_topics(connection: KafkaSettings, wanted: Sequence[Topic]) -> tuple[str, ...]:
    """Make those that are missing; say which of the others differ, and leave them as they are.

    Returns:
        The names of those that were made.

    Raises:
        TopicError: the cluster refused, or cannot be reached.
    """
    admin = _admin(connection)
    made = []
    for state in describe_topics(connection, wanted):
        if state.partitions is None:
            made.append(state.wanted)
        elif state.differences:
            log.warning("topic_differs", topic=state.wanted.name, differences=state.differences)
    if made:
        _create(admin, made)
        _wait_until_served(admin, made)
        log.info("topics_created", topics=[topic.name for topic in made])
    return tuple(topic.name for topic in made)


def describe_topics(connection: KafkaSettings, wanted: Sequence[Topic]) -> tuple[TopicState, ...]:
    """Every wanted topic as the cluster has it.

    Raises:
        TopicError: the cluster cannot be reached.
    """
    admin = _admin(connection)
    try:
        existing = _existing(admin)
    except KafkaException as error:
        raise TopicError(f"no answer from Kafka at {connection.kafka_bootstrap_servers}: {error}") from error
    there = [topic for topic in wanted if topic.name in existing]
    configs = _configs(admin, [topic.name for topic in there])
    return tuple(
        TopicState(
            wanted=topic,
            partitions=len(existing[topic.name].partitions) if topic in there else None,
            replication=min((len(p.replicas) for p in existing[topic.name].partitions.values()), default=0)
            if topic in there
            else 0,
            config={name: configs[topic.name].get(name, "") for name in topic.config} if topic in there else {},
        )
        for topic in wanted
    )


def check_equal_partitions(states: Sequence[TopicState], names: TopicNames) -> int:
    """The partition count that messages, requests and events share (guarantee 12).

    Raises:
        TopicError: one is missing, or the counts differ: a request's partition would not be its message's.
    """
    main = (names.messages, names.requests, names.events)
    counts = {state.wanted.name: state.partitions for state in states if state.wanted.name in main}
    missing = [name for name in main if counts.get(name) is None]
    if missing:
        raise TopicError(f"missing topics: {', '.join(missing)}. `sentistream topics create` makes them.")
    if len(set(counts.values())) != 1:
        listed = ", ".join(f"{name} {count}" for name, count in counts.items())
        raise TopicError(
            f"the main topics need equal partition counts, found: {listed}. Stop the services, and add "
            "partitions to the smaller ones with kafka-topics --alter."
        )
    return next(count for count in counts.values() if count is not None)


def _admin(connection: KafkaSettings) -> AdminClient:
    # What it would log to standard error comes back as an exception as well.
    return AdminClient({**connection.librdkafka(), "log_level": 0})


def _existing(admin: AdminClient) -> dict[str, TopicMetadata]:
    found: dict[str, TopicMetadata] = admin.list_topics(timeout=_TIMEOUT_S).topics
    return found


def _create(admin: AdminClient, wanted: Sequence[Topic]) -> None:
    new = [
        NewTopic(topic.name, num_partitions=topic.partitions, replication_factor=topic.replication, config=topic.config)
        for topic in wanted
    ]
    for name, future in admin.create_topics(new, operation_timeout=_TIMEOUT_S, request_timeout=_TIMEOUT_S).items():
        try:
            future.result()
        except KafkaException as error:
            if lacks_right(error.args[0]):
                raise _lacking("Create", name) from error
            # Somebody else, at the same moment, made what we wanted; or we may not see that it is there.
            if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
                raise TopicError(f"Kafka refused to make the topic {name}: {error.args[0].str()}") from error


def _wait_until_served(admin: AdminClient, made: Sequence[Topic]) -> None:
    """Kafka answers once the controller knows a topic; its brokers learn of it, and elect leaders, a little later."""
    deadline = time.monotonic() + _TIMEOUT_S
    missing = {topic.name for topic in made}
    while missing:
        for name, topic in _existing(admin).items():
            if topic.partitions and all(one.leader >= 0 for one in topic.partitions.values()):
                missing.discard(name)
        for name in missing:
            _check_visible(admin, name)
        if missing and time.monotonic() > deadline:
            raise TopicError(f"Kafka made {', '.join(missing)}, but no broker leads them after {_TIMEOUT_S:.0f} s")
        time.sleep(_POLL_S if missing else 0)


def _configs(admin: AdminClient, names: Sequence[str]) -> dict[str, dict[str, str]]:
    if not names:
        return {}
    resources = [ConfigResource(ResourceType.TOPIC, name) for name in names]
    found: dict[str, dict[str, str]] = {}
    for resource, future in admin.describe_configs(resources, request_timeout=_TIMEOUT_S).items():
        try:
            found[resource.name] = {entry.name: entry.value for entry in future.result().values()}
        except KafkaException as error:
            if lacks_right(error.args[0]):
                raise _lacking("DescribeConfigs", resource.name) from error
            raise TopicError(f"Kafka does not tell the settings of {resource.name}: {error.args[0].str()}") from error
    return found


def _check_visible(admin: AdminClient, name: str) -> None:
    """A list of all topics has none that we may not see; asked for by its name, Kafka says so."""
    error = admin.list_topics(name, timeout=_TIMEOUT_S).topics[name].error
    if error is not None and lacks_right(error):
        raise _lacking("Describe", name)


def _lacking(right: str, topic: str) -> TopicError:
    return TopicError(f"this login lacks {right} on topic {topic}. deploy/acls/topics.sh has all that is needed")
