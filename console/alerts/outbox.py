"""What is to be sent to webhooks, as the database has it: claimed, tried, sent or given up.

A claim moves the next attempt into the future before the request is made: a process that ends in between leaves the
delivery to a later attempt, and two processes never make the same one at once. So a webhook is told at least once;
by the key, which never changes, it can tell that it knows an occurrence already.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, func, select, update

from console.store.database import Database
from console.store.tables import Event
from console.store.upsert import table_of
from console.store.watch_tables import AlertOccurrence, WebhookDelivery

_ERROR_CHARACTERS: Final = 300


@dataclass(frozen=True, slots=True)
class Claimed:
    """A delivery that this process makes now.

    Attributes:
        attempts: this one included.
        occurrence: the columns of `AlertOccurrence`.
        text: of the message that made it true; None where the store has none.
    """

    id: int
    webhook: str
    attempts: int
    occurrence: Mapping[str, Any]
    text: str | None


def claim(database: Database, now_ms: int, hold_ms: int, *, without: Collection[str] = ()) -> Claimed | None:
    """The delivery that has been due for longest; None where none is.

    Args:
        database: of the store.
        now_ms: what is due by now.
        hold_ms: nobody else takes it for so long.
        without: webhooks that are left alone for now.
    """
    deliveries, occurrences, events = table_of(WebhookDelivery), table_of(AlertOccurrence), table_of(Event)
    due = (deliveries.c.state == "pending") & (deliveries.c.next_ms <= now_ms)
    due &= deliveries.c.webhook.not_in(without)
    # Looked for by a reader first: the writer is not held up for nothing.
    with database.reading() as connection:
        if connection.execute(select(deliveries.c.id).where(due).limit(1)).first() is None:
            return None
    with database.writing() as connection:
        oldest = select(deliveries).where(due).order_by(deliveries.c.next_ms, deliveries.c.id).limit(1)
        found = connection.execute(oldest).mappings().first()
        if found is None:
            return None
        attempts = found["attempts"] + 1
        _change(connection, found["id"], attempts=attempts, next_ms=now_ms + hold_ms)
        of_it = occurrences.c.id == found["occurrence_id"]
        occurrence = dict(connection.execute(select(occurrences).where(of_it)).mappings().one())
        text = connection.execute(select(events.c.text).where(events.c.event_id == occurrence["event_id"])).scalar()
        return Claimed(found["id"], found["webhook"], attempts, occurrence, text)


def sent(database: Database, id_: int, now_ms: int) -> None:
    """The webhook has it."""
    with database.writing() as connection:
        _change(connection, id_, state="sent", sent_ms=now_ms, last_error=None)


def failed(database: Database, id_: int, error: str, next_ms: int | None) -> None:
    """It does not; None gives up."""
    state = {"state": "given_up"} if next_ms is None else {"next_ms": next_ms}
    with database.writing() as connection:
        _change(connection, id_, last_error=error[:_ERROR_CHARACTERS], **state)


def pending(database: Database) -> int:
    """How many wait."""
    table = table_of(WebhookDelivery)
    with database.reading() as connection:
        return connection.execute(select(func.count()).where(table.c.state == "pending")).scalar_one()


def _change(connection: Connection, id_: int, **values: Any) -> None:
    table = table_of(WebhookDelivery)
    connection.execute(update(table).where(table.c.id == id_).values(**values))
