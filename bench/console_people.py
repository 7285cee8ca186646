"""What people and rules add to an event store: labels by three of them, alerts and their deliveries."""

import itertools
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import func, select

from bench.console_load import BATCH, TENANTS, write_batch
from console.store.database import Database
from console.store.labels import PlacedLabel
from console.store.lease import WriterLease
from console.store.progress import stored_spots
from console.store.rows import Place
from console.store.tables import Event, EventDetail
from console.store.upsert import table_of
from console.store.watch_tables import AlertOccurrence, WebhookDelivery
from console.store.writer import Writer
from schemas.chat import Source
from schemas.feedback import EmotionLabel
from schemas.taxonomy import load_taxonomy

PEOPLE = ("ben", "cleo", "dana")
LABELS = 20_000
ALERTS = 5_000
#: An event has one, two or three people's labels in turn.
_PER_EVENT = 2
_AGREE = 0.7
_RULES = (("angry-speaker", "warning"), ("negative-share", "critical"), ("outliers", "info"))


def label_some(database: Database, count: int = LABELS, seed: int = 3) -> int:
    """Labels of events all over the store, as its writer takes them from ``emotion.labels``; how many.

    Args:
        database: with events, and with no labels yet.
        count: of labels; fewer in a small store, half of whose events get one.
        seed: of who says what.
    """
    lease = WriterLease(database, 600)
    if not lease.take():
        raise SystemExit("another process writes to this store")
    writer, given = Writer(database, lease), 0
    with database.reading() as connection:
        spots = stored_spots(connection)
    labels = _labels(database, count // _PER_EVENT, random.Random(seed))
    while batch := [
        PlacedLabel(label, Place("bench", 0, given + number))
        for number, label in enumerate(itertools.islice(labels, BATCH))
    ]:
        write_batch(writer, batch, spots, "emotion.labels")
        given += len(batch)
    lease.give_back()
    return given


def _labels(database: Database, events: int, draw: random.Random) -> Iterator[EmotionLabel]:
    names = [label.name for label in load_taxonomy("meld").labels]
    with database.reading() as connection:
        step = max(connection.execute(select(func.count()).select_from(Event)).scalar_one() // max(events, 1), 2)
        rows = connection.execute(
            select(Event, EventDetail.source_topic_id, EventDetail.source_partition, EventDetail.source_offset)
            .join(EventDetail, EventDetail.id == Event.id)
            .where(Event.id % step == 0)
            .order_by(Event.id)
            .with_only_columns(
                Event.event_id, Event.message_id, Event.conversation_id, Event.label, Event.adapter, Event.taxonomy,
                Event.sent_ms, EventDetail.source_topic_id, EventDetail.source_partition, EventDetail.source_offset,
            )
        ).all()  # fmt: skip
    for number, row in enumerate(rows):
        for person in range(number % len(PEOPLE) + 1):
            sent = datetime.fromtimestamp(row.sent_ms / 1000, UTC)
            yield EmotionLabel(
                event_id=row.event_id,
                message_id=row.message_id,
                conversation_id=row.conversation_id,
                source=Source(topic_id=row.source_topic_id, partition=row.source_partition, offset=row.source_offset),
                taxonomy=row.taxonomy,
                label=row.label if row.label and draw.random() < _AGREE else draw.choice(names),
                labelled_by=PEOPLE[(number + person) % len(PEOPLE)],
                labelled_at=sent + timedelta(minutes=5 + person),
                model_label=row.label,
                adapter=row.adapter,
            )


def alert_some(database: Database, count: int = ALERTS, seed: int = 5) -> None:
    """Rules that came true over two weeks, each with what became of one webhook's delivery."""
    draw = random.Random(seed)
    now_ms = int(datetime.now(UTC).timestamp() * 1000)
    step_ms = timedelta(days=14) / timedelta(milliseconds=1) / count
    occurrences = [_occurrence(draw, number, round(now_ms - (count - number) * step_ms)) for number in range(count)]
    with database.writing() as connection:
        statement = table_of(AlertOccurrence).insert().returning(AlertOccurrence.id, sort_by_parameter_order=True)
        ids = connection.execute(statement, occurrences).scalars().all()
        deliveries = [_delivery(id_, one) for id_, one in zip(ids, occurrences, strict=True)]
        connection.execute(table_of(WebhookDelivery).insert(), deliveries)


def _occurrence(draw: random.Random, number: int, seen_ms: int) -> dict[str, Any]:
    rule, severity = _RULES[number % len(_RULES)]
    tenant = (*TENANTS, None)[number % (len(TENANTS) + 1)]
    of_one = tenant is not None and rule == "angry-speaker"
    return {
        "rule": rule,
        "occurrence_key": f"{number}",
        "severity": severity,
        "title": f"{rule}, as its file has it",
        "tenant": tenant,
        "conversation_id": f"conversation-{draw.randrange(1000)}" if of_one else None,
        "speaker": draw.choice(("ann", "ben", "cleo")) if of_one else None,
        "event_id": f"bench:0:{number}" if of_one else None,
        "value": draw.uniform(0.4, 1),
        "threshold": 0.4,
        "facts": {"messages": 40, "counted": 20, "minutes": 10, "definition": {"kind": "share", "share": 0.4}},
        "seen_ms": seen_ms,
        "created_ms": seen_ms + 400,
        "ended_ms": seen_ms + 600_000,
    }


def _delivery(occurrence: int, of: dict[str, Any]) -> dict[str, Any]:
    sent = occurrence % 10 != 0
    return {
        "occurrence_id": occurrence,
        "webhook": "desk",
        "state": "sent" if sent else "given_up",
        "attempts": 1 if sent else 8,
        "next_ms": of["created_ms"],
        "sent_ms": of["created_ms"] + 200 if sent else None,
        "last_error": None if sent else "HTTP 503",
    }
