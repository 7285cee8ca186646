"""Records by their places: the latest of each partition, or one at each offset that is asked for."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from schemas.connections import KafkaSettings
from schemas.topics import MAX_RECORD_BYTES
from sentistream.topic_reader import READER_GROUP

_TIMEOUT_S: Final = 20.0


@dataclass(frozen=True, slots=True)
class Sample:
    """Attributes: where a record stands, its key and value, and its time in seconds since 1970."""

    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    at: float


def latest(connection: KafkaSettings, topic: str, bounds: Mapping[int, tuple[int, int]], count: int) -> list[Sample]:
    """The latest committed records of each partition, at most so many of each.

    Args:
        connection: to Kafka.
        topic: to be read.
        bounds: of each partition, its first offset and the next one to be written.
        count: of one partition.

    Raises:
        KafkaException: the topic may not be read.
    """
    starts = {number: max(low, high - count) for number, (low, high) in bounds.items() if high > low}
    return list(_read(connection, topic, starts, first_only=False))


def at_offsets(connection: KafkaSettings, topic: str, offsets: Mapping[int, int]) -> dict[int, Sample]:
    """The first record at or after an offset, by partition; left out where there is none.

    Raises:
        KafkaException: the topic may not be read.
    """
    return {one.partition: one for one in _read(connection, topic, offsets, first_only=True)}


def _read(connection: KafkaSettings, topic: str, starts: Mapping[int, int], *, first_only: bool) -> Iterator[Sample]:
    if not starts:
        return
    unfinished = set(starts)
    with _consumer(connection) as consumer:
        consumer.assign([TopicPartition(topic, number, offset) for number, offset in starts.items()])
        deadline = time.monotonic() + _TIMEOUT_S
        while unfinished and time.monotonic() < deadline:
            for record in consumer.consume(1000, timeout=0.5):
                if (error := record.error()) is not None:
                    if error.code() != KafkaError._PARTITION_EOF:  # noqa: SLF001 - its public name
                        raise KafkaException(error)
                    unfinished.discard(record.partition())
                elif record.partition() in unfinished or not first_only:
                    if first_only:
                        unfinished.discard(record.partition())
                    yield Sample(
                        record.partition(),
                        record.offset(),
                        record.key(),
                        record.value(),
                        record.timestamp()[1] / 1000,
                    )


@contextmanager
def _consumer(connection: KafkaSettings) -> Iterator[Consumer]:
    settings = connection.librdkafka_reader(READER_GROUP)
    consumer = Consumer({**settings, "fetch.message.max.bytes": MAX_RECORD_BYTES, "log_level": 0})
    try:
        yield consumer
    finally:
        consumer.close()
