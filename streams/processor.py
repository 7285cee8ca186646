"""One batch from end to end, without faust: windows, requests, confirmed sends. What comes after is the commit."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Protocol

import structlog

from streams.batch import BatchBuilder, Outgoing, Share
from streams.errors import LostRangeError
from streams.faultpoints import FaultPoints
from streams.metrics import BATCH_MESSAGES, BATCH_SECONDS, CONSUMED, REQUESTS
from streams.rebuild import Rebuilder
from streams.records import Record
from streams.torn_conversations import TornConversations
from streams.window import Found, Lost, WindowStore

if TYPE_CHECKING:
    from streams.traces import StreamTraces

log = structlog.get_logger()


class LogPositions(Protocol):
    """What the processor asks of the consumer."""

    def committed(self, partition: int) -> int | None:
        """The partition's committed offset."""

    async def log_start(self, partition: int) -> int:
        """The first offset that Kafka still has."""


class Processor:
    """Handles batches one after another."""

    def __init__(
        self,
        batches: BatchBuilder,
        store: WindowStore,
        rebuilder: Rebuilder,
        send: Callable[[Sequence[Sequence[Outgoing]]], Awaitable[None]],
        faults: FaultPoints,
        *,
        partitions: int,
        accept_loss: bool,
        traces: "StreamTraces | None" = None,
    ) -> None:
        self._batches = batches
        self._store = store
        self._rebuilder = rebuilder
        self._send = send
        self._faults = faults
        self._accept_loss = accept_loss
        self._partitions = partitions
        self._counted = False
        self._torn = TornConversations()
        self._traces = traces

    async def process(self, records: Sequence[Record], positions: LogPositions) -> None:
        """Returns when Kafka has confirmed every request, and raises otherwise.

        Raises:
            StreamsError: nothing of this batch may be committed, and nothing after it sent.
        """
        with BATCH_SECONDS.time():
            received_at = datetime.now(UTC).isoformat()
            trace = self._traces.batch(len(records)) if self._traces is not None else None
            await self._check_nothing_lost(records, positions)
            shares = self._batches.shares(records, lambda partition: positions.committed(partition) or 0)
            await self._count_partitions()
            windows = await self._windows(shares, positions)
            self._torn.look(share.work for share in shares)
            await self._faults.reached("after_window")
            if trace is not None:
                trace.windows_found()
            outgoing = [list(self._batches.requests(*one, received_at)) for one in zip(shares, windows, strict=True)]
            if trace is not None:
                outgoing = trace.carried(shares, outgoing)
            await self._send(outgoing)
            if trace is not None:
                trace.confirmed()
            await self._faults.reached("after_send")
        CONSUMED.inc(len(records))
        REQUESTS.inc(len(records))
        BATCH_MESSAGES.observe(len(records))

    async def _count_partitions(self) -> None:
        """Once, before the first window: what was said before partitions were added may stand in another one."""
        if not self._counted:
            if await self._store.count_partitions(self._batches.topic_id, self._partitions):
                log.warning("partitions_were_added", partitions=self._partitions)
            self._counted = True

    async def _windows(self, shares: Sequence[Share], positions: LogPositions) -> list[Found]:
        while True:
            replies = await self._store.exchange([share.work for share in shares])
            lost = [(share, reply) for share, reply in zip(shares, replies, strict=True) if isinstance(reply, Lost)]
            if not lost:
                return [reply for reply in replies if isinstance(reply, Found)]
            for share, reply in lost:
                await self._check_commit_kept(share, reply, positions)
                await self._rebuilder.rebuild(share.work)

    async def _check_commit_kept(self, share: Share, reply: Lost, positions: LogPositions) -> None:
        """Without a commit the stream started at the log's start: is that behind where it had been?"""
        work = share.work
        if positions.committed(work.partition) is None and 0 <= reply.reached < work.after:
            self._lost(work.partition, reply.reached + 1, work.after)

    async def _check_nothing_lost(self, records: Sequence[Record], positions: LogPositions) -> None:
        """A gap between offsets is mostly a transaction's mark; behind the log's start it is a loss."""
        asked: set[int] = set()
        for record in records:
            if record.offset == record.after + 1 or record.partition in asked:
                continue
            asked.add(record.partition)
            start = await positions.log_start(record.partition)
            if record.after + 1 < start:
                self._lost(record.partition, record.after + 1, min(start, record.offset) - 1)

    def _lost(self, partition: int, first: int, last: int) -> None:
        if self._accept_loss:
            log.error("messages_lost", partition=partition, first=first, last=last)
            return
        msg = (
            f"Kafka deleted offsets {first} to {last} of partition {partition} of chat.messages before the stream had "
            "read them. Raise the topic's retention; --accept-loss goes on without them."
        )
        raise LostRangeError(msg)
