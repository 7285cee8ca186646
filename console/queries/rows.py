"""Rows of the store as the API's models."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from sqlalchemy import Connection, select

from console.api.models.events import EventDetail, EventRow, GivenLabel, StepTimes
from console.queries.expressions import AnyRow, Column
from console.queries.times import to_time
from console.store.tables import CurrentLabel, Event, LabelRecord
from console.store.tables import EventDetail as DetailTable
from schemas.event import Deduction, Round, Usage

#: All of an event's row.
EVENT: Final[Sequence[Column]] = tuple(Event.__table__.columns)
DETAIL: Final[Sequence[Column]] = tuple(one for one in DetailTable.__table__.columns if one.name != "id")


def my_labels(connection: Connection, name: str, event_ids: Iterable[str]) -> dict[str, str]:
    """What this person says of events, by event id."""
    wanted = list(event_ids)
    if not wanted:
        return {}
    rows = connection.execute(
        select(CurrentLabel.event_id, CurrentLabel.label).where(
            CurrentLabel.event_id.in_(wanted), CurrentLabel.labelled_by == name, CurrentLabel.label.is_not(None)
        )
    )
    return {row.event_id: row.label for row in rows}


def event_fields(row: AnyRow, mine: Mapping[str, str]) -> dict[str, Any]:
    """What all models of events have."""
    return {
        "sequence": row.id,
        "event_id": row.event_id,
        "message_id": row.message_id,
        "conversation_id": row.conversation_id,
        "tenant": row.tenant,
        "speaker": row.speaker,
        "text": row.text,
        "language": row.language,
        "status": row.status,
        "label": row.current_label,
        "model_label": row.label,
        "sentiment": row.current_sentiment,
        "confidence": _within(row.confidence, 0.0),
        "valence": _within(row.valence, -1.0),
        "first_label": row.first_label,
        "flipped": row.flip,
        "corrected": row.corrected,
        "my_label": mine.get(row.event_id),
        "label_count": row.label_count,
        "taxonomy": row.taxonomy,
        "model": row.model,
        "adapter": row.adapter,
        "mode": row.mode,
        "policy": row.policy,
        "degraded": row.degraded,
        "replay": row.replay,
        "sent_at": to_time(row.sent_ms),
        "decided_at": to_time(row.decided_ms),
        "latency_ms": row.latency_ms,
    }


def event_row(row: AnyRow, mine: Mapping[str, str]) -> EventRow:
    """A line of a list."""
    return EventRow(**event_fields(row, mine))


def event_detail(row: AnyRow, mine: Mapping[str, str], labels: Iterable[GivenLabel]) -> EventDetail:
    """All of it, from a row of `EVENT` and `DETAIL`."""
    return EventDetail(
        **event_fields(row, mine),
        scores=row.scores,
        candidates=tuple(row.candidates),
        rounds=tuple(Round.model_validate(one) for one in row.rounds),
        deduction=None if row.deduction is None else Deduction.model_validate(row.deduction),
        usage=Usage.model_validate(row.usage),
        prompt_hash=row.prompt_hash,
        steps=StepTimes(
            transport=row.received_ms - row.sent_ms,
            window=row.requested_ms - row.received_ms,
            queue=row.taken_ms - row.requested_ms,
            model=row.decided_ms - row.taken_ms,
        ),
        labels=tuple(labels),
    )


#: What `given_label` needs.
GIVEN: Final[Sequence[Column]] = (
    LabelRecord.id.label("record_id"),
    LabelRecord.event_id,
    LabelRecord.message_id,
    LabelRecord.conversation_id,
    LabelRecord.taxonomy,
    LabelRecord.label,
    LabelRecord.model_label,
    LabelRecord.adapter,
    LabelRecord.labelled_by,
    LabelRecord.labelled_ms,
    Event.tenant,
    Event.speaker,
    Event.text,
)


def given_label(row: AnyRow) -> GivenLabel:
    """One person's label, from a row of `GIVEN`."""
    return GivenLabel(
        event_id=row.event_id,
        message_id=row.message_id,
        conversation_id=row.conversation_id,
        tenant=row.tenant,
        speaker=row.speaker,
        text=row.text,
        taxonomy=row.taxonomy,
        label=row.label,
        model_label=row.model_label,
        adapter=row.adapter,
        labelled_by=row.labelled_by,
        labelled_at=to_time(row.labelled_ms),
    )


def _within(value: float | None, least: float) -> float | None:
    """Sums of shares may end a rounding error outside."""
    return None if value is None else min(max(value, least), 1.0)
