"""A loop that does not come round any more ends the process, from outside."""

import time

import pytest

from tests.waiting import wait_for
from worker import watchdog
from worker.errors import ExitCode
from worker.watchdog import Watchdog


def test_a_loop_that_does_not_come_round_ends_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watchdog, "_EVERY_S", 0.01)
    ends: list[int] = []
    polls = iter([time.monotonic() + turn for turn in range(5)])
    last = 0.0

    def polled_at() -> float:
        nonlocal last
        last = next(polls, last)
        return last

    one = Watchdog(polled_at, 1.0, ends.append)
    one.start()
    wait_for(lambda: bool(ends), "its end")
    one.stop()
    assert time.monotonic() - last > 1.0, "not while it polled"
    assert ends[0] == ExitCode.STALLED
