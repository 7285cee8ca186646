"""Events: a page of them, one, and those that came or changed since."""

from collections.abc import Sequence
from typing import Final

from sqlalchemy import Connection, func, select

from console.api.models.events import EventDetail, EventPage, GivenLabel
from console.queries.cursors import Position
from console.queries.expressions import AnyRow
from console.queries.filters import EventFilter
from console.queries.reader import Reader
from console.queries.rows import DETAIL, EVENT, GIVEN, event_detail, event_row, given_label, my_labels
from console.queries.scan import Order, Search
from console.queries.totals import KnownTotals
from console.store.tables import Event, LabelRecord
from console.store.tables import EventDetail as DetailTable

_NEWEST_FIRST: Final = Order(Event.sent_ms, Event.id)


def event_page(
    connection: Connection,
    reader: Reader,
    asked: EventFilter,
    totals: KnownTotals,
    *,
    limit: int,
    after: Position | None,
) -> EventPage:
    """Events, the newest first."""
    wanted = asked.for_reader(reader)
    name, leading = wanted.leading(totals.get(connection))
    search = Search(EVENT, _NEWEST_FIRST, leading, wanted.bounds(), wanted.others(name))
    found = search.page(connection, limit, after)
    mine = my_labels(connection, reader.name, (row.event_id for row in found.rows))
    return EventPage(
        events=tuple(event_row(row, mine) for row in found.rows),
        next_cursor=found.next.encode() if found.next else None,
    )


def one_event(connection: Connection, reader: Reader, event_id: str) -> EventDetail | None:
    """All of one event; None where there is none that the reader may see."""
    row = connection.execute(
        select(*EVENT, *DETAIL)
        .join(DetailTable, DetailTable.id == Event.id)
        .where(Event.event_id == event_id, *reader.narrow(Event.tenant))
    ).one_or_none()
    if row is None:
        return None
    return event_details(connection, reader, [row])[0]


def event_details(connection: Connection, reader: Reader, rows: Sequence[AnyRow]) -> list[EventDetail]:
    """All of several events, from rows of `EVENT` and `DETAIL` that the reader may see."""
    ids = [row.event_id for row in rows]
    mine = my_labels(connection, reader.name, ids)
    given: dict[str, list[GivenLabel]] = {}
    if any(row.label_count for row in rows) or len(rows) == 1:
        for one in connection.execute(
            select(*GIVEN)
            .join(Event, Event.event_id == LabelRecord.event_id)
            .where(LabelRecord.event_id.in_(ids))
            .order_by(LabelRecord.id.desc())
        ):
            given.setdefault(one.event_id, []).append(given_label(one))
    return [event_detail(row, mine, given.get(row.event_id, ())) for row in rows]


def newest_ids(connection: Connection) -> tuple[int, int]:
    """The last event's and the last label record's; 0 where there is none."""
    events = connection.execute(select(func.max(Event.id))).scalar()
    labels = connection.execute(select(func.max(LabelRecord.id))).scalar()
    return events or 0, labels or 0


def events_after(connection: Connection, last: int, limit: int) -> Sequence[AnyRow]:
    """What the store took after an event, the oldest first."""
    return connection.execute(select(*EVENT).where(Event.id > last).order_by(Event.id).limit(limit)).all()


def latest_events(
    connection: Connection, reader: Reader, asked: EventFilter, totals: KnownTotals, limit: int
) -> Sequence[AnyRow]:
    """The last few, the oldest of them first."""
    wanted = asked.for_reader(reader)
    name, leading = wanted.leading(totals.get(connection))
    found = Search(EVENT, _NEWEST_FIRST, leading, wanted.bounds(), wanted.others(name)).page(connection, limit, None)
    return found.rows[::-1]


def relabelled_after(connection: Connection, last: int, limit: int) -> tuple[int, Sequence[AnyRow]]:
    """The events that people labelled after a label record, and the last record of these."""
    records = connection.execute(
        select(LabelRecord.id, LabelRecord.event_id).where(LabelRecord.id > last).order_by(LabelRecord.id).limit(limit)
    ).all()
    if not records:
        return last, ()
    ids = {row.event_id for row in records}
    return records[-1].id, connection.execute(select(*EVENT).where(Event.event_id.in_(ids)).order_by(Event.id)).all()
