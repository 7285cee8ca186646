"""A topic from a time, or from its beginning, to where it ends now."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from schemas.connections import KafkaSettings
from schemas.kafka_refusals import lacking, lacks_leader, lacks_right
from sentistream.errors import TopicError
from sentistream.publisher import Place

#: Never joined; Kafka wants it described all the same.
READER_GROUP: Final = "sentistream-reader"
_TIMEOUT_S: Final = 30.0
_AT_ONCE: Final = 1000
_POLL_S: Final = 0.1


@dataclass(frozen=True, slots=True)
class StoredRecord:
    """One record as Kafka keeps it."""

    place: Place
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...]


def read_topic(connection: KafkaSettings, topic: str, since_ms: int = 0) -> Iterator[StoredRecord]:
    """All committed records, partition by partition as they come.

    Args:
        connection: to Kafka.
        topic: to be read.
        since_ms: leave out records that were written before, in milliseconds since 1970.

    Raises:
        TopicError: it cannot be read.
    """
    consumer = _consumer(connection)
    try:
        places = _starts(consumer, topic, since_ms)
        consumer.assign(places)
        yield from _to_the_end(consumer, {place.partition for place in places}, topic)
    except KafkaException as error:
        raise _not_read(topic, error.args[0]) from error
    finally:
        consumer.close()


def read_record(connection: KafkaSettings, topic: str, place: Place) -> StoredRecord | None:
    """One record; None where Kafka does not have it any more.

    Raises:
        TopicError: the topic cannot be read.
    """
    consumer = _consumer(connection)
    try:
        # A topic that we may not see gives neither records nor an error.
        described = consumer.list_topics(topic, timeout=_TIMEOUT_S).topics[topic]
        if described.error is not None and lacks_right(described.error):
            raise _not_read(topic, described.error)
        consumer.assign([TopicPartition(topic, place.partition, place.offset)])
        found = consumer.poll(_TIMEOUT_S)
        if found is not None and (error := found.error()) is not None and lacks_right(error):
            raise _not_read(topic, error)
        if found is None or found.error() is not None or found.offset() != place.offset:
            return None
        return _stored(found)
    except KafkaException as error:
        raise _not_read(topic, error.args[0]) from error
    finally:
        consumer.close()


def _consumer(connection: KafkaSettings) -> Consumer:
    return Consumer({**connection.librdkafka_reader(READER_GROUP), "log_level": 0})


def _starts(consumer: Consumer, topic: str, since_ms: int) -> list[TopicPartition]:
    """Where to begin; a broker that has just started knows its topics before their leaders."""
    deadline = time.monotonic() + _TIMEOUT_S
    while True:
        described = consumer.list_topics(topic, timeout=_TIMEOUT_S).topics[topic]
        if described.error is not None and lacks_right(described.error):
            raise _not_read(topic, described.error)
        if described.error is not None and not described.error.retriable():
            raise TopicError(f"{topic}: {described.error.str()}. `sentistream topics create` makes missing topics.")
        wanted = [TopicPartition(topic, partition, since_ms) for partition in described.partitions]
        places = _offsets(consumer, wanted)
        led = all(one.leader >= 0 for one in described.partitions.values())
        if places and led and all(place.error is None for place in places):
            return places
        if time.monotonic() > deadline:
            raise TopicError(f"{topic}: not all of its partitions have a leader after {_TIMEOUT_S:.0f} s")
        time.sleep(_POLL_S)


def _offsets(consumer: Consumer, wanted: list[TopicPartition]) -> list[TopicPartition]:
    """None at all while a broker, told of a topic later than another, leads none of its partitions yet."""
    try:
        return consumer.offsets_for_times(wanted, timeout=_TIMEOUT_S) if wanted else []
    except KafkaException as error:
        if not lacks_leader(error.args[0]):
            raise
        return []


def _to_the_end(consumer: Consumer, unfinished: set[int], topic: str) -> Iterator[StoredRecord]:
    while unfinished:
        records = consumer.consume(_AT_ONCE, timeout=1.0)
        if not records:
            first = consumer.poll(_TIMEOUT_S)
            if first is None:
                raise TopicError(f"{topic}: no answer from partitions {sorted(unfinished)} within {_TIMEOUT_S:.0f} s")
            records = [first]
        for record in records:
            if (error := record.error()) is None:
                yield _stored(record)
            elif error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001 - its public name
                unfinished.discard(record.partition() or 0)
            else:
                raise KafkaException(error)


def _not_read(topic: str, error: KafkaError) -> TopicError:
    if not lacks_right(error):
        return TopicError(f"{topic} cannot be read: {error.str()}")
    right = lacking(error, f"Read on topic {topic}", READER_GROUP)
    return TopicError(f"{topic} cannot be read: this login lacks {right}. deploy/acls has all that is needed")


def _stored(record: Any) -> StoredRecord:
    headers = tuple((name, value or b"") for name, value in record.headers() or ())
    return StoredRecord(Place(record.partition(), record.offset()), record.key(), record.value(), headers)
