"""Following the topics, batch by batch, from where the database stands."""

import time
from types import TracebackType
from typing import Final, Self

import structlog

from console.settings import StoreSettings
from console.store.database import Database
from console.store.errors import StoreTopicError
from console.store.faultpoints import FaultPoints
from console.store.metrics import LAG_SECONDS
from console.store.progress import Spot, stored_spots
from console.store.reading import understand
from console.store.retention import oldest_ms, remove_some
from console.store.source import Record, TopicSource, spots_after
from console.store.topic_facts import TopicsAdmin
from console.store.writer import Batch, Writer

log = structlog.get_logger()

_WAIT_S: Final = 0.5
#: Partitions are added and topics made anew seldom.
_LOOK_S: Final = 30.0
_CLEAN_S: Final = 300.0
#: Between two small deletions, so that records do not wait for them.
_CLEAN_MORE_S: Final = 0.2


class Following:
    """For the length of a `with` block.

    Args:
        settings: of the store.
        database: the event store.
        writer: that holds the lease.
        faults: what a test injects.
        admin: knows the topics.
    """

    def __init__(
        self, settings: StoreSettings, database: Database, writer: Writer, faults: FaultPoints, admin: TopicsAdmin
    ) -> None:
        self._settings = settings
        self._database = database
        self._writer = writer
        self._faults = faults
        self._admin = admin
        self._topics = (settings.events, settings.labels)

    def __enter__(self) -> Self:
        """Find out where reading stands, and begin there."""
        self._facts = self._admin.facts(self._topics)
        with self._database.reading() as connection:
            self._spots: dict[tuple[str, int], Spot] = stored_spots(connection)
        self._source = TopicSource(self._settings, self._facts, self._spots)
        now = time.monotonic()
        self._wrote_at, self._look_at, self._clean_at = now, now + _LOOK_S, now
        log.info("following", topics=self._topics, partitions=sum(one.partitions for one in self._facts.values()))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Let go of Kafka."""
        self._source.close()

    def step(self, renew_s: float) -> None:
        """Take and store what there is; look after the lease, the topics and the retention when it is time.

        Raises:
            LeaseLostError: another process writes.
            StoreTopicError: the topics are not what they were: begin again.
            KafkaException: they cannot be read.
            SQLAlchemyError: the database is away (see `is_passing`).
        """
        wait = min(_WAIT_S, renew_s / 2)
        records = self._source.take(self._settings.store_batch, wait, self._settings.store_linger_ms / 1000)
        if records:
            self._faults.reach("batch_taken")
        now = time.monotonic()
        if records or now - self._wrote_at >= renew_s:
            self._write(records)
            self._wrote_at = now
        LAG_SECONDS.set(self._source.lag_seconds())
        if now >= self._look_at:
            self._look_at = now + _LOOK_S
            self._look()
        if self._settings.store_retention_days and now >= self._clean_at:
            self._clean(now)

    def _write(self, records: list[Record]) -> None:
        found = understand(records, self._settings, self._facts)
        for topic, partition in found.foreign:
            self._source.hold(topic, partition)
        after = spots_after(found.taken, self._facts)
        self._writer.write(Batch(found.placed, self._spots, after))
        self._spots.update(after)
        self._source.tell(after)
        if after:
            self._faults.reach("told_kafka")

    def _look(self) -> None:
        if (found := self._admin.facts(self._topics)) != self._facts:
            raise StoreTopicError(f"the topics have changed: {self._facts} before, {found} now. Reading begins again")

    def _clean(self, now: float) -> None:
        cutoff = oldest_ms(round(time.time() * 1000), self._settings.store_retention_days)
        more = remove_some(self._database, cutoff)
        self._clean_at = now + (_CLEAN_MORE_S if more else _CLEAN_S)
