"""Conversations: the latest, those that turn worse, and one with its turns."""

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import Connection, select

from console.api.models.events import ConversationDetail, ConversationPage, ConversationRow
from console.queries.cursors import Position
from console.queries.events import event_details
from console.queries.expressions import AnyRow
from console.queries.reader import Reader
from console.queries.rows import DETAIL, EVENT
from console.queries.scan import Order, Search
from console.queries.times import to_time
from console.store.tables import Conversation, Event
from console.store.tables import EventDetail as DetailTable

#: Rising ones are looked for among so many of the latest; those that ended long ago rise no more.
_LATEST: Final = 2_000
_ROW: Final[Sequence[Any]] = tuple(Conversation.__table__.columns)


def recent_conversations(
    connection: Connection,
    reader: Reader,
    *,
    tenant: str | None,
    language: str | None,
    limit: int,
    after: Position | None,
) -> ConversationPage:
    """By their last message, the newest first."""
    search = Search(
        _ROW,
        Order(Conversation.last_ms, Conversation.id),
        _of_tenant(reader, tenant),
        others=[] if language is None else [Conversation.language == language],
    )
    found = search.page(connection, limit, after)
    return ConversationPage(
        conversations=tuple(_conversation(row) for row in found.rows),
        next_cursor=found.next.encode() if found.next else None,
    )


def rising_conversations(
    connection: Connection, reader: Reader, *, tenant: str | None, language: str | None, limit: int
) -> ConversationPage:
    """Those of the latest ones whose turns become more negative, the fastest first."""
    latest = (
        select(Conversation.id)
        .where(*_of_tenant(reader, tenant))
        .order_by(Conversation.last_ms.desc(), Conversation.id.desc())
        .limit(_LATEST)
        .subquery()
    )
    rows = connection.execute(
        select(*_ROW)
        .join(latest, latest.c.id == Conversation.id)
        .where(Conversation.rising > 0, *([] if language is None else [Conversation.language == language]))
        .order_by(Conversation.rising.desc(), Conversation.id.desc())
        .limit(limit)
    )
    return ConversationPage(conversations=tuple(_conversation(row) for row in rows), next_cursor=None)


def tenants_with(connection: Connection, reader: Reader, conversation_id: str, tenants: Sequence[str]) -> list[str]:
    """The tenants, of those named, that have a conversation of this id which the reader may see."""
    found = connection.execute(
        select(Conversation.tenant).where(
            Conversation.tenant.in_(tenants),
            Conversation.conversation_id == conversation_id,
            *reader.narrow(Conversation.tenant),
        )
    )
    return sorted(found.scalars())


def one_conversation(
    connection: Connection,
    reader: Reader,
    tenant: str,
    conversation_id: str,
    *,
    limit: int,
    before: Position | None,
) -> ConversationDetail | None:
    """A conversation and a page of its turns; None where there is none that the reader may see."""
    row = connection.execute(
        select(*_ROW).where(
            Conversation.tenant == tenant,
            Conversation.conversation_id == conversation_id,
            *reader.narrow(Conversation.tenant),
        )
    ).one_or_none()
    if row is None:
        return None
    turns = connection.execute(
        select(*EVENT, *DETAIL)
        .join(DetailTable, DetailTable.id == Event.id)
        .where(
            Event.tenant == tenant,
            Event.conversation_id == conversation_id,
            *([] if before is None else [Event.id < before.id]),
        )
        # In the order of their partition: the conversation's own.
        .order_by(Event.id.desc())
        .limit(limit + 1)
    ).all()
    more, turns = len(turns) > limit, turns[:limit]
    return ConversationDetail(
        conversation=_conversation(row),
        turns=tuple(event_details(connection, reader, turns[::-1])),
        next_cursor=Position(0, turns[-1].id).encode() if more else None,
    )


def _of_tenant(reader: Reader, tenant: str | None) -> list[Any]:
    """As one condition, since an index serves it."""
    given = reader.narrow(Conversation.tenant, tenant)
    if len(given) > 1 and reader.tenant != tenant:
        return [Conversation.tenant == ""]  # what nobody has
    return given[:1]


def _conversation(row: AnyRow) -> ConversationRow:
    return ConversationRow(
        conversation_id=row.conversation_id,
        tenant=row.tenant,
        language=row.language,
        turns=row.turns,
        outliers=row.outliers,
        flips=row.flips,
        corrected=row.corrected,
        negative_share=row.negative / row.turns if row.turns else 0.0,
        recent_negative=min(max(row.recent_negative, 0.0), 1.0),
        rising=min(max(row.rising, -1.0), 1.0),
        last_label=row.last_label,
        last_sentiment=row.last_sentiment,
        last_speaker=row.last_speaker,
        first_at=to_time(row.first_ms),
        last_at=to_time(row.last_ms),
    )
