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

#: A topic and a partition.
Place = tuple[str, int]

_TIMEOUT_S: Final = 20.0
_AT_ONCE: Final = 1000


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
    if not starts:
        return []
    with _consumer(connection) as consumer:
        places = {(topic, number): offset for number, offset in starts.items()}
        return [one for _, one in _read(consumer, places, first_only=False)]


def at_offsets(connection: KafkaSettings, topic: str, offsets: Mapping[int, int]) -> dict[int, Sample]:
    """The first record at or after an offset, by partition; left out where there is none.

    Raises:
        KafkaException: the topic may not be read.
    """
    reader = KeptReader(connection)
    try:
        found = reader.at_places({(topic, number): offset for number, offset in offsets.items()})
        return {number: one for (_, number), one in found.items()}
    finally:
        reader.close()


class KeptReader:
    """One consumer for many lookups, made with the first: over TLS its connections take longer than they do.

    For one thread at a time.
    """

    def __init__(self, connection: KafkaSettings) -> None:
        self._connection = connection
        self._consumer: Consumer | None = None

    def at_places(self, places: Mapping[Place, int]) -> dict[Place, Sample]:
        """As `at_offsets`, for several topics at once."""
        if not places:
            return {}
        if self._consumer is None:
            self._consumer = _open(self._connection)
        try:
            return dict(_read(self._consumer, places, first_only=True))
        finally:
            # Else it would go on fetching what nobody asks for.
            self._consumer.unassign()

    def close(self) -> None:
        """Hang up; the next lookup opens it anew."""
        consumer, self._consumer = self._consumer, None
        if consumer is not None:
            consumer.close()


def _read(consumer: Consumer, starts: Mapping[Place, int], *, first_only: bool) -> Iterator[tuple[Place, Sample]]:
    unfinished = set(starts)
    consumer.assign([TopicPartition(topic, number, offset) for (topic, number), offset in starts.items()])
    deadline = time.monotonic() + _TIMEOUT_S
    while unfinished and time.monotonic() < deadline:
        # It waits for as many as are asked for.
        for record in consumer.consume(len(unfinished) if first_only else _AT_ONCE, timeout=0.5):
            place = (record.topic(), record.partition())
            if (error := record.error()) is not None:
                if error.code() != KafkaError._PARTITION_EOF:  # noqa: SLF001 - its public name
                    raise KafkaException(error)
                unfinished.discard(place)
            elif place in unfinished or not first_only:
                if first_only:
                    unfinished.discard(place)
                at = record.timestamp()[1] / 1000
                yield place, Sample(place[1], record.offset(), record.key(), record.value(), at)


@contextmanager
def _consumer(connection: KafkaSettings) -> Iterator[Consumer]:
    consumer = _open(connection)
    try:
        yield consumer
    finally:
        consumer.close()


def _open(connection: KafkaSettings) -> Consumer:
    settings = connection.librdkafka_reader(READER_GROUP)
    # The next lookup waits for the fetch that the last one left behind.
    own = {"fetch.message.max.bytes": MAX_RECORD_BYTES, "fetch.wait.max.ms": 50, "log_level": 0}
    return Consumer({**settings, **own})
