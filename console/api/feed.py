"""New events as the store takes them, for all live streams of this process.

One reader follows the database and keeps the latest events in memory, each written out once. A stream has no queue of
its own, which a slow client could make grow: it has a place, and takes what is there when it can. What it is too late
for it reads from the database, or leaves out, as its client has asked for.
"""

import asyncio
import contextlib
import time
from collections import Counter, deque
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Final

import structlog
from anyio import to_thread
from sqlalchemy.exc import SQLAlchemyError

from console.queries.events import events_after, newest_ids
from console.queries.expressions import AnyRow
from console.queries.rows import event_row
from console.store.database import Database

log = structlog.get_logger()

_POLL_S: Final = 0.2
_KEPT: Final = 5_000
_AT_ONCE: Final = 1_000
#: Two numbers of 63 bits and the hyphen.
_ID_CHARACTERS: Final = 39
#: Of the rate that is shown.
_RATE_S: Final = 10.0


@dataclass(frozen=True, slots=True)
class Told:
    """An event and how it is written, for whoever has not labelled it."""

    row: AnyRow
    json: str

    @classmethod
    def of(cls, row: AnyRow) -> "Told":
        """Written out now."""
        return cls(row, event_row(row, {}).model_dump_json())


@dataclass(frozen=True, slots=True)
class Seen:
    """How far somebody has read: the last event, and the last record of a person's label."""

    event: int
    label: int

    def __str__(self) -> str:
        return f"{self.event}-{self.label}"

    @classmethod
    def parse(cls, text: str) -> "Seen | None":
        """What `str` made; None for anything else."""
        event, _, label = text.partition("-")
        short = len(text) <= _ID_CHARACTERS and text.isascii()
        return cls(int(event), int(label)) if short and event.isdigit() and label.isdigit() else None


class Feed:
    """Follows the store while somebody listens.

    Attributes:
        newest: how far the store is.
        stopping: set at the end of the process: streams end by themselves.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self.newest = Seen(0, 0)
        self.stopping = asyncio.Event()
        self._kept: deque[Told] = deque(maxlen=_KEPT)
        #: The event before the first that is kept.
        self._before_kept = 0
        self._counted: deque[tuple[float, Counter[str]]] = deque()
        self._listeners = 0
        self._task: asyncio.Task[None] | None = None
        self._changed = asyncio.Event()
        self._starting = asyncio.Lock()

    @contextlib.asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        """The store is followed for the length of the block."""
        self._listeners += 1
        try:
            async with self._starting:
                if self._task is None or self._task.done():
                    await self._begin()
                    self._task = asyncio.create_task(self._follow())
            yield
        finally:
            self._listeners -= 1

    async def wait(self, seen: Seen, seconds: float) -> None:
        """Until there is something that comes after, for so long at most."""
        if self.newest.event > seen.event or self.newest.label > seen.label or self.stopping.is_set():
            return
        changed = self._changed
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(changed.wait(), seconds)

    def kept_after(self, event: int) -> Sequence[Told] | None:
        """What came after an event; None where it goes back further than what is kept."""
        if event < self._before_kept:
            return None
        found: list[Told] = []
        for one in reversed(self._kept):
            if one.row.id <= event:
                break
            found.append(one)
        return found[::-1]

    def first_kept(self) -> int:
        """The event before the first that is kept."""
        return self._before_kept

    def per_second(self, tenant: str | None) -> float:
        """Events that the store took lately, of one tenant or of all."""
        now = time.monotonic()
        recent = [(at, counts) for at, counts in self._counted if at > now - _RATE_S]
        count = sum(counts.total() if tenant is None else counts[tenant] for _, counts in recent)
        return count / _RATE_S

    def stop(self) -> None:
        """Let all streams end."""
        self.stopping.set()
        self._wake()

    async def _begin(self) -> None:
        self.newest = Seen(*await to_thread.run_sync(self._newest))
        self._kept.clear()
        self._before_kept = self.newest.event

    async def _follow(self) -> None:
        while self._listeners and not self.stopping.is_set():
            try:
                took = await self._take()
            except SQLAlchemyError as error:
                log.warning("feed_waits_for_the_store", error=type(error).__name__)
                took = 0
            if took < _AT_ONCE:
                await asyncio.sleep(_POLL_S)

    async def _take(self) -> int:
        """Whatever is new; says how many events."""
        found, label = await to_thread.run_sync(self._read)
        if found:
            if len(self._kept) + len(found) > _KEPT:
                # The last of those that fall out.
                self._before_kept = [*self._kept, *found][len(self._kept) + len(found) - _KEPT - 1].row.id
            self._kept.extend(found)
            now = time.monotonic()
            self._counted.append((now, Counter(one.row.tenant for one in found)))
            while self._counted and self._counted[0][0] < now - _RATE_S:
                self._counted.popleft()
        if found or label != self.newest.label:
            self.newest = Seen(found[-1].row.id if found else self.newest.event, label)
            self._wake()
        return len(found)

    def _wake(self) -> None:
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()

    def _newest(self) -> tuple[int, int]:
        with self._database.reading() as connection:
            return newest_ids(connection)

    def _read(self) -> tuple[list[Told], int]:
        with self._database.reading() as connection:
            event, label = newest_ids(connection)
            if event <= self.newest.event:
                return [], label
            return [Told.of(row) for row in events_after(connection, self.newest.event, _AT_ONCE)], label
