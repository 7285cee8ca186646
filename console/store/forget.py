"""Forget a conversation: its rows go for good, and nothing of it is stored again.

What was counted of it stays: numbers by time, tenant, language, label and adapter, which name nobody.
"""

import time
from dataclasses import dataclass
from typing import Final

import structlog
from sqlalchemy import ColumnElement, Connection, Table, delete, func, select

from console.store.conversations import Key
from console.store.database import Database
from console.store.forgotten import remember_forgotten
from console.store.progress import stored_spots
from console.store.retention import remove_events
from console.store.tables import Conversation, Event, LabelRecord
from console.store.upsert import table_of
from console.store.watch_tables import AlertOccurrence, AlertState

log = structlog.get_logger()

_AT_ONCE: Final = 500


@dataclass(frozen=True, slots=True)
class ForgottenRows:
    """What was removed.

    Attributes:
        last_ms: when the last of its events was decided, as far as the store knew; None for none.
        topics_read: whether the store has ever read from the topics: a new one cannot know the conversation.
    """

    events: int
    labels: int
    alerts: int
    last_ms: int | None
    topics_read: bool


def forget(database: Database, tenant: str, conversation_id: str) -> ForgottenRows:
    """Remove it in one transaction, so that the store's writer has none of it before or after.

    Args:
        database: the event store.
        tenant: whose conversation it is.
        conversation_id: the platform's.
    """
    key = (tenant, conversation_id)
    with database.writing() as connection:
        remember_forgotten(connection, key, round(time.time() * 1000))
        found = _remove(connection, key)
    _overwrite(database)
    log.info("conversation_forgotten", events=found.events, labels=found.labels, alerts=found.alerts)
    return found


def _remove(connection: Connection, key: Key) -> ForgottenRows:
    events, labels, conversations = table_of(Event), table_of(LabelRecord), table_of(Conversation)
    mine = _of(events, key)
    last = connection.execute(select(func.max(events.c.decided_ms)).where(mine)).scalar_one_or_none()
    rows = connection.execute(select(events.c.id, events.c.event_id).where(mine)).all()
    said = 0
    for start in range(0, len(rows), _AT_ONCE):
        some = rows[start : start + _AT_ONCE]
        event_ids = [row.event_id for row in some]
        counted = select(func.count()).select_from(labels).where(labels.c.event_id.in_(event_ids))
        said += connection.execute(counted).scalar_one()
        remove_events(connection, [row.id for row in some], event_ids)
    connection.execute(delete(conversations).where(_of(conversations, key)))
    alerts, states = table_of(AlertOccurrence), table_of(AlertState)
    gone = connection.execute(delete(alerts).where(_of(alerts, key))).rowcount
    connection.execute(delete(states).where(_of(states, key)))
    return ForgottenRows(len(rows), said, gone, last, bool(stored_spots(connection)))


def _of(table: Table, key: Key) -> ColumnElement[bool]:
    return (table.c.tenant == key[0]) & (table.c.conversation_id == key[1])


def _overwrite(database: Database) -> None:
    """SQLite: what is still in the log of changes goes into the file, where it is overwritten already."""
    if not database.is_sqlite:
        return
    connection = database.engine.raw_connection()
    try:
        cursor = connection.cursor()
        cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        (busy, *_) = cursor.fetchone() or (0,)
        cursor.close()
    finally:
        connection.close()
    if busy:
        log.info("store_log_in_use", detail="readers hold the log of changes; its next checkpoint overwrites it")
