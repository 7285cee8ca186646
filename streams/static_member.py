"""A static member that comes back after partitions were added: it leaves for its dead predecessor, and joins anew.

Kafka gives a static member that is back within its session time-out the assignment of before, and asks nobody for a
new one; the added partitions would stay unread. With STREAMS_INSTANCE unset there is nothing to do: Kafka then makes
a new assignment at each start.
"""

import asyncio
from typing import Any, Final

import structlog
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError
from aiokafka.protocol.group import LeaveGroupRequest
from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from schemas.group_description import describe_group
from streams.kafka_security import aiokafka_options
from streams.settings import StreamsSettings

log = structlog.get_logger()

_ANSWER_S: Final = 10.0


async def leave_where_partitions_are_unheld(settings: StreamsSettings, partitions: int) -> None:
    """Does nothing without STREAMS_INSTANCE, or while the group holds all; what Kafka refuses is only logged."""
    if settings.streams_instance is None:
        return
    try:
        group = await asyncio.to_thread(_describe, settings)
    except KafkaException as error:
        log.warning("group_not_described", error=error.args[0].str())
        return
    except TimeoutError as error:
        log.warning("group_not_described", error=str(error))
        return
    places = [
        place for member in group.members for place in (member.assignment.topic_partitions if member.assignment else ())
    ]
    unheld = set(range(partitions)) - {one.partition for one in places if one.topic == settings.messages}
    ours = [member.member_id for member in group.members if member.group_instance_id == settings.streams_instance]
    if not unheld or not ours:
        return
    log.warning("partitions_held_by_nobody", partitions=sorted(unheld), action="ending this instance's old membership")
    try:
        await _leave(settings, ours[0])
    except KafkaError as error:
        log.warning("old_membership_not_ended", error=str(error))


def _describe(settings: StreamsSettings) -> Any:
    admin = AdminClient({**settings.librdkafka(), "log_level": 0})
    return describe_group(admin, settings.streams_group, _ANSWER_S)


async def _leave(settings: StreamsSettings, member_id: str) -> None:
    # faust's own clients have no call for it.
    admin: Any = AIOKafkaAdminClient(**aiokafka_options(settings))
    await admin.start()
    try:
        coordinator = await admin.find_coordinator(settings.streams_group)
        await admin._send_request(  # noqa: SLF001 - it has none in public either
            LeaveGroupRequest(settings.streams_group, member_id), coordinator
        )
    finally:
        await admin.close()
