"""A topic's partitions: its id, where they begin and end, and which offsets belong to a time."""

import base64
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicCollection, TopicPartition, Uuid
from confluent_kafka.admin import AdminClient

from schemas.connections import KafkaSettings
from schemas.topics import MAX_RECORD_BYTES
from trainer.watch.errors import TopicUnreadableError

_TIMEOUT_S: Final = 30.0
_MASK: Final = (1 << 64) - 1


@dataclass(frozen=True, slots=True)
class TopicShape:
    """Attributes: Kafka's id of the topic, as sources name it; how many partitions it has."""

    topic: str
    topic_id: str
    partitions: int


def topic_shape(connection: KafkaSettings, topic: str) -> TopicShape:
    """Ask the cluster; TopicUnreadableError where there is no such topic, or no answer."""
    admin = AdminClient({**connection.librdkafka(), "log_level": 0})
    with _readable(topic):
        asked = admin.describe_topics(TopicCollection([topic]), request_timeout=_TIMEOUT_S)[topic]
        found = asked.result(_TIMEOUT_S)
        return TopicShape(topic, _text(found.topic_id), len(found.partitions))


def open_consumer(connection: KafkaSettings) -> Consumer:
    """A consumer outside every group, which sees what is committed and says where a partition ends."""
    return Consumer(
        {
            **connection.librdkafka(),
            # Named, but never joined or committed.
            "group.id": "sentistream-trainer",
            "enable.auto.commit": False,
            "isolation.level": "read_committed",
            "enable.partition.eof": True,
            "auto.offset.reset": "earliest",
            "fetch.message.max.bytes": MAX_RECORD_BYTES,
            "log_level": 0,
        }
    )


def bounds(consumer: Consumer, shape: TopicShape) -> list[tuple[int, int]]:
    """First offset that Kafka still has, and one past the last, of each partition."""
    with _readable(shape.topic):
        return [
            consumer.get_watermark_offsets(TopicPartition(shape.topic, number), timeout=_TIMEOUT_S)
            for number in range(shape.partitions)
        ]


def offsets_at(consumer: Consumer, shape: TopicShape, milliseconds: int) -> list[int]:
    """The first offset of each partition whose record is not older; where there is none, one past the last.

    Args:
        consumer: any.
        shape: of the topic.
        milliseconds: since 1970, as Kafka's time stamps.
    """
    ends = [end for _, end in bounds(consumer, shape)]
    wanted = [TopicPartition(shape.topic, number, max(milliseconds, 0)) for number in range(shape.partitions)]
    with _readable(shape.topic):
        found = consumer.offsets_for_times(wanted, timeout=_TIMEOUT_S)
        for one in found:
            if one.error is not None:
                raise KafkaException(one.error)
    return [one.offset if one.offset >= 0 else ends[one.partition] for one in found]


def committed_records(consumer: Consumer, topic: str, partition: int, start: int, end: int) -> Iterator[Any]:
    """The committed records of ``[start, end)`` of one partition, in order; meanwhile the consumer reads only these."""
    if start >= end:
        return
    with _readable(topic):
        consumer.assign([TopicPartition(topic, partition, start)])
        while True:
            records = consumer.consume(1000, timeout=1.0) or _one(consumer, topic)
            for record in records:
                if (error := record.error()) is None:
                    if record.offset() >= end:
                        return
                    yield record
                elif error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001 - its public name
                    return
                else:
                    raise KafkaException(error)


def poll(consumer: Consumer, at_most: int, seconds: float) -> Sequence[Any]:
    """Records of all that is assigned; ends of partitions are left out."""
    with _readable("the assigned topics"):
        records = consumer.consume(at_most, timeout=seconds)
        found = []
        for record in records:
            if (error := record.error()) is None:
                found.append(record)
            elif error.code() != KafkaError._PARTITION_EOF and not error.retriable():  # noqa: SLF001 - as above
                raise KafkaException(error)
        return found


def _one(consumer: Consumer, topic: str) -> list[Any]:
    first = consumer.poll(_TIMEOUT_S)
    if first is None:
        raise TopicUnreadableError(f"{topic}: no answer from Kafka within {_TIMEOUT_S:.0f} s")
    return [first]


@contextmanager
def _readable(topic: str) -> Iterator[None]:
    try:
        yield
    except KafkaException as error:
        text = error.args[0].str() if error.args and isinstance(error.args[0], KafkaError) else str(error)
        raise TopicUnreadableError(f"{topic} cannot be read: {text}. `sentistream topics check` says more.") from error


def _text(topic_id: Uuid) -> str:
    """As Kafka's own tools write it."""
    halves = (topic_id.get_most_significant_bits(), topic_id.get_least_significant_bits())
    raw = b"".join((half & _MASK).to_bytes(8, "big") for half in halves)
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
