"""A topic's partitions: its id, where they begin and end, and which offsets belong to a time."""

import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, Final, TypeVar

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from schemas.connections import KafkaSettings
from schemas.kafka_refusals import lacks_leader
from trainer.feedback.consumer import open_consumer
from trainer.feedback.errors import TopicUnavailableError
from trainer.feedback.spans import TIMEOUT_S, TopicShape, readable

T = TypeVar("T")

_AGAIN_S: Final = 0.1
_AT_ONCE: Final = 1000
_POLL_S: Final = 0.2


def bounds(consumer: Consumer, shape: TopicShape) -> list[tuple[int, int]]:
    """First offset that Kafka still has, and one past the last, of each partition."""
    return [
        _patiently(shape.topic, partial(consumer.get_watermark_offsets, TopicPartition(shape.topic, number)))
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
    found = _patiently(shape.topic, partial(_for_times, consumer, wanted))
    return [one.offset if one.offset >= 0 else ends[one.partition] for one in found]


def committed_records(connection: KafkaSettings, topic: str, partition: int, start: int, end: int) -> Iterator[Any]:
    """The committed records of ``[start, end)`` of one partition, in order, by a consumer of its own."""
    if start >= end:
        return
    consumer = open_consumer(connection)
    try:
        with readable(topic):
            consumer.assign([TopicPartition(topic, partition, start)])
            while True:
                for record in consumer.consume(_AT_ONCE, timeout=_POLL_S) or _one(consumer, topic):
                    if (error := record.error()) is None:
                        if record.offset() >= end:
                            return
                        yield record
                    elif error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001 - its public name
                        return
                    else:
                        raise KafkaException(error)
    finally:
        consumer.close()


def poll(consumer: Consumer, at_most: int, seconds: float) -> Sequence[Any]:
    """Records of all that is assigned; ends of partitions, and faults that mend themselves, are left out."""
    found = []
    with readable("the assigned topics"):
        for record in consumer.consume(at_most, timeout=seconds):
            if (error := record.error()) is None:
                found.append(record)
            elif error.code() != KafkaError._PARTITION_EOF and not error.retriable() and not found:  # noqa: SLF001
                raise KafkaException(error)
    return found


def _one(consumer: Consumer, topic: str) -> list[Any]:
    first = consumer.poll(TIMEOUT_S)
    if first is None:
        raise TopicUnavailableError(f"{topic}: no answer from Kafka within {TIMEOUT_S:.0f} s")
    return [first]


def _for_times(consumer: Consumer, wanted: list[TopicPartition], timeout: float) -> list[Any]:
    found: list[Any] = consumer.offsets_for_times(wanted, timeout=timeout)
    for one in found:
        if one.error is not None:
            raise KafkaException(one.error)
    return found


def _patiently(topic: str, ask: Callable[..., T]) -> T:
    """Ask again while leaders are being chosen: a topic that was just made, or a broker that was just started."""
    deadline = time.monotonic() + TIMEOUT_S
    with readable(topic):
        while True:
            try:
                return ask(timeout=TIMEOUT_S)
            except KafkaException as error:
                if not error.args[0].retriable() and not lacks_leader(error.args[0]):
                    raise
                if time.monotonic() > deadline:
                    raise
                time.sleep(_AGAIN_S)
