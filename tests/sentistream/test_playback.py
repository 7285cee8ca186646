"""A record's fate is shown once, whichever is heard first: Kafka's word of its place, or its event."""

import threading
from collections.abc import Callable
from typing import Any, cast

from sentistream.playback import Pace, Playback
from sentistream.publisher import Outbound, Place, Publisher
from sentistream.script import sample
from sentistream.watcher import Observation, Watcher
from tests.sentistream.synthetic import observed

SECOND = 2


class Wire:
    """Publisher and watcher at once: each event is read before its record is confirmed, or after."""

    def __init__(self, *, overtaking: bool) -> None:
        self._overtaking = overtaking
        self._offset = 0
        self._unconfirmed: list[tuple[Place, Callable[[Place], None]]] = []
        self._asked = 0
        self._events: list[Observation] = []

    def publish(self, record: Outbound, delivered: Callable[[Place], None]) -> None:
        """Take it, and have its event ready."""
        del record
        place = Place(0, self._offset)
        self._offset += 1
        if not self._overtaking:
            delivered(place)
        else:
            self._unconfirmed.append((place, delivered))
        self._events.append(observed(place, 1.0))

    def poll(self, seconds: float | None = None) -> list[Observation]:
        """As a watcher where there are seconds, as a publisher where there are none."""
        if seconds is not None:
            found, self._events = self._events, []
            self._asked = 0
            return found
        # Asked before and after the events: what was read in one look is confirmed at the beginning of the next one.
        self._asked += 1
        if self._asked == SECOND:
            for place, delivered in self._unconfirmed:
                delivered(place)
            self._unconfirmed.clear()
        return []


def shown(wire: Wire) -> int:
    as_any = cast("Any", wire)
    playback = Playback(cast("Publisher", as_any), cast("Watcher", as_any), "run", threading.Event(), lambda: None)
    return len(list(playback.play(sample()[:20], Pace(stall_s=5.0))))


def test_each_record_is_shown_though_its_event_was_read_first() -> None:
    assert shown(Wire(overtaking=False)) == 20
    assert shown(Wire(overtaking=True)) == 20
