"""Offsets are committed with the id of their topic: those of a topic that was deleted say nothing about the new one.

Kafka drops a group's offsets with the topic. But a stream that was frozen meanwhile, or has not seen it yet, commits
another one, for Kafka knows topics by name there.
"""

from collections.abc import Mapping
from typing import Any

import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.structs import OffsetAndMetadata

log = structlog.get_logger()


def name_commits(consumer: AIOKafkaConsumer, topic_id: str) -> None:
    """Let a consumer commit under the topic's id, and find nothing committed where that was under another id.

    What carries no id was committed by an older stream or by a tool, on purpose, and holds.
    """
    commit = consumer.commit

    async def commit_named(offsets: Mapping[TopicPartition, OffsetAndMetadata]) -> None:
        await commit({place: OffsetAndMetadata(one.offset, topic_id) for place, one in offsets.items()})

    async def committed(place: TopicPartition) -> int | None:
        # Its own asks in the same way, and then drops what stands beside the offset.
        found: Mapping[TopicPartition, Any] = await consumer._coordinator.fetch_committed_offsets([place])  # noqa: SLF001
        if place not in found or found[place].offset < 0:
            return None
        one = found[place]
        if one.metadata and one.metadata != topic_id:
            log.warning(
                "topic_made_anew", partition=place.partition, was=one.metadata, now=topic_id, not_taken=one.offset
            )
            return None
        return int(one.offset)

    consumer.commit = commit_named
    consumer.committed = committed
