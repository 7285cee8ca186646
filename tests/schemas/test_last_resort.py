"""An end that goes over its bound is ended, once, at the earliest time that was set."""

import threading

from schemas.last_resort import LastResort
from tests.waiting import wait_for


def test_the_earliest_bound_counts_and_the_latest_status() -> None:
    ends: list[int] = []
    one = LastResort("ended_late", ends.append)
    one.start()
    one.within(0.1, 75, "told to stop")
    one.within(3_600, 65, "closing")
    wait_for(lambda: bool(ends), "its end")
    assert ends == [65]


def test_without_a_bound_it_only_waits() -> None:
    ended = threading.Event()
    one = LastResort("ended_late", lambda _: ended.set())
    one.start()
    assert not ended.wait(1.0)
