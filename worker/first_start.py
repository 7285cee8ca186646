"""Whether a partition without a committed offset is new to this group, or Kafka forgot how far it was.

Kafka drops the offsets of a group that has had no members for offsets.retention.minutes (7 days). A worker that took
that for a first start would answer all that the topic of requests still holds a second time. The events tell.
"""

import time
from collections.abc import Collection
from typing import Any, Final

import structlog
from confluent_kafka import Consumer, KafkaError, KafkaException, TopicCollection, TopicPartition
from confluent_kafka.admin import AdminClient

from schemas.chat import Source
from schemas.codec import decode
from schemas.errors import SchemaError
from schemas.event import EmotionEvent
from schemas.topic_id import as_text
from schemas.topics import MAX_RECORD_BYTES
from worker.settings import WorkerSettings

log = structlog.get_logger()

_ANSWER_S: Final = 10.0
#: Enough for the last event and what marks the ends of transactions behind it.
_TAIL: Final = 200


def last_done(settings: WorkerSettings, partitions: Collection[int]) -> dict[int, Source]:
    """The source of the last event in each partition; left out where there is none, or events may not be read."""
    if not partitions:
        return {}
    found: dict[int, Source] = {}
    reader = settings.librdkafka_reader(settings.worker_group)
    consumer = Consumer({**reader, "fetch.message.max.bytes": MAX_RECORD_BYTES, "log_level": 0})
    try:
        for partition in partitions:
            try:
                if (source := _last(consumer, settings.events, partition)) is not None:
                    found[partition] = source
            except KafkaException as error:
                log.warning("events_not_visible", topic=settings.events, partition=partition, error=error.args[0].str())
    finally:
        consumer.close()
    return found


def current_topic_id(settings: WorkerSettings) -> str | None:
    """The id that ``chat.messages`` has now; None where Kafka does not say."""
    admin = AdminClient({**settings.librdkafka(), "log_level": 0})
    asked = admin.describe_topics(TopicCollection([settings.messages]), request_timeout=_ANSWER_S)
    try:
        return as_text(asked[settings.messages].result(_ANSWER_S + 1).topic_id)
    except KafkaException as error:
        log.warning("messages_not_visible", topic=settings.messages, error=error.args[0].str())
        return None


def _last(consumer: Consumer, topic: str, partition: int) -> Source | None:
    low, high = consumer.get_watermark_offsets(TopicPartition(topic, partition), timeout=_ANSWER_S)
    start = high
    while start > low:
        # Aborted transactions leave offsets behind at which there is nothing to read.
        start = max(low, start - _TAIL if start == high else low)
        if (found := _last_from(consumer, TopicPartition(topic, partition, start))) is not None:
            return found
    return None


def _last_from(consumer: Consumer, place: TopicPartition) -> Source | None:
    consumer.assign([place])
    last: Any = None
    deadline = time.monotonic() + _ANSWER_S * 3
    while time.monotonic() < deadline:
        record = consumer.poll(1.0)
        if record is None:
            continue
        if (error := record.error()) is None:
            last = record
        elif error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001 -- its public name
            break
        else:
            raise KafkaException(error)
    try:
        return decode(EmotionEvent, last.value()).source if last is not None else None
    except SchemaError as error:
        log.warning("event_unreadable", partition=place.partition, reason=str(error))
        return None
