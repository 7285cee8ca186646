"""When refreshes start, and that nothing that they come to ends the scheduler."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from prometheus_client import REGISTRY

from tests.waiting import wait_for
from trainer.errors import MisconfiguredError
from trainer.schedule import Ended, Schedule, Scheduler


@pytest.mark.parametrize(
    ("cron", "zone", "moment", "expected"),
    [
        ("0 3 * * *", "UTC", "2026-11-21T02:59:59+00:00", "2026-11-21T03:00:00+00:00"),
        ("0 3 * * *", "UTC", "2026-11-21T03:00:00+00:00", "2026-11-22T03:00:00+00:00"),
        ("0 3 * * *", "Europe/Berlin", "2026-11-21T01:00:00+00:00", "2026-11-21T02:00:00+00:00"),
        # Summer time begins on 29 March at 2:00: three o'clock is one hour earlier for UTC from then on.
        ("0 3 * * *", "Europe/Berlin", "2026-03-28T12:00:00+00:00", "2026-03-29T01:00:00+00:00"),
        ("0 3 * * *", "Europe/Berlin", "2026-10-25T12:00:00+00:00", "2026-10-26T02:00:00+00:00"),
        ("*/15 * * * 1-5", "UTC", "2026-11-20T23:50:00+00:00", "2026-11-23T00:00:00+00:00"),
    ],
)
def test_the_next_time(cron: str, zone: str, moment: str, expected: str) -> None:
    found = Schedule(cron, zone).after(datetime.fromisoformat(moment))
    assert found.astimezone(UTC).isoformat() == expected


@pytest.mark.parametrize("cron", ["", "0 3 * *", "61 3 * * *", "0 3 * * * *", "at night"])
def test_what_is_no_cron_expression_is_said(cron: str) -> None:
    with pytest.raises(MisconfiguredError, match="TRAINER_CRON"):
        Schedule(cron, "UTC")


def test_a_time_that_never_comes_is_said() -> None:
    with pytest.raises(MisconfiguredError, match="never comes"):
        Schedule("0 0 30 2 *", "UTC").after(datetime(2026, 1, 1, tzinfo=UTC))


def test_an_unknown_time_zone_is_said() -> None:
    with pytest.raises(MisconfiguredError, match="Middle-earth"):
        Schedule("0 3 * * *", "Middle-earth/Shire")


class Clock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.at = datetime(2026, 11, 21, 2, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.at


class Refresh:
    """Runs until it is told what it came to."""

    def __init__(self) -> None:
        self.ended: Ended | None = None
        self.stopped = False

    def poll(self) -> Ended | None:
        return self.ended

    def stop(self) -> None:
        self.stopped = True
        self.ended = Ended("stopped", "asked to", 143)


class Rig:
    def __init__(self, start: Callable[[], Refresh] | None = None) -> None:
        self.clock = Clock()
        self.started: list[Refresh] = []
        self.stop = threading.Event()
        scheduler = Scheduler(Schedule("0 * * * *", "UTC"), start or self._start, self.clock)
        self.thread = threading.Thread(target=scheduler.run, args=(self.stop,))
        self.thread.start()
        wait_for(lambda: scheduler.turned_at is not None, "the scheduler's first turn")

    def _start(self) -> Refresh:
        self.started.append(refresh := Refresh())
        return refresh

    def next_hour(self) -> None:
        self.clock.at += timedelta(hours=1)

    def end(self) -> None:
        self.stop.set()
        self.thread.join(20)
        assert not self.thread.is_alive()


def count(name: str, status: str | None = None) -> float:
    return REGISTRY.get_sample_value(name, {"status": status} if status else {}) or 0.0


def test_failures_are_counted_and_the_next_time_comes_all_the_same() -> None:
    failed = count("sentistream_trainer_refreshes_total", "failed")
    rig = Rig()
    try:
        for number in (1, 2, 3):
            rig.next_hour()
            wait_for(lambda number=number: len(rig.started) == number, "a refresh")  # type: ignore[misc]
            rig.started[-1].ended = Ended("failed", "unavailable", 69)
            wait_for(
                lambda number=number: count("sentistream_trainer_refreshes_total", "failed") == failed + number,  # type: ignore[misc]
                "the failure",
            )
    finally:
        rig.end()


def test_a_refresh_that_cannot_be_started_is_a_failure_too() -> None:
    failed = count("sentistream_trainer_refreshes_total", "failed")

    def refuse() -> Refresh:
        raise OSError("no memory")

    rig = Rig(refuse)
    try:
        rig.next_hour()
        wait_for(lambda: count("sentistream_trainer_refreshes_total", "failed") == failed + 1, "the failure")
    finally:
        rig.end()


def test_a_time_at_which_one_is_running_is_skipped() -> None:
    skipped = count("sentistream_trainer_skipped_total")
    rig = Rig()
    try:
        rig.next_hour()
        wait_for(lambda: len(rig.started) == 1, "a refresh")
        rig.next_hour()
        wait_for(lambda: count("sentistream_trainer_skipped_total") == skipped + 1, "the skipped time")
        rig.started[0].ended = Ended("released", "better", 0)
        rig.next_hour()
        wait_for(lambda: len(rig.started) == 2, "the next refresh")
    finally:
        rig.end()


def test_a_stop_ends_what_is_running() -> None:
    rig = Rig()
    rig.next_hour()
    wait_for(lambda: len(rig.started) == 1, "a refresh")
    rig.end()
    assert rig.started[0].stopped
