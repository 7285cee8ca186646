"""A worker without one of its protections: `python -m tests.faults.careless_child KIND [SIGNAL TIMES POINT COUNT]`.

Kinds:
    believe: an unknown outcome of a commit counts as committed.
    retry: an unknown outcome counts as aborted, and the results go into the next transaction.
    no_generation: offsets are committed for the group, but not as a member of its present generation.
    anonymous: the same, and each process has a transactional.id of its own.
    keep_lost: what is in hand of a partition stays there when the partition goes to another worker.
"""

import os
import sys
from collections.abc import Sequence
from typing import Any, Final

from confluent_kafka import Consumer, Producer, TopicPartition

from sentistream.logs import configure_logging
from tests.faults.signal_at import SignalAt
from worker.assignment import PartitionOwner
from worker.clients import make_producer
from worker.errors import OutcomeUnknownError, TransactionAbortedError
from worker.faultpoints import FaultPoints
from worker.model_side import ModelSide
from worker.process import run_until_signalled
from worker.records import Record
from worker.service import Seams, WorkerService
from worker.settings import WorkerSettings
from worker.transactions import TransactionalCommitter

KINDS: Final = ("believe", "retry", "no_generation", "anonymous", "keep_lost")


class CarelessCommitter(TransactionalCommitter):
    """The product's, without what its kind says."""

    def __init__(self, settings: WorkerSettings, faults: FaultPoints, kind: str) -> None:
        super().__init__(lambda: _producer(settings, kind), faults, settings.kafka_deadline_seconds)
        self._kind = kind
        # Never subscribed: its metadata names the group and no member.
        outsider = {**settings.librdkafka(), "group.id": settings.worker_group}
        self._outsider = Consumer(outsider) if kind in {"no_generation", "anonymous"} else None

    def commit(self, records: Sequence[Record], offsets: list[TopicPartition], group: Any) -> None:
        """As careless as its kind."""
        if self._outsider is not None:
            group = self._outsider.consumer_group_metadata()
        try:
            super().commit(records, offsets, group)
        except OutcomeUnknownError as error:
            if self._kind not in {"believe", "retry"}:
                raise
            self.start()
            if self._kind == "retry":
                raise TransactionAbortedError(str(error)) from error


def _producer(settings: WorkerSettings, kind: str) -> Producer:
    if kind == "anonymous":
        return make_producer(settings.model_copy(update={"worker_id": f"{settings.worker_id}-{os.getpid()}"}))
    return make_producer(settings)


def _keep(self: PartitionOwner, partitions: list[TopicPartition], event: str) -> None:
    del event
    self._guard(lambda: self._consumer.incremental_unassign(partitions))


if __name__ == "__main__":
    configure_logging()
    given = WorkerSettings()
    which, *fault = sys.argv[1:]
    assert which in KINDS, which
    if which == "keep_lost":
        PartitionOwner._drop = _keep  # type: ignore[method-assign]
    points = SignalAt(fault)
    service = WorkerService(given, ModelSide(given), Seams(points, committer=CarelessCommitter(given, points, which)))
    sys.exit(run_until_signalled(service))
