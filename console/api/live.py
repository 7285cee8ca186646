"""One client's live stream: server-sent events out of the feed, from where the client was."""

import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import structlog
from anyio import to_thread
from sqlalchemy.exc import SQLAlchemyError
from sse_starlette import ServerSentEvent

from console.api.context import Asker
from console.api.feed import Seen, Told
from console.api.models.events import StreamChanges, StreamPulse
from console.queries.events import events_after, latest_events, newest_ids, relabelled_after
from console.queries.filters import EventFilter
from console.queries.health import ages
from console.queries.rows import event_row, my_labels

log = structlog.get_logger()

_PULSE_S: Final = 2.0
#: How often a token is looked at again.
_CHECK_S: Final = 10.0
#: Of one message where not every event is wanted.
_MOST_SHOWN: Final = 200
_AT_ONCE: Final = 500
#: What a browser waits before it connects again.
_RETRY_MS: Final = 2_000


@dataclass(slots=True)
class Live:
    """The messages of one stream.

    Args:
        asker: whose.
        asked: the filters, not narrowed yet.
        every: leave out nothing, however slow the client is.
        backlog: so many of the latest events come first.
        resume: where the client was; None for a new one.
    """

    asker: Asker
    asked: EventFilter
    every: bool
    backlog: int
    resume: Seen | None

    async def messages(self) -> AsyncIterator[ServerSentEvent]:
        """Until the client goes, the token ends, or the console does."""
        feed = self.asker.parts.feed
        async with feed.listening():
            wanted = self.asked.for_reader(self.asker.reader)
            newest = await self._newest()
            if self.resume is not None and (self.resume.event > newest.event or self.resume.label > newest.label):
                yield _message("reset", "{}", newest)
                self.resume = None
            if self.resume is None:
                yield _events(await to_thread.run_sync(self._backlog), 0, newest, retry=_RETRY_MS)
            seen = self.resume or newest
            pulse_at, check_at = 0.0, time.monotonic() + _CHECK_S
            while not feed.stopping.is_set():
                if time.monotonic() >= check_at:
                    if not await to_thread.run_sync(self._is_good):
                        return
                    check_at = time.monotonic() + _CHECK_S
                if time.monotonic() >= pulse_at:
                    yield await self._pulse(seen)
                    pulse_at = time.monotonic() + _PULSE_S
                seen, message = await self._new_events(seen, wanted, every=self.every or seen.event < newest.event)
                if message is not None:
                    yield message
                if feed.newest.label > seen.label:
                    seen, changes = await to_thread.run_sync(self._changes, seen, wanted)
                    if changes.events:
                        yield _message("changes", changes.model_dump_json(), seen)
                await feed.wait(seen, max(pulse_at - time.monotonic(), 0.01))

    async def _new_events(self, seen: Seen, wanted: EventFilter, *, every: bool) -> tuple[Seen, ServerSentEvent | None]:
        """What came since and passes the filters; None where nothing does."""
        last, told, skipped = await self._next(seen.event, every=every)
        seen = Seen(last, seen.label)
        shown = [one for one in told if wanted.passes(one.row)]
        cut = 0 if every else max(len(shown) - _MOST_SHOWN, 0)
        return seen, _events(shown[cut:], skipped + cut, seen) if shown else None

    async def _next(self, last: int, *, every: bool) -> tuple[int, Sequence[Told], int]:
        """The events after one, where that ends, and how many were left out because they are not kept any more."""
        feed = self.asker.parts.feed
        told = feed.kept_after(last)
        if told is not None:
            return (told[-1].row.id if told else last), told, 0
        if not every:
            first = feed.first_kept()
            kept = feed.kept_after(first) or ()
            return (kept[-1].row.id if kept else first), kept, first - last
        rows = await to_thread.run_sync(self._stored_after, last)
        return (rows[-1].row.id if rows else feed.newest.event), rows, 0

    async def _pulse(self, seen: Seen) -> ServerSentEvent:
        reader = self.asker.reader
        try:
            total, newest = await to_thread.run_sync(self._totals)
        except SQLAlchemyError as error:
            log.warning("pulse_without_the_store", error=type(error).__name__)
            total, newest = 0, None
        pulse = StreamPulse(
            server_time=datetime.now(UTC),
            per_second=self.asker.parts.feed.per_second(reader.tenant),
            total=total,
            newest_sent_at=newest,
        )
        return _message("pulse", pulse.model_dump_json(), seen)

    async def _newest(self) -> Seen:
        """The feed may be a moment behind the page that the client has loaded."""
        return Seen(*await to_thread.run_sync(self._newest_ids))

    def _newest_ids(self) -> tuple[int, int]:
        with self.asker.parts.database.reading() as connection:
            return newest_ids(connection)

    def _is_good(self) -> bool:
        return self.asker.parts.tokens.is_good(self.asker.holder)

    def _backlog(self) -> list[Told]:
        if not self.backlog:
            return []
        parts, reader = self.asker.parts, self.asker.reader
        with parts.database.reading() as connection:
            rows = latest_events(connection, reader, self.asked, parts.totals, self.backlog)
            mine = my_labels(connection, reader.name, (row.event_id for row in rows))
        return [Told(row, event_row(row, mine).model_dump_json()) for row in rows]

    def _stored_after(self, last: int) -> list[Told]:
        with self.asker.parts.database.reading() as connection:
            return [Told.of(row) for row in events_after(connection, last, _AT_ONCE)]

    def _changes(self, seen: Seen, wanted: EventFilter) -> tuple[Seen, StreamChanges]:
        """Those that the reader may see, whatever its other filters: a label may have left or entered them."""
        tenants = EventFilter(tenants=wanted.tenants)
        with self.asker.parts.database.reading() as connection:
            label, rows = relabelled_after(connection, seen.label, _AT_ONCE)
            visible = [row for row in rows if tenants.passes(row)]
            mine = my_labels(connection, self.asker.reader.name, (row.event_id for row in visible))
        return Seen(seen.event, label), StreamChanges(events=tuple(event_row(row, mine) for row in visible))

    def _totals(self) -> tuple[int, datetime | None]:
        parts, reader = self.asker.parts, self.asker.reader
        with parts.database.reading() as connection:
            return parts.totals.get(connection).of(reader.tenant), ages(connection, reader).newest


def _events(told: Sequence[Told], skipped: int, seen: Seen, retry: int | None = None) -> ServerSentEvent:
    # Put together from what was written out once for all streams.
    data = f'{{"events":[{",".join(one.json for one in told)}],"skipped":{skipped}}}'
    return _message("events", data, seen, retry)


def _message(name: str, data: str, seen: Seen, retry: int | None = None) -> ServerSentEvent:
    return ServerSentEvent(data=data, event=name, id=str(seen), retry=retry, sep="\n")
