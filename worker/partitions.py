"""What a worker has in hand of each partition: requests in order, answers in any, and the finished prefix."""

import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field

from schemas.chat import Source
from worker.current_trace import MessageTrace
from worker.records import DROPPED, Outcome
from worker.watermark import Watermark


@dataclass(slots=True, eq=False)
class Entry:
    """One record of ``sanm.requests`` on its way.

    Attributes:
        mark: the partition's mark once this record is accepted.
        gap: the source of a record that was not accepted; it is finished when the mark has passed it.
        outcome: what is to be written; None while that is not known.
        finished_at: by the monotonic clock.
        counted: the cap on dead letters has seen it; a transaction may be tried more than once.
        waited_s: for the entries before it.
        trace: None while traces are off.
    """

    assignment: "Assignment"
    offset: int
    mark: Watermark
    gap: Source | None = None
    outcome: Outcome | None = None
    finished_at: float = 0.0
    counted: bool = False
    waited_s: float = 0.0
    trace: MessageTrace | None = None

    def finish(self, outcome: Outcome) -> None:
        """Set what is to be written."""
        self.outcome = outcome
        self.finished_at = time.monotonic()

    def wait_for_prefix(self) -> float:
        """Seconds that it waited, finished, for an entry before it; asked once, in the order of the prefix."""
        self.assignment.reached_at = max(self.assignment.reached_at, self.finished_at)
        self.waited_s = self.assignment.reached_at - self.finished_at
        return self.waited_s


@dataclass(slots=True, eq=False)
class Assignment:
    """One partition for as long as it is ours; assigned again, it is another assignment (guarantee 6).

    Attributes:
        next_offset: of the next record to be taken; what stands below it is a repetition by the client.
        running: entries that the labeller works on.
        lost: the partition was revoked; nothing of this assignment may be written any more.
        parked: the reason why no more of this partition can be taken; None while it can.
        held_back: it is paused, since it has more in hand than the others leave room for.
        gap_since: when the gap that is open was seen, by the monotonic clock.
        reached_at: when the last entry of the latest prefix was finished.
    """

    partition: int
    mark: Watermark
    next_offset: int | None
    entries: deque[Entry] = field(default_factory=deque)
    running: int = 0
    lost: bool = False
    parked: str | None = None
    held_back: bool = False
    gap_since: float | None = None
    reached_at: float = 0.0

    def add(self, offset: int, mark: Watermark, *, gap: Source | None = None) -> Entry:
        """Append a record; the mark is the partition's from now on."""
        entry = Entry(self, offset, mark, gap)
        self.entries.append(entry)
        self.next_offset = offset + 1
        self.mark = mark
        return entry

    def heal(self) -> int:
        """Finish the records behind a gap that the mark has passed since; they came again. Says how many."""
        if self.gap_since is None:
            return 0
        healed, still_open = 0, False
        for entry in self.entries:
            if entry.gap is None:
                continue
            if entry.gap.topic_id != self.mark.topic_id or entry.gap.offset <= self.mark.offset:
                entry.gap = None
                entry.finish(DROPPED)
                healed += 1
            else:
                still_open = True
        if not still_open:
            self.gap_since = None
        return healed

    def open_gap(self) -> Entry | None:
        """The first record that did not follow on the mark."""
        return next((entry for entry in self.entries if entry.gap is not None), None)

    def finished_prefix(self, limit: int) -> list[Entry]:
        """The entries, in order, before the first unfinished one; they stay until `pop`."""
        prefix: list[Entry] = []
        for entry in self.entries:
            if entry.outcome is None or len(prefix) >= limit:
                break
            prefix.append(entry)
        return prefix

    def pop(self, count: int) -> None:
        """Forget entries that were committed."""
        for _ in range(count):
            self.entries.popleft()

    def cut(self, entry: Entry) -> None:
        """Leave an entry and all behind it to whoever takes the partition next."""
        while self.entries and self.entries[-1].offset >= entry.offset:
            self.entries.pop()


class Assignments:
    """All partitions that are ours.

    Attributes:
        started: how many assignments there were so far.
    """

    def __init__(self) -> None:
        self.started = 0
        self._by_partition: dict[int, Assignment] = {}

    def __iter__(self) -> Iterator[Assignment]:
        return iter(self._by_partition.values())

    def __len__(self) -> int:
        return len(self._by_partition)

    def get(self, partition: int) -> Assignment | None:
        """The assignment of a partition, if it is ours."""
        return self._by_partition.get(partition)

    def start(self, partition: int, mark: Watermark, next_offset: int | None) -> Assignment:
        """A partition became ours; what an earlier assignment of it still held is lost."""
        self.lose(partition)
        assignment = Assignment(partition, mark, next_offset)
        self._by_partition[partition] = assignment
        self.started += 1
        return assignment

    def lose(self, partition: int) -> Assignment | None:
        """A partition is ours no more: results for it find a lost assignment and are thrown away."""
        assignment = self._by_partition.pop(partition, None)
        if assignment is not None:
            assignment.lost = True
            for entry in assignment.entries:
                if entry.trace is not None:
                    entry.trace.abandoned()
            assignment.entries.clear()
            assignment.running = 0
        return assignment

    @property
    def running(self) -> int:
        """Entries that the labeller works on."""
        return sum(assignment.running for assignment in self._by_partition.values())

    @property
    def pending(self) -> int:
        """Entries that are not committed."""
        return sum(len(assignment.entries) for assignment in self._by_partition.values())
