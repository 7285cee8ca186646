"""A commit runs beside the consumer: one at a time, and over before a partition is given up."""

import threading
from collections.abc import Sequence
from typing import Any

import pytest
from confluent_kafka import TopicPartition

from tests.waiting import wait_for
from worker.errors import KafkaFailedError
from worker.partitions import Assignment, Assignments
from worker.prefix_commits import PrefixCommits
from worker.progress import Progress
from worker.records import Outcome, Record
from worker.settings import WorkerSettings
from worker.watermark import Watermark


class _Committer:
    """Ends a commit when it is told to."""

    def __init__(self) -> None:
        self.begun: list[list[bytes | None]] = []
        self.ended = 0
        self.may_end = threading.Semaphore(0)

    def start(self) -> None:
        """Nothing to start."""

    def commit(self, records: Sequence[Record], offsets: list[TopicPartition], group: Any) -> None:
        """Wait for the word."""
        del offsets, group
        self.begun.append([record.value for record in records])
        assert self.may_end.acquire(timeout=30)
        self.ended += 1


class _Consumer:
    def consumer_group_metadata(self) -> None:
        """Nobody asks for more here."""


class _Rig:
    def __init__(self) -> None:
        settings = WorkerSettings(commit_linger_ms=0)
        self.committer = _Committer()
        self.assignments = Assignments()
        consumer: Any = _Consumer()
        self.commits = PrefixCommits(settings, consumer, self.committer, self.assignments, Progress(settings))

    def turn(self) -> None:
        """What the consumer's loop does between two polls."""
        self.commits.commit_when_due(at_once=False, backlog=False)

    def turn_until_begun(self, commits: int) -> None:
        """Turns until so many commits have begun."""

        def begun() -> bool:
            self.turn()
            return len(self.committer.begun) == commits

        wait_for(begun, "a commit")


def _finish(assignment: Assignment, offset: int) -> None:
    outcome = Outcome("event", Record("events", 0, None, str(offset).encode(), []))
    assignment.add(offset, Watermark("a", offset)).finish(outcome)


def test_what_is_finished_during_a_commit_goes_into_the_next_one() -> None:
    rig = _Rig()
    assignment = rig.assignments.start(0, Watermark(), None)
    _finish(assignment, 0)
    rig.turn_until_begun(1)
    _finish(assignment, 1)
    rig.turn()
    assert rig.committer.begun == [[b"0"]]
    rig.committer.may_end.release()
    rig.turn_until_begun(2)
    assert rig.committer.begun == [[b"0"], [b"1"]]
    assert [entry.offset for entry in assignment.entries] == [1]
    rig.committer.may_end.release()
    rig.commits.close()


def test_a_partition_is_given_up_after_the_commit_that_runs_and_taken_again_without_its_entries() -> None:
    rig = _Rig()
    _finish(rig.assignments.start(0, Watermark(), None), 0)
    rig.turn_until_begun(1)
    with pytest.raises(KafkaFailedError, match="did not end"):
        rig.commits.settle(0.01)
    rig.committer.may_end.release()
    rig.commits.settle(30)
    assert rig.committer.ended == 1
    rig.assignments.lose(0)
    again = rig.assignments.start(0, Watermark(), None)
    _finish(again, 7)
    rig.turn_until_begun(2)
    assert [entry.offset for entry in again.entries] == [7]
    assert rig.committer.begun[1] == [b"7"]
    rig.committer.may_end.release()
    rig.commits.close()
