"""What goes away under a working pipeline, and comes back after a while."""

import time
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import structlog

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Outage:
    """One blow.

    Attributes:
        begin: does it.
        end: undoes it.
        seconds: between the two; work that can go on goes on meanwhile.
    """

    name: str
    begin: Callable[[], object]
    end: Callable[[], object]
    seconds: float = 0.0


class Outages:
    """One outage after another, spread over the progress; recovery is timed from the end of each.

    Args:
        outages: in order.
        records: the run's.
        watch: called again and again, to measure something.
    """

    def __init__(self, outages: Sequence[Outage], records: int, watch: Callable[[], object] = lambda: None) -> None:
        marks = (records * (number + 1) // (len(outages) + 1) for number in range(len(outages)))
        self._next = deque(zip(marks, outages, strict=True))
        self._watch = watch
        self._now: Outage | None = None
        self._until = 0.0
        self.struck: Counter[str] = Counter()

    @property
    def over(self) -> bool:
        return not self._next and self._now is None

    def strike(self, done: int) -> int:
        self._watch()
        if self._now is None and self._next and done >= self._next[0][0]:
            _, self._now = self._next.popleft()
            log.info("outage_begins", name=self._now.name, done=done)
            self.struck[self._now.name] += 1
            self._now.begin()
            self._until = time.monotonic() + self._now.seconds
        if self._now is None or time.monotonic() < self._until:
            return 0
        self._now.end()
        log.info("outage_ends", name=self._now.name, done=done)
        self._now = None
        return 1
