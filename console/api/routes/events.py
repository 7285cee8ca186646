"""Events: a list, one of them, and live."""

from collections import Counter
from collections.abc import AsyncIterator
from http import HTTPStatus
from typing import Annotated

import structlog
from fastapi import APIRouter, Header, Path, Query, Response
from sqlalchemy.exc import SQLAlchemyError
from sse_starlette import EventSourceResponse, ServerSentEvent

from console.api.asking import Viewer
from console.api.feed import Seen
from console.api.live import Live
from console.api.models.events import EventDetail, EventPage
from console.api.parameters import EventQuery, StreamQuery, Text
from console.api.problems import ProblemError
from console.queries.events import event_page, one_event

log = structlog.get_logger()

router = APIRouter(tags=["events"])


@router.get("/events")
def list_events(asker: Viewer, query: Annotated[EventQuery, Query()]) -> EventPage:
    """Events that pass all filters, the newest first."""
    with asker.parts.database.reading() as connection:
        return event_page(
            connection, asker.reader, query.event_filter(), asker.parts.totals, limit=query.limit, after=query.after
        )


@router.get(
    "/events/stream",
    response_class=EventSourceResponse,
    responses={200: {"description": "Server-sent events.", "content": {"text/event-stream": {}}}},
)
async def stream_events(
    asker: Viewer,
    query: Annotated[StreamQuery, Query()],
    last_event_id: Annotated[str | None, Header(max_length=40)] = None,
) -> Response:
    """New events as they come: `events`, `changes` and `pulse` messages; see docs/api.md."""
    settings, open_streams = asker.parts.settings, asker.parts.open_streams
    token = asker.holder.token_id
    if open_streams[token] >= settings.console_streams:
        raise ProblemError(
            HTTPStatus.TOO_MANY_REQUESTS, "streams", f"This token has {settings.console_streams} live streams open, "
            "which is all it may have: close one.", {"Retry-After": "5"}, most=settings.console_streams,
        )  # fmt: skip
    given = last_event_id or query.last_event_id
    live = Live(
        asker, query.filter(), every=query.every, backlog=query.backlog, resume=Seen.parse(given) if given else None
    )
    return EventSourceResponse(
        _counted(live, open_streams, token),
        send_timeout=settings.console_stream_timeout_s,
        # Our own pulse comes more often than its.
        ping=3600,
        headers={"X-Accel-Buffering": "no"},
    )


@router.get("/events/{event_id}")
def show_event(asker: Viewer, event_id: Annotated[Text, Path()]) -> EventDetail:
    """All of one event."""
    with asker.parts.database.reading() as connection:
        found = one_event(connection, asker.reader, event_id)
    if found is None:
        raise no_event(event_id)
    return found


def no_event(event_id: str) -> ProblemError:
    """It is not there, or not for this reader: which of both is nobody's business."""
    return ProblemError(
        HTTPStatus.NOT_FOUND, "event", f"The store has no event {event_id} that this token sees: it may not have "
        "come yet, or be older than what is kept.", event=event_id,
    )  # fmt: skip


async def _counted(live: Live, open_streams: Counter[int], token: int) -> AsyncIterator[ServerSentEvent]:
    open_streams[token] += 1
    try:
        async for message in live.messages():
            yield message
    except SQLAlchemyError as error:
        # The client comes again by itself, and goes on from where it was.
        log.warning("stream_ends_without_the_store", error=type(error).__name__)
    finally:
        open_streams[token] -= 1
