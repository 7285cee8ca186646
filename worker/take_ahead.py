"""How far ahead of the labeller records are taken, all in all and from one partition."""

from typing import Final

import structlog
from confluent_kafka import Consumer, TopicPartition

from worker.partitions import Assignment, Assignments
from worker.settings import WorkerSettings

log = structlog.get_logger()

#: Requests taken and not committed, at most, for each that may be in flight.
_PENDING_PER_IN_FLIGHT: Final = 8
#: A partition is held back beside one that has less than this share of what it has: where all are flooded alike none
#: starves, and each pause throws fetched records away.
_UNEVEN_SHARE: Final = 0.5
#: A partition that was held back goes on when it has less than this share of what one may have.
_GO_ON_SHARE: Final = 0.5


class TakeAhead:
    """Keeps room for partitions that have little to do beside one that is flooded.

    A partition may have as many records in hand as there is room left for all (the dynamic threshold of switches that
    share a buffer; Choudhury and Hahne, 1998): an only one gets half of the window, two busy ones a third each, and
    something is always left for the next one. One that has more is paused by itself until it has half of that.
    """

    def __init__(self, settings: WorkerSettings, consumer: Consumer, assignments: Assignments) -> None:
        self._places = settings.max_in_flight
        self._window = self._places * _PENDING_PER_IN_FLIGHT
        self._fair = settings.fair_shares
        self._topic = settings.requests
        self._consumer = consumer
        self._assignments = assignments

    def room(self) -> int:
        """How many more can be taken: one slow answer must not pile up all that is finished behind it."""
        left = (self._window if self._fair else self._places) - self._assignments.running
        # Never more than so many at once, or one partition could fill the window before it is held back.
        left = min(left, self._places)
        if any(one.gap_since is not None for one in self._assignments):
            # What closes a gap stands further on; GAP_DEADLINE_REQUESTS bounds that.
            return left
        return min(left, self._window - self._assignments.pending)

    def balance(self) -> None:
        """Hold back the partitions that have too much in hand, and let those go on that have not any more."""
        if not self._fair:
            return
        # Nobody needs the room that an only partition would leave.
        left = max(0, self._window - self._assignments.pending) if len(self._assignments) > 1 else self._window
        fewest = min((len(one.entries) for one in self._assignments), default=0)
        hold: list[Assignment] = []
        go_on: list[Assignment] = []
        for one in self._assignments:
            count = len(one.entries)
            if not one.held_back:
                uneven = count > left and count * _UNEVEN_SHARE > fewest
                if uneven and one.gap_since is None and one.parked is None:
                    hold.append(one)
            elif count <= max(left * _GO_ON_SHARE, fewest) or one.gap_since is not None:
                go_on.append(one)
        if hold or go_on:
            self._set(hold, held_back=True)
            self._set(go_on, held_back=False)

    def _set(self, assignments: list[Assignment], *, held_back: bool) -> None:
        if not assignments:
            return
        for one in assignments:
            one.held_back = held_back
        where = [TopicPartition(self._topic, one.partition) for one in assignments]
        (self._consumer.pause if held_back else self._consumer.resume)(where)
        log.debug(
            "partitions_held_back" if held_back else "partitions_go_on", partitions=[one.partition for one in where]
        )
