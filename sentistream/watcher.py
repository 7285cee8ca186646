"""Reads what becomes of messages, as any dashboard would: ``emotion.events`` and ``dead.letters``, read_committed."""

import time
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Final, Self

import structlog
from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition
from pydantic import ValidationError

from schemas.codec import decode
from schemas.connections import KafkaSettings
from schemas.dead_letter import DeadLetter
from schemas.errors import SchemaError
from schemas.event import EmotionEvent
from schemas.kafka_refusals import lacking, lacks_right
from schemas.topics import TopicNames
from sentistream.errors import ServiceError
from sentistream.publisher import Place

log = structlog.get_logger()

#: Never joined; Kafka wants it described all the same.
_GROUP: Final = "sentistream-watcher"
_TIMEOUT_S: Final = 20.0
_AT_ONCE: Final = 500


@dataclass(frozen=True, slots=True)
class Observation:
    """An event or a dead letter, and when it could be read.

    Attributes:
        place: of the chat message that it is about.
        at: monotonic seconds.
    """

    place: Place
    at: float
    event: EmotionEvent | None = None
    letter: DeadLetter | None = None


class Watcher:
    """Follows both topics from where they end now.

    Args:
        connection: to Kafka.
        names: of the topics.
        topic_id: Kafka's id of ``chat.messages``; what is about another topic of that name is passed over.

    Raises:
        ServiceError: one of them cannot be read; from `poll` too, where a right lacks.
    """

    def __init__(self, connection: KafkaSettings, names: TopicNames, topic_id: str) -> None:
        self._names = names
        self._topic_id = topic_id
        self._consumer = Consumer(
            {
                **connection.librdkafka(),
                # All partitions are assigned by hand.
                "group.id": _GROUP,
                "enable.auto.commit": False,
                "isolation.level": "read_committed",
                "fetch.wait.max.ms": 20,
                "log_level": 0,
            }
        )
        try:
            self._assign_ends()
        except ServiceError:
            self._consumer.close()
            raise
        except KafkaException as error:
            self._consumer.close()
            raise ServiceError(f"{names.events} and {names.dead_letters} cannot be read: {error}") from error

    def __enter__(self) -> Self:
        """Itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close."""
        self._consumer.close()

    def poll(self, seconds: float) -> list[Observation]:
        """What there is; waits so long for the first of it."""
        first = self._consumer.poll(seconds)
        if first is None:
            return []
        records = [first, *self._consumer.consume(_AT_ONCE, timeout=0)]
        now = time.monotonic()
        return [found for record in records if (found := self._read(record, now)) is not None]

    def _assign_ends(self) -> None:
        places = []
        for topic in (self._names.events, self._names.dead_letters):
            described = self._consumer.list_topics(topic, timeout=_TIMEOUT_S).topics[topic]
            if described.error is not None and lacks_right(described.error):
                raise _lacking(described.error, topic)
            for partition in described.partitions:
                place = TopicPartition(topic, partition)
                place.offset = self._consumer.get_watermark_offsets(place, timeout=_TIMEOUT_S)[1]
                places.append(place)
        self._consumer.assign(places)

    def _read(self, record: Any, now: float) -> Observation | None:
        if (error := record.error()) is not None:
            if lacks_right(error):
                raise _lacking(error, record.topic())
            log.warning("watcher_read_failed", error=error.str())
            return None
        try:
            if record.topic() == self._names.events:
                return self._event(decode(EmotionEvent, record.value()), now)
            return self._letter(DeadLetter.from_headers(record.headers() or []), now)
        except (SchemaError, ValidationError, UnicodeDecodeError) as error:
            place = (record.topic(), record.partition(), record.offset())
            log.warning("watcher_record_not_readable", place=place, error=type(error).__name__)
            return None

    def _event(self, event: EmotionEvent, now: float) -> Observation | None:
        if event.source.topic_id != self._topic_id:
            return None
        return Observation(Place(event.source.partition, event.source.offset), now, event=event)

    def _letter(self, letter: DeadLetter, now: float) -> Observation | None:
        if letter.source is None or letter.source.topic_id != self._topic_id:
            return None
        return Observation(Place(letter.source.partition, letter.source.offset), now, letter=letter)


def _lacking(error: KafkaError, topic: str) -> ServiceError:
    right = lacking(error, f"Read on topic {topic}", _GROUP)
    return ServiceError(f"events cannot be read: this login lacks {right}. deploy/acls has all that is needed")
