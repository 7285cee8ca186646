"""Events and labels for the store's tests, and a writer that takes them as batches."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, select

from console.store.database import Database
from console.store.labels import PlacedLabel
from console.store.lease import WriterLease
from console.store.progress import Spot, stored_spots
from console.store.rows import Place, PlacedEvent
from console.store.tables import Base
from console.store.upsert import table_of
from console.store.writer import Batch, Writer, WriterParts
from schemas.chat import Source
from schemas.event import EmotionEvent, Times
from schemas.feedback import EmotionLabel

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
EVENTS = Place("events-topic", 0, 0)


def make_event(offset: int, **fields: Any) -> EmotionEvent:
    """The event of the message at this offset; one message a second."""
    sent = fields.pop("sent_at", START + timedelta(seconds=offset))
    source = Source(topic_id="chat-topic", partition=0, offset=offset)
    label = fields.pop("label", "joy")
    sentiments = {"joy": "positive", "anger": "negative", "sadness": "negative", "neutral": "neutral"}
    given = {
        "event_id": source.event_id,
        "message_id": f"m{offset}",
        "conversation_id": "room",
        "tenant": "acme",
        "speaker": "ann",
        "text": f"text {offset}",
        "language": "en",
        "status": "labelled" if label else "outlier",
        "label": label,
        "sentiment": sentiments[label] if label else None,
        "confidence": 0.8 if label else None,
        "first_label": label,
        "taxonomy": "meld",
        "mode": "direct",
        "policy": "calibrated",
        "model": "a-model",
        "adapter": "v1",
        "prompt_hash": "0" * 64,
        "source": source,
        "times": Times(
            sent_at=sent,
            received_at=sent,
            requested_at=sent,
            taken_at=sent,
            decided_at=sent + timedelta(milliseconds=250),
        ),
    }
    return EmotionEvent.model_validate(given | fields)


def make_label(event: EmotionEvent, label: str | None, by: str = "ben", after_s: float = 60.0) -> EmotionLabel:
    """What a person says of it, so many seconds after it was sent."""
    return EmotionLabel(
        event_id=event.event_id,
        message_id=event.message_id,
        conversation_id=event.conversation_id,
        source=event.source,
        taxonomy=event.taxonomy,
        label=label,
        labelled_by=by,
        labelled_at=event.times.sent_at + timedelta(seconds=after_s),
        model_label=event.label,
        adapter=event.adapter,
    )


class Filler:
    """Writes batches as the service does, at offsets of its own."""

    def __init__(self, database: Database, parts: WriterParts | None = None) -> None:
        self._database = database
        lease = WriterLease(database, 60)
        assert lease.take()
        self.writer = Writer(database, lease, parts)
        self._offsets = {"events": 0, "labels": 0}

    def write(self, *given: EmotionEvent | EmotionLabel) -> None:
        """As one batch, at the next offsets of their topics."""
        records: list[PlacedEvent | PlacedLabel] = []
        for one in given:
            topic = "events" if isinstance(one, EmotionEvent) else "labels"
            place = Place(f"{topic}-topic", 0, self._offsets[topic])
            self._offsets[topic] += 1
            records.append(PlacedEvent(one, place) if isinstance(one, EmotionEvent) else PlacedLabel(one, place))
        self.write_placed(records)

    def write_placed(self, records: Sequence[PlacedEvent | PlacedLabel]) -> None:
        """Those records, and where reading came."""
        with self._database.reading() as connection:
            before = stored_spots(connection)
        after = {
            (topic, 0): Spot(f"{topic}-topic", max(one.place.offset for one in mine) + 1)
            for topic, kind in (("events", PlacedEvent), ("labels", PlacedLabel))
            if (mine := [one for one in records if isinstance(one, kind)])
        }
        self.writer.write(Batch(records, before, after))


def rows_of(database: Database, mapped: type[Base]) -> list[dict[str, Any]]:
    """All rows of a table."""
    with database.reading() as connection:
        return _rows(connection, mapped)


def _rows(connection: Connection, mapped: type[Base]) -> list[dict[str, Any]]:
    table = table_of(mapped)
    ordered = select(table).order_by(*table.primary_key.columns)
    return [dict(row) for row in connection.execute(ordered).mappings()]
