"""What people should look at: what the model could not decide, or was least sure of."""

from typing import Final, Literal

from sqlalchemy import Connection, exists, func, select

from console.api.models.people import ContextTurn, ReviewItem, ReviewQueue
from console.queries.cursors import Position
from console.queries.expressions import AnyRow, Condition
from console.queries.reader import Reader
from console.queries.rows import DETAIL, EVENT, event_fields, my_labels
from console.queries.scan import Order, Search
from console.store.tables import CurrentLabel, Event
from console.store.tables import EventDetail as DetailTable

Labelled = Literal["none", "others"]

_CONTEXT_TURNS: Final = 4
_COUNTED: Final = 1_000
#: So many others at most have labelled what a further person is asked about.
_OTHERS: Final = (1, 2, 3)
_LEAST_CERTAIN_FIRST: Final = Order(Event.review_order, Event.id, descending=False)


def review_queue(
    connection: Connection,
    reader: Reader,
    *,
    labelled: Labelled,
    tenant: str | None,
    language: str | None,
    taxonomy: str | None,
    limit: int,
    after: Position | None,
) -> ReviewQueue:
    """A page of it.

    Args:
        connection: to the store.
        reader: who reviews.
        labelled: what nobody has labelled, or what others have and the reader has not.
        tenant: only this one's.
        language: only this one.
        taxonomy: only events with this label set.
        limit: items of the page.
        after: where the page begins.
    """
    counts = (0,) if labelled == "none" else _OTHERS
    tenants = reader.narrow(Event.tenant, tenant)
    leading = [_all_of(tenants, Event.label_count == count) for count in counts]
    others = [column == value for column, value in ((Event.language, language), (Event.taxonomy, taxonomy)) if value]
    if labelled == "others":
        others.append(~_mine(reader))
    bounds = [Event.review_order.is_not(None)]
    found = Search(EVENT, _LEAST_CERTAIN_FIRST, leading, bounds, others).page(connection, limit, after)
    details = _details(connection, found.rows)
    mine = my_labels(connection, reader.name, (row.event_id for row in found.rows))
    return ReviewQueue(
        items=tuple(_item(connection, row, details[row.id], mine) for row in found.rows),
        remaining=_remaining(connection, leading, [*bounds, *others]),
        next_cursor=found.next.encode() if found.next else None,
    )


def _item(connection: Connection, row: AnyRow, detail: AnyRow, mine: dict[str, str]) -> ReviewItem:
    return ReviewItem(
        **event_fields(row, mine),
        why="outlier" if row.status == "outlier" else "flipped" if row.flip else "uncertain",
        uncertainty=min(max(1.0 - (row.confidence or 0.0), 0.0), 1.0),
        candidates=tuple(detail.candidates),
        scores=detail.scores,
        context=_context(connection, row),
    )


def _context(connection: Connection, row: AnyRow) -> tuple[ContextTurn, ...]:
    before = connection.execute(
        select(Event.speaker, Event.text, Event.current_label)
        .where(Event.tenant == row.tenant, Event.conversation_id == row.conversation_id, Event.id < row.id)
        .order_by(Event.id.desc())
        .limit(_CONTEXT_TURNS)
    ).all()
    return tuple(ContextTurn(speaker=one.speaker, text=one.text, label=one.current_label) for one in before[::-1])


def _details(connection: Connection, rows: tuple[AnyRow, ...]) -> dict[int, AnyRow]:
    found = connection.execute(
        select(DetailTable.id, *DETAIL).where(DetailTable.id.in_([row.id for row in rows]))
    ).all()
    return {row.id: row for row in found}


def _remaining(connection: Connection, leading: list[Condition], others: list[Condition]) -> int:
    """Exactly, up to a bound; of a narrowed list within the first rows of the whole one."""
    left = 0
    for one in leading:
        ids = (
            select(Event.id.label("found_id"))
            .where(one, Event.review_order.is_not(None))
            .order_by(Event.review_order, Event.id)
            .limit(_COUNTED)
            .subquery()
        )
        # Joined to them, or SQLite would begin with all events of a language.
        count = select(func.count()).select_from(Event).join(ids, ids.c.found_id == Event.id).where(*others)
        left += connection.execute(count).scalar_one()
    return min(left, _COUNTED)


def _mine(reader: Reader) -> Condition:
    return exists().where(
        CurrentLabel.event_id == Event.event_id,
        CurrentLabel.labelled_by == reader.name,
        CurrentLabel.label.is_not(None),
    )


def _all_of(conditions: list[Condition], last: Condition) -> Condition:
    for one in conditions:
        last = one & last
    return last
