"""A stop does not wait for a Kafka that does not say what is committed: the next process asks again."""

from collections.abc import Callable
from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException, TopicPartition

from worker.assignment import PartitionOwner
from worker.partitions import Assignments
from worker.settings import WorkerSettings
from worker.watermark import Watermark


class _Consumer:
    """Of a group whose coordinator does not answer; a stop comes while it is asked for the first time."""

    def __init__(self) -> None:
        self.asked = 0
        self.subscriptions = 0
        self.assigned: list[list[TopicPartition]] = []

    @property
    def stopping(self) -> bool:
        return self.asked > 0

    def committed(self, partitions: list[TopicPartition], timeout: float) -> list[TopicPartition]:
        del partitions, timeout
        self._ask()
        raise KafkaException(KafkaError(KafkaError._TIMED_OUT, "no coordinator"))

    def poll(self, timeout: float) -> None:
        del timeout
        self._ask()

    def assignment(self) -> list[TopicPartition]:
        return [TopicPartition("requests", 0)]

    def subscribe(self, *_: Any, **__: Any) -> None:
        self.subscriptions += 1

    def unsubscribe(self) -> None:
        """Nothing is given up."""

    def incremental_assign(self, partitions: list[TopicPartition]) -> None:
        self.assigned.append(partitions)

    def incremental_unassign(self, partitions: list[TopicPartition]) -> None:
        """It holds nothing."""

    def _ask(self) -> None:
        self.asked += 1
        assert self.asked == 1, "asked again after the stop"


class _Labelling:
    def cancel(self, assignments: Any) -> None:
        """Nothing runs."""


def _restart(owner: PartitionOwner) -> None:
    owner.restart()


def _rejoin(owner: PartitionOwner) -> None:
    owner.rejoin()


def _join(owner: PartitionOwner) -> None:
    owner._on_assign(owner._consumer, [TopicPartition("requests", 1)])


@pytest.mark.parametrize("what", [_restart, _rejoin, _join])
def test_a_stop_ends_the_wait_for_kafka(what: Callable[[PartitionOwner], None]) -> None:
    consumer, labelling, assignments = _Consumer(), _Labelling(), Assignments()
    held = assignments.start(0, Watermark(), 0)
    held.add(0, Watermark())
    owner = PartitionOwner(
        consumer,
        WorkerSettings(),
        assignments,
        labelling,  # type: ignore[arg-type]
        lambda _: None,
        lambda: consumer.stopping,
    )
    what(owner)
    assert owner.failed is None
    assert not any(consumer.assigned)
    assert consumer.subscriptions == 0
    # After an unknown outcome nothing that was in hand may go into another transaction.
    assert assignments.pending == (1 if what is _join else 0)
