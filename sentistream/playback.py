"""Publishes a script and follows every record until its event or dead letter can be read."""

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from sentistream.fates import Fate, Ledger
from sentistream.publisher import Place, Publisher
from sentistream.script import Line
from sentistream.watcher import Watcher

_POLL_S: Final = 0.05
_BURST: Final = 500
#: How long to look for second copies once every record has its first.
_QUIET_S: Final = 1.0


@dataclass(frozen=True, slots=True)
class Pace:
    """How to publish.

    Attributes:
        rate: messages a second; None publishes as fast as it goes.
        duration_s: publish no longer than this.
        stall_s: without any event for so long, what is missing is given up.
    """

    rate: float | None = None
    duration_s: float | None = None
    stall_s: float = 120.0


class Playback:
    """One run.

    Args:
        publisher: to ``chat.messages``.
        watcher: that followed its topics before the first record goes out.
        run: begins every id.
        asked_to_stop: set by Ctrl-C.
        check: raises when the services are gone.

    Attributes:
        ledger: each record's fate, by its number in `lines`.
        lines: what was published.
        wall_s: from the first record to the last fate.
        interrupted: it was stopped before its end.
    """

    def __init__(
        self,
        publisher: Publisher,
        watcher: Watcher,
        run: str,
        asked_to_stop: threading.Event,
        check: Callable[[], None],
    ) -> None:
        self.ledger = Ledger()
        self.lines: list[Line] = []
        self.wall_s = 0.0
        self.interrupted = False
        #: Records whose fate was read before Kafka's own word of their place.
        self._overtaken: list[int] = []
        self._publisher = publisher
        self._watcher = watcher
        self._run = run
        self._asked = asked_to_stop
        self._check = check
        self._started = self._progressed = self._checked = 0.0

    def play(self, script: Iterable[Line], pace: Pace) -> Iterator[tuple[Line, Fate]]:
        """Yields each record when its fate is known.

        Raises:
            PublishError: Kafka did not take a record.
            ServiceError: a service ended.
        """
        waiting = iter(script)
        exhausted = False
        self._started = self._progressed = time.monotonic()
        while not (exhausted and not self.ledger.missing):
            if self._asked.is_set():
                self.interrupted = True
                break
            if not exhausted:
                exhausted = self._publish_due(waiting, pace)
            yield from self._look(self._wait_s(pace, exhausted=exhausted))
            if time.monotonic() - self._progressed > pace.stall_s:
                break
        self.wall_s = time.monotonic() - self._started
        if not self.interrupted:
            yield from self._look_for_copies()

    def _publish_due(self, waiting: Iterator[Line], pace: Pace) -> bool:
        """True if nothing is left to publish."""
        elapsed = time.monotonic() - self._started
        if pace.duration_s is not None and elapsed >= pace.duration_s:
            return True
        due = _BURST if pace.rate is None else int(elapsed * pace.rate) + 1 - len(self.lines)
        for _ in range(min(due, _BURST)):
            line = next(waiting, None)
            if line is None:
                return True
            self._publish(line)
        return False

    def _publish(self, line: Line) -> None:
        record = line.outbound(self._run, len(self.lines))
        self.lines.append(line)
        number = self.ledger.sent(time.monotonic())
        self._progressed = time.monotonic()

        def delivered(place: Place) -> None:
            if self.ledger.delivered(number, place):
                self._overtaken.append(number)

        self._publisher.publish(record, delivered)

    def _wait_s(self, pace: Pace, *, exhausted: bool) -> float:
        if exhausted:
            return _POLL_S
        if pace.rate is None:
            return 0.0
        next_at = self._started + len(self.lines) / pace.rate
        return min(max(next_at - time.monotonic(), 0.0), _POLL_S)

    def _look(self, seconds: float) -> Iterator[tuple[Line, Fate]]:
        self._publisher.poll()
        observations = self._watcher.poll(seconds)
        self._publisher.poll()
        known = [number for one in observations if (number := self.ledger.seen(one)) is not None]
        known += self._overtaken
        self._overtaken.clear()
        for number in known:
            self._progressed = time.monotonic()
            yield self.lines[number], self.ledger.fates[number]
        if time.monotonic() - self._checked > 1.0:
            self._checked = time.monotonic()
            self._check()

    def _look_for_copies(self) -> Iterator[tuple[Line, Fate]]:
        quiet = time.monotonic()
        while time.monotonic() - quiet < _QUIET_S:
            before = self.ledger.duplicates + len(self.lines) - self.ledger.missing
            yield from self._look(_POLL_S)
            if self.ledger.duplicates + len(self.lines) - self.ledger.missing != before:
                quiet = time.monotonic()
