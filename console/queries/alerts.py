"""Rules that came true, and how far their webhooks have come."""

from collections import defaultdict
from collections.abc import Iterable

from sqlalchemy import Connection, select

from console.alerts.evaluation import DEFINITION
from console.api.models.alerts import Alert, AlertPage, Delivery
from console.queries.cursors import Position
from console.queries.reader import Reader
from console.queries.times import to_time, to_time_or_none
from console.store.watch_tables import AlertOccurrence, WebhookDelivery


def alert_page(
    connection: Connection,
    reader: Reader,
    *,
    rule: str | None,
    severity: str | None,
    tenant: str | None,
    limit: int,
    after: Position | None,
) -> AlertPage:
    """The newest first; what is about all tenants is for those who see all."""
    where = reader.narrow(AlertOccurrence.tenant, tenant)
    where += [
        column == value
        for column, value in ((AlertOccurrence.rule, rule), (AlertOccurrence.severity, severity))
        if value is not None
    ]
    if after is not None:
        where.append(AlertOccurrence.id < after.id)
    rows = connection.execute(
        select(AlertOccurrence.__table__).where(*where).order_by(AlertOccurrence.id.desc()).limit(limit + 1)
    ).all()
    more, rows = len(rows) > limit, rows[:limit]
    deliveries = _deliveries(connection, (row.id for row in rows))
    return AlertPage(
        alerts=tuple(
            Alert(
                alert_id=row.id,
                rule=row.rule,
                severity=row.severity,
                title=row.title,
                tenant=row.tenant,
                conversation_id=row.conversation_id,
                speaker=row.speaker,
                event_id=row.event_id,
                value=row.value,
                threshold=row.threshold,
                facts={name: value for name, value in row.facts.items() if name != DEFINITION},
                definition=row.facts.get(DEFINITION),
                occurred_at=to_time(row.seen_ms),
                noticed_at=to_time(row.created_ms),
                ended_at=to_time_or_none(row.ended_ms),
                deliveries=tuple(deliveries[row.id]),
            )
            for row in rows
        ),
        next_cursor=Position(0, rows[-1].id).encode() if more else None,
    )


def _deliveries(connection: Connection, ids: Iterable[int]) -> dict[int, list[Delivery]]:
    rows = connection.execute(
        select(WebhookDelivery.__table__)
        .where(WebhookDelivery.occurrence_id.in_(list(ids)))
        .order_by(WebhookDelivery.id)
    )
    found: dict[int, list[Delivery]] = defaultdict(list)
    for row in rows:
        found[row.occurrence_id].append(
            Delivery(
                webhook=row.webhook,
                state=row.state,
                attempts=row.attempts,
                next_attempt_at=to_time(row.next_ms) if row.state == "pending" else None,
                sent_at=to_time_or_none(row.sent_ms),
                last_error=row.last_error,
            )
        )
    return found
