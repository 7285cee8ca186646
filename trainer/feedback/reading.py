"""Reading fixed spans of topics: the same spans give the same records, whatever has been written since."""

import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

import structlog
from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from schemas.adapter import OffsetSpan
from schemas.connections import KafkaSettings
from trainer.feedback.consumer import open_consumer
from trainer.feedback.errors import TopicUnavailableError
from trainer.feedback.progress import ReadingProgress
from trainer.feedback.spans import TIMEOUT_S, readable, starts_now

log = structlog.get_logger()

_AT_ONCE: Final = 1000
_POLL_S: Final = 1.0
_FETCH_WAIT_MS: Final = 50

#: Returns, or raises what ends the run.
Halt = Callable[[], None]


class SpanReader:
    """Reads committed records.

    Args:
        connection: to Kafka.
        halt: called now and then while reading.

    Attributes:
        lost: by topic, offsets inside the spans that Kafka deleted before they could be read.
    """

    def __init__(self, connection: KafkaSettings, halt: Halt = lambda: None) -> None:
        self._connection = connection
        self._halt = halt
        self.lost: dict[str, int] = {}

    def read(self, spans: Sequence[OffsetSpan], topic: str) -> Iterator[Any]:
        """The committed records of one topic in ``spans``; those of a partition in order.

        Raises:
            TopicUnavailableError: Kafka does not give them.
        """
        there = list(self._still_there(spans, topic))
        if not there:
            return
        # The end of a span is known only when a fetch from there comes back empty.
        consumer = open_consumer(self._connection, fetch_wait_ms=_FETCH_WAIT_MS)
        total = sum(one.end - one.start for one in there)
        try:
            with readable(topic), ReadingProgress(topic, total) as progress:
                consumer.assign([TopicPartition(topic, one.partition, one.start) for one in there])
                yield from self._until_the_ends(consumer, there, topic, progress)
        finally:
            consumer.close()

    def _still_there(self, spans: Sequence[OffsetSpan], topic: str) -> Iterator[OffsetSpan]:
        wanted = [one for one in spans if one.topic == topic and one.end > one.start]
        starts = starts_now(self._connection, wanted)
        for span in wanted:
            start = min(max(span.start, starts[topic, span.partition]), span.end)
            if start > span.start:
                self.lost[topic] = self.lost.get(topic, 0) + start - span.start
                log.warning("span_partly_deleted", topic=topic, partition=span.partition, lost=start - span.start)
            if start < span.end:
                yield span.model_copy(update={"start": start})

    def _until_the_ends(
        self, consumer: Consumer, spans: Sequence[OffsetSpan], topic: str, progress: ReadingProgress
    ) -> Iterator[Any]:
        left = {span.partition for span in spans}
        ends = {span.partition: span.end for span in spans}
        reached = {span.partition: span.start for span in spans}
        while left:
            for record in self._some(consumer, topic, sorted(left)):
                number: int = record.partition()
                if (error := record.error()) is None:
                    if record.offset() < ends[number]:
                        yield record
                    after = record.offset() + 1
                elif error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001 - its public name
                    # Control records may be all that is left of a span.
                    after = ends[number]
                else:
                    raise KafkaException(error)
                reached[number] = min(after, ends[number])
                if after >= ends[number] and number in left:
                    left.remove(number)
                    consumer.pause([TopicPartition(topic, number)])
            progress.reach(sum(reached.values()) - sum(one.start for one in spans))

    def _some(self, consumer: Consumer, topic: str, waiting: Sequence[int]) -> list[Any]:
        deadline = time.monotonic() + TIMEOUT_S
        while time.monotonic() < deadline:
            self._halt()
            # Not all at once: that waits until it has as many, or for its whole time.
            if (first := consumer.poll(_POLL_S)) is not None:
                return [first, *consumer.consume(_AT_ONCE, timeout=0)]
        raise TopicUnavailableError(
            f"{topic}: no answer from partitions {', '.join(map(str, waiting))} within {TIMEOUT_S:.0f} s"
        )
