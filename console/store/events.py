"""New events into the database, each once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from sqlalchemy import Connection, select

from console.store.conversations import add_turns
from console.store.counts import Counts
from console.store.forgotten import forgotten_among
from console.store.labels import judged, name_tenants, standing
from console.store.metrics import SKIPPED
from console.store.rows import PlacedEvent, Taxonomies, detail_row, event_row
from console.store.tables import Event, EventDetail
from console.store.upsert import table_of
from schemas.event import EmotionEvent


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """One that was not there before.

    Attributes:
        id: its row's.
        row: all columns of `Event`, with what people have said already.
    """

    id: int
    event: EmotionEvent
    row: Mapping[str, Any]


class Observer(Protocol):
    """Looks at new events in the transaction that stores them, such as the alerts' rules."""

    def stored(self, connection: Connection, events: Sequence[StoredEvent], now_ms: int) -> None:
        """Do what depends on them. What this raises undoes what it wrote, and nothing else."""


def keep_events(
    connection: Connection,
    placed: Sequence[PlacedEvent],
    counts: Counts,
    sets: Taxonomies,
    now_ms: int,
    oldest_ms: int,
) -> list[StoredEvent]:
    """Store those that are new, with all that is counted of them.

    Args:
        connection: in a transaction.
        placed: in the order of their records.
        counts: take them along.
        sets: where labels are looked up.
        now_ms: the time.
        oldest_ms: events that were decided before are past the retention: they may have been there, and counted.
    """
    fresh = _new(connection, placed, oldest_ms)
    if not fresh:
        return []
    rows = [event_row(one.event, now_ms, sets.find(one.event.taxonomy)) for one in fresh]
    words = standing(connection, [row["event_id"] for row in rows])
    for row, one in zip(rows, fresh, strict=True):
        if said := words.get(row["event_id"]):
            row.update(judged(row, said, one.event.scores, sets))
    ids = _insert(connection, rows, fresh)
    name_tenants(connection, {row["event_id"]: row["tenant"] for row in rows if row["event_id"] in words})
    for row in rows:
        counts.add(row)
    add_turns(connection, rows)
    return [StoredEvent(id_, one.event, row) for id_, one, row in zip(ids, fresh, rows, strict=True)]


def _new(connection: Connection, placed: Sequence[PlacedEvent], oldest_ms: int) -> list[PlacedEvent]:
    by_id: dict[str, PlacedEvent] = {}
    for one in placed:
        if one.event.times.decided_at.timestamp() * 1000 < oldest_ms:
            SKIPPED.labels("too_old").inc()
        elif one.event.event_id in by_id:
            SKIPPED.labels("known").inc()
        else:
            by_id[one.event.event_id] = one
    table = table_of(Event)
    known = set(connection.execute(select(table.c.event_id).where(table.c.event_id.in_(sorted(by_id)))).scalars())
    gone = forgotten_among(connection, {(one.event.tenant, one.event.conversation_id) for one in by_id.values()})
    SKIPPED.labels("known").inc(len(known))
    fresh = [one for one in by_id.values() if one.event.event_id not in known]
    kept = [one for one in fresh if (one.event.tenant, one.event.conversation_id) not in gone]
    SKIPPED.labels("forgotten").inc(len(fresh) - len(kept))
    return kept


def _insert(connection: Connection, rows: Sequence[dict[str, Any]], fresh: Sequence[PlacedEvent]) -> Sequence[int]:
    events, details = table_of(Event), table_of(EventDetail)
    if connection.dialect.name == "sqlite":
        # Row by row inside the driver, and numbered in this order: that is what is quickest here.
        connection.execute(events.insert(), rows)
        mine = events.c.event_id.in_([row["event_id"] for row in rows])
        ids = connection.execute(select(events.c.id).where(mine).order_by(events.c.id)).scalars().all()
        connection.execute(details.insert(), [detail_row(id_, one) for id_, one in zip(ids, fresh, strict=True)])
        return ids
    # With what it returns, all rows are one statement, which over a network is one round trip.
    statement = events.insert().returning(events.c.id, sort_by_parameter_order=True)
    ids = connection.execute(statement, rows).scalars().all()
    more = [detail_row(id_, one) for id_, one in zip(ids, fresh, strict=True)]
    connection.execute(details.insert().returning(details.c.id), more)
    return ids
