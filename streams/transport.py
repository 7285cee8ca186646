"""faust's Kafka clients, changed where they would lose, repeat or reorder records.

faust-streaming 0.15 leaves no setting for any of this, so private methods are overridden; pyproject.toml pins the minor
version. What each override prevents was seen on a real Kafka.
"""

import asyncio
import contextlib
import itertools
import logging
import sys
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

import faust
import uvloop
from aiokafka.client import ConnectionGroup
from aiokafka.protocol.group import LeaveGroupRequest
from aiokafka.protocol.offset import OffsetRequest
from faust.transport.drivers import aiokafka as driver
from faust.types import TP
from yarl import URL

from streams.errors import LostRangeError, SkippedRecordsError, StreamsError
from streams.named_commits import name_commits

#: Under this name its talk can be turned down together with the rest of faust's.
_LOGGER: Final = logging.getLogger("faust.transport")
_YIELD_EVERY: Final = 100
_FULL_PAUSE_S: Final = 0.005
#: aiokafka keeps one connection for each broker and name, and has two names.
_LEAVING: Final = "leaving"
#: The two event loops hand every batch to each other; by default Python lets one wait for 5 ms.
_SWITCH_S: Final = 0.0005


class Producer(driver.Producer):
    """Idempotent: a retry after a lost answer neither doubles nor reorders."""

    logger = _LOGGER

    def _settings_extra(self) -> Mapping[str, Any]:
        return {"acks": "all", "enable_idempotence": True}


class ConsumerThread(driver.AIOKafkaConsumerThread):
    """The thread that talks to the group's coordinator."""

    logger = _LOGGER

    def _create_worker_consumer(self, transport: Any) -> Any:
        consumer = super()._create_worker_consumer(transport)
        # A platform may publish in transactions; what it aborted was never said.
        consumer._isolation_level = "read_committed"  # noqa: SLF001
        client = consumer._client  # noqa: SLF001
        client.send = _past_what_waits(client.send)
        name_commits(consumer, self.app.topics_watch.topic_id)
        return consumer

    async def on_start(self) -> None:
        """Start the client, and let it ask Kafka no more often than it should."""
        sys.setswitchinterval(_SWITCH_S)
        await super().on_start()
        fetcher = self._consumer._fetcher  # noqa: SLF001
        fetcher._proc_fetch_request = _paced(fetcher._proc_fetch_request, self.app.fetch_pause_s)  # noqa: SLF001

    async def on_thread_stop(self) -> None:
        """Leave without an answer to a join: Kafka holds it back until all members have come, or are given up."""
        # None while the client has not found Kafka yet.
        coordinator = None if self._consumer is None else self._consumer._coordinator  # noqa: SLF001
        if coordinator is not None:
            task = coordinator._coordination_task  # noqa: SLF001
            task.cancel()
            await asyncio.wait([task])
        await super().on_thread_stop()

    def verify_event_path(self, now: float, tp: TP) -> None:
        """Log what stands still; not where aiokafka has just no position, for its log was cut: faust would crash."""
        with contextlib.suppress(AssertionError):
            super().verify_event_path(now, tp)


def _paced(fetch: Callable[..., Awaitable[bool]], pause_s: float) -> Callable[..., Awaitable[bool]]:
    """Ask each broker at most so often while messages come: an answer with one message costs as much as with fifty.

    The pause counts from the request before, so that what comes after a quiet moment is not held up.
    """
    asked: dict[int, float] = {}

    async def paced(assignment: Any, node: int, request: Any) -> bool:
        wait_s = asked.get(node, 0.0) + pause_s - time.monotonic()
        if wait_s > 0:
            await asyncio.sleep(wait_s)
        asked[node] = time.monotonic()
        return await fetch(assignment, node, request)

    return paced


