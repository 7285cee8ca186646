"""Which records a refresh reads: from where the topics begin to where they end as it starts, and no further."""

import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from confluent_kafka import IsolationLevel, KafkaError, KafkaException, TopicCollection, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec

from schemas.adapter import OffsetSpan
from schemas.connections import KafkaSettings
from schemas.kafka_refusals import lacking, lacks_leader, lacks_right
from schemas.topic_id import as_text
from schemas.topics import TopicNames
from trainer.feedback.consumer import GROUP
from trainer.feedback.errors import TopicUnavailableError

TIMEOUT_S: Final = 30.0
_PAUSE_S: Final = 0.1


@dataclass(frozen=True, slots=True)
class TopicShape:
    """Attributes: Kafka's id of the topic, as sources name it; how many partitions it has."""

    topic: str
    topic_id: str
    partitions: int


def current_spans(connection: KafkaSettings, names: TopicNames) -> tuple[OffsetSpan, ...]:
    """All that can be read now of labels, events and messages; an end is what a read_committed reader may reach.

    The labels' ends are taken first: what a label speaks of was there before it.

    Raises:
        TopicUnavailableError: a topic is missing, or Kafka does not answer.
    """
    admin = _admin(connection)
    return tuple(span for topic in (names.labels, names.events, names.messages) for span in _spans(admin, topic))


def starts_now(connection: KafkaSettings, spans: Iterable[OffsetSpan]) -> dict[tuple[str, int], int]:
    """By topic and partition of ``spans``, the first offset that Kafka still has."""
    places = [(one.topic, one.partition) for one in spans]
    with readable(", ".join(sorted({topic for topic, _ in places}))):
        return _offsets(_admin(connection), places, OffsetSpec.earliest()) if places else {}


def topic_shape(connection: KafkaSettings, topic: str) -> TopicShape:
    """Ask the cluster; TopicUnavailableError where there is no such topic, or no answer."""
    # Held until the answer is there: a client that is gone answers nothing.
    admin = _admin(connection)
    with readable(topic):
        asked = admin.describe_topics(TopicCollection([topic]), request_timeout=TIMEOUT_S)
        found = asked[topic].result(TIMEOUT_S)
        return TopicShape(topic, as_text(found.topic_id), len(found.partitions))


def unseen(spans: Iterable[OffsetSpan], seen: Iterable[OffsetSpan], topic: str) -> dict[int, int]:
    """By partition of a topic, the first offset of ``spans`` that ``seen`` does not hold.

    What ended further on than now was another topic of that name: then all is new.
    """
    ends = {(one.topic, one.partition): one.end for one in seen}
    first = {}
    for span in spans:
        if span.topic == topic:
            end = ends.get((topic, span.partition), span.start)
            first[span.partition] = max(end, span.start) if end <= span.end else span.start
    return first


def news(spans: Sequence[OffsetSpan], seen: Sequence[OffsetSpan], names: TopicNames) -> int:
    """Label records in ``spans`` that are not in ``seen``, counted by their offsets."""
    first = unseen(spans, seen, names.labels)
    return sum(span.end - first[span.partition] for span in spans if span.topic == names.labels)


@contextmanager
def readable(topic: str) -> Iterator[None]:
    """Kafka's errors in words: which topic, and what to do."""
    try:
        yield
    except KafkaException as error:
        reason = error.args[0] if error.args and isinstance(error.args[0], KafkaError) else None
        text = str(error) if reason is None else reason.str()
        advice = "Check KAFKA_BOOTSTRAP_SERVERS; `sentistream topics create` makes missing topics."
        if reason is not None and lacks_right(reason):
            lacks = lacking(reason, f"Read on topic {topic}", GROUP)
            advice = f"This login lacks {lacks}: deploy/acls has all that each service and command needs."
        raise TopicUnavailableError(f"{topic} cannot be read as group {GROUP}: {text}. {advice}") from error


def _spans(admin: AdminClient, topic: str) -> Iterator[OffsetSpan]:
    with readable(topic):
        described = admin.list_topics(topic, timeout=TIMEOUT_S).topics[topic]
        if described.error is not None:
            raise KafkaException(described.error)
        places = [(topic, partition) for partition in sorted(described.partitions)]
        starts = _offsets(admin, places, OffsetSpec.earliest())
        ends = _offsets(admin, places, OffsetSpec.latest())
    for topic_name, partition in places:
        start, end = starts[topic_name, partition], ends[topic_name, partition]
        yield OffsetSpan(topic=topic_name, partition=partition, start=start, end=max(start, end))


def _offsets(admin: AdminClient, places: Sequence[tuple[str, int]], spec: OffsetSpec) -> dict[tuple[str, int], int]:
    deadline = time.monotonic() + TIMEOUT_S
    while True:
        asked = admin.list_offsets(
            {TopicPartition(*place): spec for place in places},
            # With an open transaction, the end is before its first record.
            isolation_level=IsolationLevel.READ_COMMITTED,
            request_timeout=TIMEOUT_S,
        )
        try:
            return {(place.topic, place.partition): future.result(TIMEOUT_S).offset for place, future in asked.items()}
        except KafkaException as error:
            if not lacks_leader(error.args[0]) or time.monotonic() > deadline:
                raise
        time.sleep(_PAUSE_S)


def _admin(connection: KafkaSettings) -> AdminClient:
    return AdminClient({**connection.librdkafka(), "log_level": 0})
