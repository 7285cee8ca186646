"""What people say: review, labels, agreement."""

from datetime import UTC, datetime
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query
from pydantic import Field
from sqlalchemy import select

from console.api.asking import Reviewer, Viewer
from console.api.context import Asker
from console.api.models.events import GivenLabel
from console.api.models.people import Agreement, EventId, LabelPage, LabelWritten, NewLabel, ReviewQueue
from console.api.parameters import Page, Parameters, Text, Time, ms_or_none
from console.api.problems import ProblemError
from console.api.routes.events import no_event
from console.queries.people import agreement, label_page
from console.queries.review import Labelled, review_queue
from console.store.tables import Event
from console.store.tables import EventDetail as DetailTable
from schemas.chat import Source
from schemas.errors import SchemaError
from schemas.feedback import EmotionLabel
from schemas.taxonomy import load_taxonomy

router = APIRouter(tags=["people"])


class ReviewQuery(Page):
    """Of what to look at."""

    labelled: Labelled = Field(default="none", description="What nobody has labelled, or what others have and you not.")
    tenant: Text | None = None
    language: Text | None = None
    taxonomy: Text | None = None
    limit: int = Field(default=20, ge=1, le=100)


class LabelQuery(Page):
    """Of people's labels."""

    by: Text | None = None
    tenant: Text | None = None
    conversation_id: Text | None = None
    event_id: Text | None = None


class AgreementQuery(Parameters):
    """Of the agreement."""

    since: Time | None = None
    tenant: Text | None = None
    taxonomy: Text | None = None


@router.get("/review")
def review(asker: Viewer, query: Annotated[ReviewQuery, Query()]) -> ReviewQueue:
    """Outliers first, then what the model was least sure of."""
    with asker.parts.database.reading() as connection:
        return review_queue(
            connection,
            asker.reader,
            labelled=query.labelled,
            tenant=query.tenant,
            language=query.language,
            taxonomy=query.taxonomy,
            limit=query.limit,
            after=query.after,
        )


@router.post("/labels", status_code=HTTPStatus.CREATED)
def write_label(asker: Reviewer, body: NewLabel) -> LabelWritten:
    """Label a message; returns once Kafka has it for good."""
    row = _event(asker, body.event_id)
    try:
        allowed = [one.name for one in load_taxonomy(row.taxonomy, asker.parts.taxonomies).labels]
    except SchemaError as error:
        raise ProblemError(HTTPStatus.CONFLICT, "taxonomy", f"{error}", taxonomy=row.taxonomy) from error
    if body.label not in allowed:
        text = f"{row.taxonomy} has no label of this name: choose one of {', '.join(allowed)}."
        raise ProblemError(
            HTTPStatus.UNPROCESSABLE_ENTITY, "label", text, taxonomy=row.taxonomy, labels=", ".join(allowed)
        )
    return _send(asker, row, body.label)


@router.delete("/labels/{event_id}")
def take_label_back(asker: Reviewer, event_id: Annotated[EventId, Path()]) -> LabelWritten:
    """Take one's own label of a message back; returns once Kafka has it for good."""
    return _send(asker, _event(asker, event_id), None)


@router.get("/labels")
def list_labels(asker: Viewer, query: Annotated[LabelQuery, Query()]) -> LabelPage:
    """Labels as they came, the newest first."""
    with asker.parts.database.reading() as connection:
        return label_page(
            connection,
            asker.reader,
            by=query.by,
            tenant=query.tenant,
            conversation_id=query.conversation_id,
            event_id=query.event_id,
            limit=query.limit,
            after=query.after,
        )


@router.get("/agreement")
def show_agreement(asker: Viewer, query: Annotated[AgreementQuery, Query()]) -> Agreement:
    """Of each pair of people, and of all together."""
    with asker.parts.database.reading() as connection:
        return agreement(
            connection, asker.reader, tenant=query.tenant, taxonomy=query.taxonomy, since_ms=ms_or_none(query.since)
        )


def _event(asker: Asker, event_id: str) -> Any:
    columns = (*Event.__table__.columns, DetailTable.source_topic_id, DetailTable.source_partition)
    with asker.parts.database.reading() as connection:
        row = connection.execute(
            select(*columns, DetailTable.source_offset)
            .join(DetailTable, DetailTable.id == Event.id)
            .where(Event.event_id == event_id, *asker.reader.narrow(Event.tenant))
        ).one_or_none()
    if row is None:
        raise no_event(event_id)
    return row


def _send(asker: Asker, row: Any, label: str | None) -> LabelWritten:
    record = EmotionLabel(
        event_id=row.event_id,
        message_id=row.message_id,
        conversation_id=row.conversation_id,
        source=Source(topic_id=row.source_topic_id, partition=row.source_partition, offset=row.source_offset),
        taxonomy=row.taxonomy,
        label=label,
        labelled_by=asker.holder.name,
        labelled_at=datetime.now(UTC),
        model_label=row.label,
        adapter=row.adapter,
    )
    partition, offset = asker.parts.ports.labels.send(record)
    shared = record.model_dump(include=set(GivenLabel.model_fields))
    given = GivenLabel(**shared, tenant=row.tenant, speaker=row.speaker, text=row.text)
    return LabelWritten(label=given, partition=partition, offset=offset)
