"""Windows that Redis has lost, made again from ``chat.messages`` before the partition goes on."""

import asyncio
import time
from collections.abc import Sequence
from typing import Any, Final

import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from streams.batch import BatchBuilder
from streams.errors import RebuildError
from streams.faultpoints import FaultPoints
from streams.kafka_security import aiokafka_options
from streams.metrics import REBUILDS, REBUILT
from streams.records import Record
from streams.settings import StreamsSettings
from streams.window import PartitionWork, WindowStore

log = structlog.get_logger()

_CHUNK: Final = 1000
_POLL_MS: Final = 1000
_LEAVE_S: Final = 1.0


class Rebuilder:
    """Reads a partition again, up to where the stream stands."""

    def __init__(
        self, settings: StreamsSettings, batches: BatchBuilder, store: WindowStore, faults: FaultPoints
    ) -> None:
        self._settings = settings
        self._batches = batches
        self._store = store
        self._faults = faults
        self._stopping: set[asyncio.Task[None]] = set()

    async def rebuild(self, work: PartitionWork) -> None:
        """Add the turns up to ``work.after`` to the windows, as if Redis had never lost them.

        Raises:
            RebuildError: it took too long, or Kafka could not be read.
        """
        log.warning("windows_lost", partition=work.partition, position=work.after + 1)
        deadline = self._settings.rebuild_deadline_s
        try:
            async with asyncio.timeout(deadline):
                read, lost_at = await self._read_again(work)
                await self._store.mark_rebuilt(work, lost_at)
        except TimeoutError:
            msg = f"the windows of partition {work.partition} were not rebuilt within {deadline:.0f} s"
            raise RebuildError(f"{msg}: raise REBUILD_DEADLINE_S or lower REBUILD_MESSAGES") from None
        except KafkaError as error:
            raise RebuildError(f"chat.messages could not be read again: {error}") from error
        REBUILDS.inc()
        log.info("windows_rebuilt", partition=work.partition, messages=read, complete=lost_at is None)

    async def _read_again(self, work: PartitionWork) -> tuple[int, float | None]:
        place = TopicPartition(self._settings.messages, work.partition)
        consumer = AIOKafkaConsumer(
            **aiokafka_options(self._settings),
            enable_auto_commit=False,
            isolation_level="read_committed",
            auto_offset_reset="earliest",
            max_partition_fetch_bytes=8 * 1024 * 1024,
        )
        await consumer.start()
        try:
            consumer.assign([place])
            log_start = (await consumer.beginning_offsets([place]))[place]
            start = max(log_start, work.after + 1 - self._settings.rebuild_messages)
            consumer.seek(place, start)
            lost_at: float | None = None
            read = 0
            while await consumer.position(place) <= work.after:
                fetched = await consumer.getmany(place, timeout_ms=_POLL_MS, max_records=_CHUNK)
                found = [one for one in fetched.get(place, []) if one.offset <= work.after]
                if found and lost_at is None and start > 0:
                    lost_at = found[0].timestamp / 1000
                read += len(found)
                await self._add(work, found)
                await self._faults.reached("in_rebuild")
            if start > 0 and lost_at is None:
                lost_at = await self._time_of_next(consumer, place)
        finally:
            await self._leave(consumer)
        return read, lost_at

    async def _leave(self, consumer: AIOKafkaConsumer) -> None:
        """Over TLS the end of a connection may wait for the broker's good-bye, 30 s by asyncio: work goes on before."""
        stopping = asyncio.create_task(consumer.stop())
        self._stopping.add(stopping)
        stopping.add_done_callback(self._stopping.discard)
        await asyncio.wait({stopping}, timeout=_LEAVE_S)

    async def _time_of_next(self, consumer: AIOKafkaConsumer, place: TopicPartition) -> float:
        """Nothing could be read again: all before the next record is gone."""
        fetched = await consumer.getmany(place, timeout_ms=_POLL_MS, max_records=1)
        records = fetched.get(place, [])
        return float(records[0].timestamp / 1000) if records else time.time()

    async def _add(self, work: PartitionWork, found: Sequence[Any]) -> None:
        if not found:
            return
        records = [
            Record(work.partition, one.offset, one.offset - 1, one.timestamp / 1000, one.key, one.value)
            for one in found
        ]
        for share in self._batches.shares(records, lambda _: work.floor):
            adding = [group for group in share.work.groups if group.entries]
            await self._store.exchange(
                [
                    PartitionWork(
                        topic_id=work.topic_id,
                        partition=work.partition,
                        after=-1,
                        # What was reached is only said at the end: a rebuild that dies half-way starts again.
                        last=-1,
                        floor=work.floor,
                        groups=adding,
                        check=False,
                    )
                ]
            )
        REBUILT.inc(len(records))
