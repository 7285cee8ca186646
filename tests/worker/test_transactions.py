"""What a commit makes of a Kafka client that does not come back; the rest is proven on the real Kafka."""

import threading
from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException

from worker import transactions
from worker.errors import KafkaFailedError, OutcomeUnknownError
from worker.faultpoints import NoFaults
from worker.transactions import TransactionalCommitter


class _Producer:
    """A client of which the first hangs while it sends offsets, as librdkafka does without a coordinator."""

    made = 0

    def __init__(self) -> None:
        _Producer.made += 1
        self._hangs = _Producer.made == 1

    def send_offsets_to_transaction(self, *_: Any) -> None:
        if self._hangs:
            threading.Event().wait()

    def __getattr__(self, name: str) -> Any:
        return lambda *_, **__: None


def test_a_client_that_hangs_is_left_behind_for_a_new_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transactions, "_LOST_S", 0.2)
    committer = TransactionalCommitter(_Producer, NoFaults(), deadline_s=5)
    committer.start()
    with pytest.raises(OutcomeUnknownError, match="sending offsets"):
        committer.commit([], [], None)
    committer.start()
    committer.commit([], [], None)
    assert _Producer.made == 2


class _Refused(_Producer):
    """A client to which Kafka says that a record is too large, whenever it is asked."""

    aborted = 0

    def send_offsets_to_transaction(self, *_: Any) -> None:
        too_large = KafkaError(KafkaError.MSG_SIZE_TOO_LARGE, "emotion.events [0]: too large", txn_requires_abort=True)
        raise KafkaException(too_large)

    def abort_transaction(self, *_: Any) -> None:
        _Refused.aborted += 1


def test_what_kafka_refuses_for_its_size_is_not_tried_again() -> None:
    committer = TransactionalCommitter(_Refused, NoFaults(), deadline_s=5)
    committer.start()
    with pytest.raises(KafkaFailedError, match=r"emotion\.events.*max\.message\.bytes"):
        committer.commit([], [], None)
    assert _Refused.aborted == 1
