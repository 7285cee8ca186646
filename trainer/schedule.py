"""Refreshes at the times that a cron expression names, one after the other."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Protocol
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import structlog
from croniter import CroniterBadDateError, croniter  # type: ignore[import-untyped]
from prometheus_client import Counter, Gauge

from trainer.errors import MisconfiguredError

log = structlog.get_logger()

_TURN_S: Final = 0.2
_FIELDS: Final = 5

REFRESHES: Final = Counter("sentistream_trainer_refreshes", "Refreshes that ended, by what they came to.", ["status"])
SKIPPED: Final = Counter("sentistream_trainer_skipped", "Times of the schedule at which a refresh was still running.")
LAST_ENDED: Final = Gauge("sentistream_trainer_last_ended_seconds", "When a refresh last ended so.", ["status"])
REFRESH_SECONDS: Final = Gauge("sentistream_trainer_refresh_seconds", "How long the last refresh took.")
RUNNING: Final = Gauge("sentistream_trainer_running", "1 while a refresh is running.")


class Schedule:
    """The times of a cron expression in a time zone."""

    def __init__(self, cron: str, timezone: str) -> None:
        """Read them.

        Raises:
            MisconfiguredError: no such zone, or no cron expression of five fields.
        """
        try:
            self._zone = ZoneInfo(timezone)
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:
            raise MisconfiguredError(f"TRAINER_TIMEZONE: no time zone {timezone!r}; write Europe/Berlin") from error
        if len(cron.split()) != _FIELDS or not croniter.is_valid(cron):
            raise MisconfiguredError(
                f"TRAINER_CRON: {cron!r} is no cron expression: write minute, hour, day of the month, month and day "
                'of the week, as "0 3 * * *"'
            )
        self._cron = cron

    def after(self, moment: datetime) -> datetime:
        """The first time after ``moment``, in the schedule's zone.

        Raises:
            MisconfiguredError: there is none, as with 30 February.
        """
        try:
            found: datetime = croniter(self._cron, moment.astimezone(self._zone)).get_next(datetime)
        except CroniterBadDateError as error:
            raise MisconfiguredError(f"TRAINER_CRON: {self._cron!r} never comes: {error}") from error
        return found


@dataclass(frozen=True, slots=True)
class Ended:
    """What a refresh came to.

    Attributes:
        status: an outcome's, or ``failed`` or ``stopped``.
    """

    status: str
    reason: str
    exit_code: int


class Running(Protocol):
    """A refresh that was started."""

    def poll(self) -> Ended | None:
        """None while it runs."""

    def stop(self) -> None:
        """End it within seconds."""


class Scheduler:
    """Starts a refresh at each time; what it comes to never ends the scheduler.

    Args:
        schedule: when.
        start: starts one.
        now: the clock.

    Attributes:
        turned_at: when the loop last turned, by the monotonic clock; None before it started.
    """

    def __init__(
        self, schedule: Schedule, start: Callable[[], Running], now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._schedule = schedule
        self._start = start
        self._now = now
        self._running: Running | None = None
        self._began = 0.0
        self.turned_at: float | None = None

    def run(self, stop: threading.Event) -> None:
        """Until ``stop`` is set; a refresh that runs then is ended, and can be gone on with."""
        due = self._next()
        try:
            while not stop.wait(_TURN_S):
                self.turned_at = time.monotonic()
                self._look()
                if self._now() >= due:
                    self._begin(due)
                    due = self._next()
        finally:
            if self._running is not None:
                log.info("refresh_stopping")
                self._running.stop()
                self._look()

    def _next(self) -> datetime:
        due = self._schedule.after(self._now())
        log.info("next_refresh", at=due.isoformat())
        return due

    def _begin(self, due: datetime) -> None:
        if self._running is not None:
            SKIPPED.inc()
            log.warning("refresh_skipped", at=due.isoformat(), reason="the one before is still running")
            return
        try:
            self._running = self._start()
        except OSError as error:
            self._ended(Ended("failed", f"it could not be started: {error}", 1))
            return
        self._began = time.monotonic()
        RUNNING.set(1)

    def _look(self) -> None:
        if self._running is not None and (ended := self._running.poll()) is not None:
            self._running = None
            RUNNING.set(0)
            REFRESH_SECONDS.set(time.monotonic() - self._began)
            self._ended(ended)

    def _ended(self, ended: Ended) -> None:
        REFRESHES.labels(ended.status).inc()
        LAST_ENDED.labels(ended.status).set_to_current_time()
        tell = log.error if ended.status == "failed" else log.info
        tell("refresh_ended", status=ended.status, reason=ended.reason, exit_code=ended.exit_code)
