"""Whether the services are at work, told by Kafka: their consumer groups and who holds which partitions."""

import time
from dataclasses import dataclass
from typing import Any, Final

from confluent_kafka import ConsumerGroupState, KafkaException
from confluent_kafka.admin import AdminClient

from schemas.connections import KafkaSettings
from schemas.group_description import describe_group
from schemas.kafka_refusals import lacks_right
from sentistream.errors import ServiceError

_TIMEOUT_S: Final = 10.0
_PAUSE_S: Final = 0.2
#: A Kafka that has just started makes the topic of offsets with the first group that asks for it.
_COORDINATOR_COMES: Final = ("COORDINATOR_NOT_AVAILABLE", "COORDINATOR_LOAD_IN_PROGRESS", "NOT_COORDINATOR")


@dataclass(frozen=True, slots=True)
class GroupState:
    """A consumer group.

    Attributes:
        members: the names of its members: their static ones, else Kafka's.
        partitions: of the topic, that a member holds while the group is stable.
    """

    members: tuple[str, ...]
    partitions: int


def group_state(connection: KafkaSettings, group: str, topic: str) -> GroupState:
    """Ask Kafka.

    Raises:
        ServiceError: it does not answer.
    """
    admin = AdminClient({**connection.librdkafka(), "log_level": 0})
    try:
        found = _described(admin, group)
    except KafkaException as error:
        if error.args[0].name() == "GROUP_ID_NOT_FOUND":
            return GroupState((), 0)
        if lacks_right(error.args[0]):
            text = f"this login lacks Describe on group {group}. deploy/acls has all that is needed"
            raise ServiceError(text) from error
        raise ServiceError(f"Kafka did not describe the consumer group {group}: {error.args[0].str()}") from error
    except TimeoutError as error:
        raise ServiceError(f"Kafka did not describe the consumer group {group}: {error}. Is it up?") from error
    held = [
        place.partition
        for member in found.members
        for place in (member.assignment.topic_partitions if member.assignment else [])
        if place.topic == topic
    ]
    names = tuple(member.group_instance_id or member.member_id for member in found.members)
    return GroupState(names, len(held) if found.state == ConsumerGroupState.STABLE else 0)


def _described(admin: AdminClient, group: str) -> Any:
    """What Kafka says of the group; a coordinator that is just coming is waited for."""
    deadline = time.monotonic() + _TIMEOUT_S
    while True:
        try:
            return describe_group(admin, group, _TIMEOUT_S)
        except KafkaException as error:
            if error.args[0].name() not in _COORDINATOR_COMES or time.monotonic() > deadline:
                raise
            time.sleep(_PAUSE_S)
