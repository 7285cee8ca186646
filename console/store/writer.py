"""One batch of records into the database: rows, counts and offsets in one transaction."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import structlog
from sqlalchemy import Connection

from console.store.conversations import count_anew
from console.store.counts import Counts
from console.store.database import Database, is_passing
from console.store.errors import LeaseLostError
from console.store.events import Observer, StoredEvent, keep_events
from console.store.faultpoints import FaultPoints, NoFaults
from console.store.labels import PlacedLabel, apply_labels, keep_labels
from console.store.lease import WriterLease
from console.store.metrics import BATCH_SECONDS, BATCHES, OBSERVER_FAULTS, ROWS, SKIPPED
from console.store.progress import Spots, keep_spots
from console.store.retention import oldest_ms
from console.store.rows import PlacedEvent, Taxonomies

log = structlog.get_logger()

Placed = PlacedEvent | PlacedLabel


@dataclass(frozen=True, slots=True)
class Batch:
    """What was read, and what is known then.

    Attributes:
        records: of both topics, those of a partition in their order; without those that cannot be read.
        before: where reading stood.
        after: where it goes on; of partitions with progress only.
    """

    records: Sequence[Placed]
    before: Spots
    after: Spots


@dataclass(frozen=True, slots=True)
class WriterParts:
    """What a writer works with besides the database.

    Attributes:
        retention_days: 0 keeps all.
        observers: look at new events in the same transaction.
    """

    sets: Taxonomies = field(default_factory=Taxonomies)
    retention_days: float = 0.0
    observers: Sequence[Observer] = ()
    faults: FaultPoints = field(default_factory=NoFaults)


class Writer:
    """Writes while it has the lease.

    Args:
        database: the event store.
        lease: taken by the caller.
        parts: all else.
    """

    def __init__(self, database: Database, lease: WriterLease, parts: WriterParts | None = None) -> None:
        self._database = database
        self._lease = lease
        self._parts = parts or WriterParts()

    def write(self, batch: Batch) -> None:
        """Store all that is new in it, and how far reading came; all or nothing.

        A record that the database cannot take, whatever the reason, is left out, counted and named in the log.

        Raises:
            LeaseLostError: another process writes.
            SQLAlchemyError: the database is away or locked (see `is_passing`).
        """
        with BATCH_SECONDS.time():
            try:
                self._write_all(batch)
            except Exception as error:
                BATCHES.labels("failed").inc()
                if isinstance(error, LeaseLostError) or is_passing(error) or not batch.records:
                    raise
                log.warning("batch_refused", records=len(batch.records), error=_kind(error))
                self._write_all(Batch(self._storable(batch.records), batch.before, batch.after))
        BATCHES.labels("committed").inc()

    def _write_all(self, batch: Batch) -> None:
        with self._transaction() as (connection, now):
            self._keep(connection, batch.records, now)
            self._parts.faults.reach("rows_written")
            keep_spots(connection, batch.before, batch.after, now)
            self._parts.faults.reach("progress_written")
        self._parts.faults.reach("committed")

    def _keep(self, connection: Connection, records: Sequence[Placed], now: int) -> list[StoredEvent]:
        counts, parts = Counts(), self._parts
        events = [one for one in records if isinstance(one, PlacedEvent)]
        labels = [one for one in records if isinstance(one, PlacedLabel)]
        oldest = oldest_ms(now, parts.retention_days)
        stored = keep_events(connection, events, counts, parts.sets, now, oldest)
        parts.faults.reach("events_written")
        spoken_of = keep_labels(connection, labels)
        count_anew(connection, apply_labels(connection, spoken_of, counts, parts.sets))
        counts.save(connection)
        for observer in parts.observers if stored else ():
            _show(observer, connection, stored, now)
        ROWS.labels("event").inc(len(stored))
        ROWS.labels("label").inc(len(labels))
        return stored

    def _storable(self, records: Sequence[Placed]) -> list[Placed]:
        """Those that the database takes, found one by one in a transaction that is not kept."""
        return [one for one in records if self._takes(one)]

    def _takes(self, record: Placed) -> bool:
        try:
            with self._transaction() as (connection, now):
                self._keep(connection, [record], now)
                raise _UndoError  # noqa: TRY301 - the transaction must not be kept
        except _UndoError:
            return True
        except Exception as error:
            if isinstance(error, LeaseLostError) or is_passing(error):
                raise
            kind, place = type(record).__name__, record.place
            log.error(  # noqa: TRY400 - the error's text may hold what people said
                "record_refused", kind=kind, error=_kind(error), partition=place.partition, offset=place.offset
            )
            SKIPPED.labels("refused").inc()
            return False

    @contextmanager
    def _transaction(self) -> Iterator[tuple[Connection, int]]:
        with self._database.writing() as connection:
            self._lease.renew(connection)
            yield connection, round(time.time() * 1000)


def _show(observer: Observer, connection: Connection, stored: Sequence[StoredEvent], now: int) -> None:
    """A fault in it costs what it would have done, and no event."""
    try:
        with connection.begin_nested():
            observer.stored(connection, stored, now)
    except Exception as error:
        if is_passing(error):
            raise
        OBSERVER_FAULTS.inc()
        log.exception("observer_failed", observer=type(observer).__name__)


def _kind(error: Exception) -> str:
    return type(getattr(error, "orig", None) or error).__name__


class _UndoError(Exception):
    """Nothing of the trial is to be kept."""
