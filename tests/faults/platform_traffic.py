"""A platform that publishes in transactions, of which it aborts some."""

import random
from typing import Any, Final

from confluent_kafka import Message, Producer

from tests.faults.traffic import Place, Traffic
from tests.streams.stream_rig import StreamRig

_ABORTED_SHARE: Final = 0.3


class TransactionalTraffic(Traffic):
    """Each portion is a transaction; `published` holds what was committed.

    Attributes:
        aborted: where Kafka put what was taken back.
        aborts: how many transactions that were.
    """

    def __init__(self, rig: StreamRig, partitions: int, *, seed: int, conversations: int) -> None:
        super().__init__(rig, partitions, seed=seed, conversations=conversations)
        self.aborted: set[Place] = set()
        self.aborts = 0
        self._draw = random.Random(seed)
        self._open: set[Place] = set()
        client: dict[str, Any] = {"bootstrap.servers": rig.bootstrap, "log_level": 0}
        name = f"{rig.names.topic_prefix}platform"
        self._producer = Producer({**client, "partitioner": "murmur2_random", "transactional.id": name})
        self._producer.init_transactions(60)

    def publish(self, count: int) -> None:
        """So many more in one transaction, some of it on disk before its end."""
        self._producer.begin_transaction()
        super().publish(count)
        if self._draw.random() < _ABORTED_SHARE:
            self._producer.abort_transaction(60)
            self.aborted |= self._open
            self.aborts += 1
        else:
            self._producer.commit_transaction(60)
            self.published |= self._open
        self._open = set()

    def _delivered(self, error: object, message: Message) -> None:
        self._open.add(self._place(error, message))
