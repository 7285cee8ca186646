"""The finished prefix: answers in any order, records out in theirs."""

import random

import pytest

from schemas.chat import Source
from worker.partitions import Assignment, Assignments, Entry
from worker.records import Outcome, Record
from worker.watermark import Watermark


def _outcome(offset: int) -> Outcome:
    return Outcome("event", Record("events", 0, None, str(offset).encode(), []))


def _mark(offset: int) -> Watermark:
    return Watermark("a", offset)


@pytest.mark.parametrize("seed", range(50))
def test_what_is_committed_is_in_order_and_complete_whatever_order_answers_come_in(seed: int) -> None:
    draw = random.Random(seed)
    assignment = Assignment(0, Watermark(), None)
    open_entries: list[Entry] = []
    committed: list[int] = []
    offset = 0
    while len(committed) < 100:
        if offset < 100 and draw.random() < 0.5:
            open_entries.append(assignment.add(offset, _mark(offset)))
            offset += 1
        elif open_entries:
            entry = open_entries.pop(draw.randrange(len(open_entries)))
            entry.finish(_outcome(entry.offset))
        prefix = assignment.finished_prefix(draw.randint(1, 8))
        committed += [entry.offset for entry in prefix]
        if prefix:
            assert prefix[-1].mark == _mark(prefix[-1].offset)
        assignment.pop(len(prefix))
    assert committed == list(range(100))


def test_the_prefix_ends_at_the_first_open_entry() -> None:
    assignment = Assignment(0, Watermark(), None)
    first, second, third = (assignment.add(offset, _mark(offset)) for offset in range(3))
    third.finish(_outcome(2))
    assert assignment.finished_prefix(10) == []
    first.finish(_outcome(0))
    assert assignment.finished_prefix(10) == [first]
    second.finish(_outcome(1))
    assert assignment.finished_prefix(2) == [first, second]


def test_a_gap_holds_the_prefix_until_the_mark_has_passed_it() -> None:
    assignment = Assignment(0, _mark(0), None)
    behind = assignment.add(0, _mark(0), gap=Source(topic_id="a", partition=0, offset=2))
    assignment.gap_since = 1.0
    assignment.add(1, _mark(1)).finish(_outcome(1))
    assert assignment.heal() == 0
    assert assignment.finished_prefix(10) == []
    assignment.add(2, _mark(2)).finish(_outcome(2))
    assert assignment.heal() == 1
    assert assignment.gap_since is None
    assert behind.outcome is not None
    assert behind.outcome.record is None
    assert len(assignment.finished_prefix(10)) == 3
    # Committing the first alone would not claim what came after it.
    assert behind.mark == _mark(0)


def test_an_assignment_that_is_lost_holds_nothing_and_a_new_one_starts_without_it() -> None:
    assignments = Assignments()
    old = assignments.start(0, Watermark(), 5)
    entry = old.add(5, _mark(5))
    old.running = 1
    assignments.lose(0)
    assert entry.assignment.lost
    assert assignments.pending == assignments.running == 0
    new = assignments.start(0, Watermark(), 5)
    assert new is not old
    assert not new.lost
    assert assignments.start(0, Watermark(), 7) is assignments.get(0)
    assert new.lost
