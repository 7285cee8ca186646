"""Records into events and labels; those that are neither are counted, logged by their place, and passed over."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import structlog

from console.store.labels import PlacedLabel
from console.store.metrics import SKIPPED
from console.store.rows import Place, PlacedEvent
from console.store.source import Record
from console.store.topic_facts import TopicFacts
from schemas.codec import decode
from schemas.errors import MalformedRecordError, UnknownSchemaVersionError
from schemas.event import EmotionEvent
from schemas.feedback import EmotionLabel
from schemas.topics import TopicNames

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Understood:
    """What became of some records.

    Attributes:
        placed: events and labels.
        taken: the records that are done with, whether they are either or neither.
        foreign: partitions at a record of a newer version, which an upgrade will read: nothing behind it is taken.
    """

    placed: Sequence[PlacedEvent | PlacedLabel]
    taken: Sequence[Record]
    foreign: frozenset[tuple[str, int]]


def understand(records: Sequence[Record], names: TopicNames, facts: Mapping[str, TopicFacts]) -> Understood:
    """Read them all."""
    placed: list[PlacedEvent | PlacedLabel] = []
    taken: list[Record] = []
    foreign: set[tuple[str, int]] = set()
    for one in records:
        if (one.topic, one.partition) in foreign:
            continue
        where = {"topic": one.topic, "partition": one.partition, "offset": one.offset}
        try:
            placed.append(_read(one, names, facts))
        except UnknownSchemaVersionError as error:
            log.error("partition_held", **where, detail=str(error))  # noqa: TRY400 - no fault here
            foreign.add((one.topic, one.partition))
            continue
        except MalformedRecordError as error:
            SKIPPED.labels(error.reason).inc()
            log.warning("record_skipped", **where, reason=error.reason, detail=str(error))
        taken.append(one)
    return Understood(placed, taken, frozenset(foreign))


def _read(record: Record, names: TopicNames, facts: Mapping[str, TopicFacts]) -> PlacedEvent | PlacedLabel:
    place = Place(facts[record.topic].topic_id, record.partition, record.offset)
    if record.topic == names.events:
        return PlacedEvent(decode(EmotionEvent, record.value), place, record.traceparent)
    label = decode(EmotionLabel, record.value)
    if label.event_id != label.source.event_id:
        raise MalformedRecordError("invalid", "event_id: it is not the one of the record's source")
    return PlacedLabel(label, place)
