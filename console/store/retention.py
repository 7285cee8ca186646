"""Old rows go, a few at a time between two batches, so that nobody waits for it."""

from typing import Final

from sqlalchemy import Connection, delete, select

from console.store.database import Database
from console.store.metrics import REMOVED
from console.store.tables import MINUTE, Bucket, Conversation, CurrentLabel, Event, LabelRecord
from console.store.upsert import table_of
from console.store.watch_tables import AlertOccurrence, AlertState

_DAY_MS: Final = 86_400_000
_AT_ONCE: Final = 200
_AT_ONCE_SMALL: Final = 1_000


def oldest_ms(now_ms: int, days: float) -> int:
    """Events that were decided before this time are not kept; 0 days keeps all."""
    return round(now_ms - days * _DAY_MS) if days else -(2**62)


def remove_some(database: Database, cutoff_ms: int) -> bool:
    """Remove a few of the oldest rows; returns whether there may be more.

    Hours and days of `Bucket` and `AdapterCount` stay: they name nobody.
    """
    with database.writing() as connection:
        removed = _events(connection, cutoff_ms)
        more = removed == _AT_ONCE
        if not more:
            more = _rest(connection, cutoff_ms)
    REMOVED.inc(removed)
    return more


def remove_events(connection: Connection, ids: list[int], event_ids: list[str]) -> None:
    """With their details (by the foreign key) and what people said of them."""
    for mapped in (LabelRecord, CurrentLabel):
        table = table_of(mapped)
        connection.execute(delete(table).where(table.c.event_id.in_(event_ids)))
    table = table_of(Event)
    connection.execute(delete(table).where(table.c.id.in_(ids)))


def _events(connection: Connection, cutoff_ms: int) -> int:
    table = table_of(Event)
    # In the order of ids, which is about that of their times: a late one goes with those it came with.
    first = select(table.c.id, table.c.event_id, table.c.decided_ms).order_by(table.c.id).limit(_AT_ONCE)
    old = [row for row in connection.execute(first) if row.decided_ms < cutoff_ms]
    if old:
        remove_events(connection, [row.id for row in old], [row.event_id for row in old])
    return len(old)


def _rest(connection: Connection, cutoff_ms: int) -> bool:
    conversations, buckets = table_of(Conversation), table_of(Bucket)
    occurrences, states, records = table_of(AlertOccurrence), table_of(AlertState), table_of(LabelRecord)
    events, words = table_of(Event), table_of(CurrentLabel)
    minutes = (buckets.c.width_s == MINUTE) & (buckets.c.start_ms < cutoff_ms)
    # Labels of events that never came, or came too late.
    homeless = (records.c.labelled_ms < cutoff_ms) & ~select(events.c.id).where(
        events.c.event_id == records.c.event_id
    ).exists()
    found = list(connection.execute(select(records.c.event_id).where(homeless).limit(_AT_ONCE_SMALL)).scalars())
    for table in (records, words):
        connection.execute(delete(table).where(table.c.event_id.in_(found)))
    old_ones = select(conversations.c.id).where(conversations.c.last_ms < cutoff_ms).limit(_AT_ONCE_SMALL)
    removed = connection.execute(delete(conversations).where(conversations.c.id.in_(old_ones))).rowcount
    some_minutes = select(buckets.c.start_ms).where(minutes).order_by(buckets.c.start_ms).limit(1).scalar_subquery()
    cleared = connection.execute(
        delete(buckets).where(buckets.c.width_s == MINUTE, buckets.c.start_ms == some_minutes)
    ).rowcount
    connection.execute(delete(occurrences).where(occurrences.c.created_ms < cutoff_ms))
    connection.execute(delete(states).where(states.c.updated_ms < cutoff_ms))
    return removed == _AT_ONCE_SMALL or cleared > 0 or len(found) == _AT_ONCE_SMALL
