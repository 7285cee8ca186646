"""Conversations and their turns; shares over time."""

from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query
from pydantic import Field

from console.api.asking import Viewer
from console.api.models.events import ConversationDetail, ConversationPage
from console.api.models.trends import Trends
from console.api.parameters import Page, Parameters, Text, Time
from console.api.problems import ProblemError
from console.queries.conversations import (
    one_conversation,
    recent_conversations,
    rising_conversations,
    tenants_with,
)
from console.queries.times import to_ms
from console.queries.trends import BucketName, Span, trends

router = APIRouter(tags=["conversations"])


class ConversationQuery(Page):
    """Of a list of conversations."""

    sort: Literal["recent", "rising"] = "recent"
    tenant: Text | None = None
    language: Text | None = None


class TurnQuery(Page):
    """Of one conversation's turns."""

    tenant: Text | None = Field(default=None, description="Needed where several tenants have one of this id.")
    limit: int = Field(default=100, ge=1, le=200)


class TrendQuery(Parameters):
    """Of shares over time."""

    bucket: BucketName | None = Field(default=None, description="Left out: what suits the span.")
    since: Time | None = Field(default=None, description="Left out: a day before `until`.")
    until: Time | None = Field(default=None, description="Left out: now.")
    tenant: Text | None = None
    language: Text | None = None


@router.get("/conversations")
def list_conversations(asker: Viewer, query: Annotated[ConversationQuery, Query()]) -> ConversationPage:
    """The latest, or those of the latest ones that turn worse."""
    with asker.parts.database.reading() as connection:
        if query.sort == "rising":
            return rising_conversations(
                connection, asker.reader, tenant=query.tenant, language=query.language, limit=query.limit
            )
        return recent_conversations(
            connection,
            asker.reader,
            tenant=query.tenant,
            language=query.language,
            limit=query.limit,
            after=query.after,
        )


@router.get("/conversations/{conversation_id:path}")
def show_conversation(
    asker: Viewer, conversation_id: Annotated[Text, Path()], query: Annotated[TurnQuery, Query()]
) -> ConversationDetail:
    """A conversation with a page of its turns."""
    parts, reader = asker.parts, asker.reader
    with parts.database.reading() as connection:
        known = [query.tenant] if query.tenant else sorted(parts.totals.get(connection).events)
        if reader.tenant is not None:
            known = [one for one in known if one == reader.tenant] or ([reader.tenant] if not query.tenant else [])
        tenants = tenants_with(connection, reader, conversation_id, known)
        if len(tenants) > 1:
            raise ProblemError(
                HTTPStatus.CONFLICT,
                "which-tenant",
                "Several tenants have a conversation of this id: say which by `tenant`.",
            )
        found = tenants and one_conversation(
            connection, reader, tenants[0], conversation_id, limit=query.limit, before=query.after
        )
    if not found:
        raise ProblemError(
            HTTPStatus.NOT_FOUND, "conversation", "The store has no conversation of this id that this token sees."
        )
    return found


@router.get("/trends", tags=["trends"])
def show_trends(asker: Viewer, query: Annotated[TrendQuery, Query()]) -> Trends:
    """Shares per label over time, by tenant and by language; outliers and flips."""
    until = query.until or datetime.now(UTC)
    since = query.since or max(until - timedelta(days=1), datetime(1971, 1, 1, tzinfo=UTC))
    if since >= until:
        raise ProblemError(HTTPStatus.UNPROCESSABLE_ENTITY, "span", "`since` must be before `until`.")
    span = Span.of(to_ms(since), to_ms(until), query.bucket)
    with asker.parts.database.reading() as connection:
        return trends(connection, asker.reader, span, tenant=query.tenant, language=query.language)
