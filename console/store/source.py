"""The Kafka side: both topics' committed records from where the database says that reading stands."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import structlog
from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from console.settings import StoreSettings
from console.store.errors import StoreTopicError
from console.store.metrics import LOST_RECORDS
from console.store.progress import Spot, Spots
from console.store.topic_facts import TopicFacts, may_not_read
from schemas.kafka_refusals import lacks_right
from schemas.topics import MAX_RECORD_BYTES

log = structlog.get_logger()

_FETCH_WAIT_MS: Final = 100
_TIMEOUT_S: Final = 20.0
_TRACEPARENT: Final = "traceparent"


@dataclass(frozen=True, slots=True)
class Record:
    """One record as Kafka has it."""

    topic: str
    partition: int
    offset: int
    written_ms: int
    value: bytes | None
    traceparent: str | None


class TopicSource:
    """Reads on from given spots, outside of every group, so that no rebalance moves what the database decides.

    Args:
        settings: of the store.
        facts: the topics as they are now.
        spots: from the database; of a topic of another id, or of no known partition, reading begins anew.
    """

    def __init__(self, settings: StoreSettings, facts: Mapping[str, TopicFacts], spots: Spots) -> None:
        self._settings = settings
        self._consumer = Consumer(
            {
                **settings.librdkafka_reader(settings.store_group),
                # What Kafka has deleted before it was read is to be seen, not passed over.
                "auto.offset.reset": "error",
                "fetch.wait.max.ms": _FETCH_WAIT_MS,
                "fetch.message.max.bytes": MAX_RECORD_BYTES,
                "log_level": 0,
                "on_commit": self._told,
            }
        )
        self._behind: dict[tuple[str, int], int | None] = {}
        self._may_tell = True
        starts = [self._start(topic, number, facts[topic], spots) for topic, number in _parts(facts)]
        self._consumer.assign(starts)

    def take(self, most: int, wait_s: float, linger_s: float) -> list[Record]:
        """Some records; none if there are none within the wait.

        Raises:
            StoreTopicError: a topic does not have what is to be read next, which a new source will find out; or this
                login may not read it.
            KafkaException: a topic cannot be read.
        """
        first = self._consumer.poll(wait_s)
        if first is None:
            return []
        more = self._consumer.consume(most - 1, timeout=linger_s) if most > 1 else []
        return [record for one in (first, *more) if (record := self._read(one)) is not None]

    def hold(self, topic: str, partition: int) -> None:
        """Read no more of a partition."""
        self._consumer.pause([TopicPartition(topic, partition)])

    def tell(self, after: Spots) -> None:
        """Let Kafka's own tools see how far reading is; nothing depends on it."""
        if after and self._may_tell:
            places = [TopicPartition(topic, number, spot.next_offset) for (topic, number), spot in after.items()]
            self._consumer.commit(offsets=places, asynchronous=True)

    def lag_seconds(self) -> float:
        """Age of the newest record that was read, in the partition where it is oldest; 0 where all is read."""
        written = [one for one in self._behind.values() if one is not None]
        return max(0.0, time.time() - min(written) / 1000) if written else 0.0

    def close(self) -> None:
        """Let go of Kafka."""
        self._consumer.close()

    def _start(self, topic: str, partition: int, facts: TopicFacts, spots: Spots) -> TopicPartition:
        low, high = self._consumer.get_watermark_offsets(TopicPartition(topic, partition), timeout=_TIMEOUT_S)
        spot, where = spots.get((topic, partition)), {"topic": topic, "partition": partition}
        if spot is None:
            return TopicPartition(topic, partition, low)
        if spot.topic_id != facts.topic_id:
            log.warning("topic_made_anew", **where, before=spot.topic_id, now=facts.topic_id)
            return TopicPartition(topic, partition, low)
        if low <= spot.next_offset <= high:
            return TopicPartition(topic, partition, spot.next_offset)
        # Below: the retention was quicker, and what it took cannot be stored any more. Above: the topic lost records
        # that are stored already, and others may stand in their places: all are read again, each known by its id.
        LOST_RECORDS.inc(max(low - spot.next_offset, 0))
        log.error("offset_out_of_range", **where, wanted=spot.next_offset, first=low, end=high)
        return TopicPartition(topic, partition, low)

    def _read(self, message: Any) -> Record | None:
        topic, partition, error = message.topic(), message.partition(), message.error()
        if error is None:
            written = message.timestamp()[1]
            self._behind[topic, partition] = written
            return Record(topic, partition, message.offset(), written, message.value(), _traceparent(message.headers()))
        if error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001 - its public name
            self._behind[topic, partition] = None
        elif error.code() == KafkaError._AUTO_OFFSET_RESET:  # noqa: SLF001 - as above
            raise StoreTopicError(
                f"{topic}, partition {partition}: what is to be read next is not there. Beginning again"
            )
        elif lacks_right(error):
            # Kafka wants even a group described that nothing joins.
            of_group = error.name().startswith("GROUP")
            what = ("group", self._settings.store_group) if of_group else ("topic", topic)
            raise StoreTopicError(may_not_read(*what))
        else:
            raise KafkaException(error)
        return None

    def _told(self, error: KafkaError | None, _: Sequence[TopicPartition]) -> None:
        if error is not None and self._may_tell:
            self._may_tell = bool(error.retriable())
            group = self._settings.store_group
            why = may_not_read("group", group) if lacks_right(error) else error.str()
            log.warning("lag_not_shown", group=group, error=why)


def _parts(facts: Mapping[str, TopicFacts]) -> list[tuple[str, int]]:
    return [(topic, number) for topic, found in facts.items() for number in range(found.partitions)]


def _traceparent(headers: Sequence[tuple[str, bytes | None]] | None) -> str | None:
    found = next((value for name, value in headers or () if name == _TRACEPARENT and value), None)
    return found.decode("ascii", "replace") if found else None


def spots_after(records: Sequence[Record], facts: Mapping[str, TopicFacts]) -> dict[tuple[str, int], Spot]:
    """Where reading goes on after these."""
    found: dict[tuple[str, int], Spot] = {}
    for one in records:
        spot = Spot(facts[one.topic].topic_id, one.offset + 1, one.written_ms)
        found[one.topic, one.partition] = spot
    return found
