"""Sees that work goes on: the watchdog, and the deadline of a gap."""

import time
from typing import Final

from worker import metrics
from worker.errors import KafkaFailedError, RequestsMissingError, StalledError
from worker.partitions import Assignment, Assignments
from worker.settings import WorkerSettings

_EVERY_S: Final = 0.2
_MOST_UNKNOWN: Final = 10


class Progress:
    """Looks now and then at what is pending."""

    def __init__(self, settings: WorkerSettings) -> None:
        self._settings = settings
        self._moved_at = time.monotonic()
        self._next = 0.0
        self._assignments = 0
        self._unknown = 0

    def committed(self) -> None:
        """Something was committed."""
        self._moved_at = time.monotonic()
        self._unknown = 0

    def outcome_unknown(self) -> None:
        """A commit had no answer; KafkaFailedError when that goes on."""
        self._unknown += 1
        if self._unknown >= _MOST_UNKNOWN:
            raise KafkaFailedError(
                f"{self._unknown} transactions in a row ended without an answer from Kafka: look at its logs, and at "
                "the network between"
            )

    def check(self, assignments: Assignments, out_since: float | None) -> None:
        """Set the gauges; raise where nothing moves any more.

        Args:
            assignments: what is ours.
            out_since: the engine is known to be out since then, by the monotonic clock.
        """
        now = time.monotonic()
        if now < self._next:
            return
        self._next = now + _EVERY_S
        _set_gauges(assignments, out_since)
        # Joining the group takes its time, and is no stall of what was taken since.
        joined = assignments.started != self._assignments
        self._assignments = assignments.started
        if not assignments.pending or out_since is not None or joined:
            self._moved_at = now
        for assignment in assignments:
            if assignment.gap_since is not None:
                # It holds commits back, and has a deadline of its own.
                self._moved_at = now
                self._check_gap(assignment, now - assignment.gap_since)
        if now - self._moved_at > self._settings.watchdog_seconds:
            raise StalledError(
                f"nothing was committed for {now - self._moved_at:.0f} s although {assignments.pending} requests are "
                f"pending, {assignments.running} of them with the labeller, which reports no outage. Look at the "
                "engine's and Kafka's logs; WATCHDOG_SECONDS sets this limit"
            )

    def _check_gap(self, assignment: Assignment, open_s: float) -> None:
        entry = assignment.open_gap()
        too_long = open_s > self._settings.gap_deadline_seconds
        if entry is None or entry.gap is None:
            return
        if too_long or len(assignment.entries) > self._settings.gap_deadline_requests:
            first, last = assignment.mark.offset + 1, entry.gap.offset - 1
            where = f"chat.messages partition {entry.gap.partition} (topic id {entry.gap.topic_id})"
            if first > last:
                raise RequestsMissingError(
                    f"the request for offset {entry.gap.offset} of {where} came before those that it follows on, at "
                    f"request offset {entry.offset}, and did not come again within {open_s:.0f} s: what wrote it is "
                    "not an idempotent producer. Set the stream's committed offset back to make it again"
                )
            raise RequestsMissingError(
                f"the requests for offsets {first} to {last} of {where} are missing before request offset "
                f"{entry.offset}, and did not come within {open_s:.0f} s: the stream or Kafka lost them. Set the "
                "stream's committed offset back to make them again, or go on without them by ACCEPT_LOSS=true"
            )


def _set_gauges(assignments: Assignments, out_since: float | None) -> None:
    metrics.PENDING.set(assignments.pending)
    metrics.PARTITIONS.set(len(assignments))
    metrics.HELD_BACK.set(sum(one.held_back for one in assignments))
    metrics.PARKED.set(sum(one.parked is not None for one in assignments))
    metrics.OUTAGE.set(out_since is not None)