def _past_what_waits(send: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    """A broker answers what comes on one connection in order, and some answers take their time.

    Where logs begin is asked on the coordinator's: on the other one the answer waits behind that of a fetch, 1.5 s long
    where nothing new comes. A platform's transactions leave gaps for their marks, each batch then asks, and the stream
    took 30 messages a second. The group is left on a connection of its own: on the coordinator's a join may wait.
    """

    async def send_past(node: int, request: Any, **given: Any) -> Any:
        if isinstance(request, OffsetRequest):
            given["group"] = ConnectionGroup.COORDINATION
        elif isinstance(request, LeaveGroupRequest):
            given["group"] = _LEAVING
        return await send(node, request, **given)

    return send_past


class Consumer(driver.Consumer):
    """Delivers every record after the committed offset once per assignment, or fails; never skips one.

    Each message carries ``after``: the offset before it in this process's reading of the partition.
    """

    logger = _LOGGER

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._seek_lock = asyncio.Lock()
        self._session = itertools.count(1)
        self._current = 0
        self._fetch_session = 0
        #: By partition: the last record fetched, the same before the latest fetch, and the last one delivered.
        self._fetched: dict[Any, int] = {}
        self._before_fetch: dict[Any, int] = {}
        self._delivered: dict[Any, int] = {}

    def _new_consumer_thread(self) -> Any:
        # mode would make a loop of asyncio's own.
        return ConsumerThread(self, loop=self.loop, beacon=self.beacon, thread_loop=uvloop.new_event_loop())

    def committed(self, partition: int) -> int | None:
        """The offset committed last, or found at the assignment."""
        offset: int | None = self._committed_offset[TP(self.app.intake.topic, partition)]
        return offset

    async def perform_seek(self) -> None:
        """Back to what is committed, or to the start of the log.

        faust's own leaves a partition without a commit where its reading had come to, and so lost what it threw away
        in a rebalance. A fetch never overlaps with this: its records would be of before, delivered after.
        """
        if not self.assignment():
            return
        async with self._seek_lock:
            await self.app.topics_watch.look()
            self._current = next(self._session)
            committed = {tp: offset for tp, offset in (await self.seek_to_committed()).items() if offset and offset > 0}
            fresh = [tp for tp in self.assignment() if tp not in committed]
            starts = dict(await self._thread.earliest_offsets(*fresh)) if fresh else {}
            if starts:
                await self._thread.seek_wait(starts)
            self._fetched = {tp: offset - 1 for tp, offset in (*committed.items(), *starts.items())}
            self._delivered = dict(self._fetched)
            self._read_offset.clear()
            self._committed_offset.update({TP(*tp): committed.get(tp) for tp in self._fetched})

    async def _getmany(self, active_partitions: Any, timeout: float) -> Any:  # noqa: ASYNC109 - faust's name
        async with self._seek_lock:
            records = await super()._getmany(active_partitions, timeout)
            self._fetch_session = self._current
            self._before_fetch = {tp: self._fetched[tp] for tp in records if tp in self._fetched}
            self._fetched.update({tp: found[-1].offset for tp, found in records.items() if found})
            return records

    async def _drain_messages(self, fetcher: Any) -> None:
        delivered = itertools.count(1)
        try:
            while not (self._stopped.is_set() or fetcher._stopped.is_set()):  # noqa: SLF001
                await self.sleep(0)
                self.app.intake.polled()
                async for tp, message in self.getmany(timeout=1.0):
                    if next(delivered) % _YIELD_EVERY == 0:
                        await asyncio.sleep(0)
                    if not await self._deliver(tp, message):
                        break
        except self.consumer_stopped_errors:
            if not self.app.should_stop:
                raise
        except StreamsError as error:
            self.app.intake.fail(error)

    async def _deliver(self, tp: Any, message: Any) -> bool:
        """Hand over one message, unless a rebalance has made it stale."""
        while self.app.intake.is_full and self._is_current():  # noqa: ASYNC110 - a rebalance ends it too
            await asyncio.sleep(_FULL_PAUSE_S)
        if not self._is_current():
            return False
        message.after = self._predecessor(tp, message.offset)
        if message.offset - message.after > 1:
            await self._add_gap(TP(*tp), message.after + 1, message.offset - 1)
            if not self._is_current():
                return False
        self.app.intake.add(message)
        # Nothing suspends in here while the flow is active and the queue has room, so the session stays the same.
        await self.callback(message)
        self._delivered[tp] = self._read_offset[TP(*tp)] = message.offset
        return True

    def _is_current(self) -> bool:
        return bool(self.flow_active) and self._fetch_session == self._current

    def _predecessor(self, tp: Any, offset: int) -> int:
        """The offset before this one in what the broker sent.

        Raises:
            SkippedRecordsError: a record was fetched and then not delivered.
            LostRangeError: the log goes back, because it was cut off at its end or made anew.
        """
        delivered = self._delivered.get(tp, offset - 1)
        after = self._before_fetch.pop(tp, delivered)
        if after != delivered:
            msg = f"records {delivered + 1} to {after} of {tp} were fetched and then dropped; start again to read them"
            raise SkippedRecordsError(msg)
        if offset <= after:
            msg = (
                f"{tp} goes on at offset {offset} after {after}: its log was cut at the end, or it was made anew. "
                "With --accept-loss the stream goes on from its start."
            )
            if not self.app.intake.accepts_loss:
                raise LostRangeError(msg)
            return offset - 1
        return after


class Transport(driver.Transport):
    """Both clients."""

    Consumer = Consumer
    Producer = Producer


def use_transport(app: faust.App, bootstrap_servers: str) -> None:
    """Let an app use these clients."""
    addresses = [URL(f"kafka://{one.strip()}") for one in bootstrap_servers.split(",")]
    app.transport = Transport(addresses, app)
    app.producer_transport = Transport(addresses, app)
