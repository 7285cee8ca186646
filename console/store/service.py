"""The event store: writes while it has the lease, stands by while another has, waits while things are away."""

import threading
import time
from collections.abc import Sequence
from typing import Final, Literal

import structlog
from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from console.settings import StoreSettings
from console.store.database import Database, database_url, is_passing
from console.store.errors import LeaseLostError, StoreError, StoreTopicError
from console.store.events import Observer
from console.store.faultpoints import FaultPoints, NoFaults
from console.store.following import Following
from console.store.lease import WriterLease
from console.store.metrics import DATABASE_AWAY, LAG_SECONDS, WRITER
from console.store.migrate import migrate
from console.store.rows import Taxonomies
from console.store.topic_facts import TopicsAdmin
from console.store.writer import Writer, WriterParts
from schemas.kafka_refusals import login_refusal

log = structlog.get_logger()

State = Literal["starting", "following", "standing by", "waiting for Kafka", "waiting for the database", "stopped"]

_FIRST_PAUSE_S: Final = 0.1
_LONGEST_PAUSE_S: Final = 5.0


class StoreService:
    """Runs until it is told to stop, on the caller's thread.

    Args:
        settings: of the store.
        observers: look at new events in the transaction that stores them.
        faults: what a test injects.
        stopping: set it to end `run` after the batch.

    Attributes:
        state: what it does now.
        turned_at: when its loop last turned, by the monotonic clock.
    """

    def __init__(
        self,
        settings: StoreSettings,
        observers: Sequence[Observer] = (),
        faults: FaultPoints | None = None,
        stopping: threading.Event | None = None,
    ) -> None:
        self._settings = settings
        self._faults = faults or NoFaults()
        self._observers = observers
        self._stopping = stopping or threading.Event()
        self._database = Database(database_url(settings))
        self._lease = WriterLease(self._database, settings.store_lease_seconds)
        self.writer = self._make_writer()
        self.state: State = "starting"
        self._migrated = False
        self.turned_at: float | None = None

    def stop(self) -> None:
        """Finish the batch and return from `run`; safe from a signal handler."""
        self._stopping.set()

    def run(self) -> None:
        """Work until `stop`.

        Raises:
            StoreError: the settings or the database do not fit, which waiting does not mend.
        """
        if refusal := login_refusal(self._settings, AdminClient):
            raise StoreError(refusal)
        pause = _FIRST_PAUSE_S
        try:
            while not self._stopping.is_set():
                self.turned_at = time.monotonic()
                if self._turn():
                    pause = _FIRST_PAUSE_S
                    continue
                self._stopping.wait(pause)
                pause = min(pause * 2, _LONGEST_PAUSE_S)
        finally:
            self._end()

    def _turn(self) -> bool:
        """Follow the topics for as long as that goes well; False where it cannot be begun, or failed at something."""
        try:
            self._migrate_once()
            if not self._lease.take():
                self._stand_by()
                return True
            DATABASE_AWAY.set(0)
            WRITER.set(1)
            with Following(
                self._settings, self._database, self.writer, self._faults, TopicsAdmin(self._settings)
            ) as it:
                self.state = "following"
                while not self._stopping.is_set():
                    self.turned_at = time.monotonic()
                    it.step(self._lease.every_s)
        except LeaseLostError as error:
            log.warning("writer_fenced", detail=str(error))
        except (StoreTopicError, KafkaException) as error:
            self.state = "waiting for Kafka"
            log.warning("kafka_unavailable", detail=str(error))
        except Exception as error:
            if not is_passing(error):
                raise
            self.state = "waiting for the database"
            DATABASE_AWAY.set(1)
            log.warning("database_unavailable", error=type(error).__name__, detail=str(getattr(error, "orig", error)))
        else:
            return True
        finally:
            WRITER.set(0)
        return False

    def _migrate_once(self) -> None:
        if not self._migrated:
            migrate(self._database)
            self._migrated = True

    def _stand_by(self) -> None:
        if self.state != "standing by":
            log.info("standing_by")
        self.state = "standing by"
        LAG_SECONDS.set(0)
        self._stopping.wait(self._lease.every_s)

    def _end(self) -> None:
        self.state = "stopped"
        try:
            self._lease.give_back()
        except Exception as error:
            if not is_passing(error):
                raise
            log.warning("lease_kept", error=type(error).__name__)
        self._database.close()

    def _make_writer(self) -> Writer:
        parts = WriterParts(
            sets=Taxonomies(self._settings.taxonomies),
            retention_days=self._settings.store_retention_days,
            observers=self._observers,
            faults=self._faults,
        )
        return Writer(self._database, self._lease, parts)
