"""How far ahead of the labeller records are taken."""

from confluent_kafka import TopicPartition

from worker.partitions import Assignment, Assignments
from worker.settings import WorkerSettings
from worker.take_ahead import TakeAhead
from worker.watermark import Watermark


class Paused:
    """The part of a consumer that is asked here."""

    def __init__(self) -> None:
        self.partitions: set[int] = set()

    def pause(self, partitions: list[TopicPartition]) -> None:
        self.partitions |= {one.partition for one in partitions}

    def resume(self, partitions: list[TopicPartition]) -> None:
        self.partitions -= {one.partition for one in partitions}


class Bench:
    """Ten places, so a window of 80."""

    def __init__(self, partitions: int, *, fair: bool = True) -> None:
        self.paused = Paused()
        self.assignments = Assignments()
        self.each = [self.assignments.start(one, Watermark(), 0) for one in range(partitions)]
        settings = WorkerSettings(max_in_flight=10, fair_shares=fair)
        self.ahead = TakeAhead(settings, self.paused, self.assignments)

    def fill(self, *counts: int) -> set[int]:
        """So many records in hand of each; the partitions that are paused then."""
        for assignment, count in zip(self.each, counts, strict=True):
            _set(assignment, count)
        self.ahead.balance()
        return self.paused.partitions


def _set(assignment: Assignment, count: int) -> None:
    assignment.entries.clear()
    for offset in range(count):
        assignment.add(offset, Watermark())
    assignment.running = count


def test_a_flooded_partition_is_held_back_before_the_room_is_gone_and_goes_on_when_it_has_less() -> None:
    bench = Bench(3)
    assert bench.fill(40, 0, 0) == set()
    assert bench.fill(41, 0, 0) == {0}
    assert bench.ahead.room() == 10
    assert bench.fill(30, 3, 3) == {0}
    assert bench.fill(24, 3, 3) == set()


def test_where_all_are_flooded_alike_none_is_held_back() -> None:
    bench = Bench(3)
    assert bench.fill(27, 26, 27) == set()
    assert bench.ahead.room() == 0


def test_two_flooded_ones_leave_room_for_a_third() -> None:
    bench = Bench(3)
    assert bench.fill(27, 27, 0) == {0, 1}
    assert bench.ahead.room() == 10
    # The third has caught up: it is none that starves.
    assert bench.fill(27, 27, 27) == set()


def test_an_only_partition_is_never_held_back_and_goes_on_when_the_others_leave() -> None:
    bench = Bench(1)
    assert bench.fill(79) == set()
    two = Bench(2)
    assert two.fill(60, 0) == {0}
    two.assignments.lose(1)
    two.ahead.balance()
    assert two.paused.partitions == set()


def test_what_closes_a_gap_is_waited_for_at_any_length() -> None:
    bench = Bench(2)
    assert bench.fill(60, 0) == {0}
    bench.each[0].gap_since = 1.0
    bench.ahead.balance()
    assert bench.paused.partitions == set()
    bench.each[0].running = 0
    assert bench.ahead.room() == 10


def test_without_shares_nothing_is_taken_that_cannot_begin() -> None:
    bench = Bench(2, fair=False)
    assert bench.fill(6, 4) == set()
    assert bench.ahead.room() == 0
