"""What a commit makes of a Kafka client that does not come back; the rest is proven on the real Kafka."""

import math
import threading
import time
from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException

from worker import transactions
from worker.errors import FencedError, KafkaFailedError, OutcomeUnknownError
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


def test_a_client_that_hangs_does_not_hold_up_a_stop(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_Producer, "made", 0)
    monkeypatch.setattr(transactions, "_LOST_S", threading.TIMEOUT_MAX)
    monkeypatch.setattr(transactions, "_LAST_S", 0.1)
    told_at = time.monotonic()
    committer = TransactionalCommitter(_Producer, NoFaults(), deadline_s=5, until=lambda: told_at)
    committer.start()
    with pytest.raises(OutcomeUnknownError, match="sending offsets"):
        committer.commit([], [], None)


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


class _Away(_Producer):
    """A client whose broker is not there: nothing is flushed, and nothing is answered."""

    tries = 0

    def flush(self, _: float) -> int:
        return 1

    def send_offsets_to_transaction(self, *_: Any) -> None:
        _Away.tries += 1
        raise KafkaException(KafkaError(KafkaError._TIMED_OUT, "away", retriable=True))

    abort_transaction = send_offsets_to_transaction


def test_a_stop_does_not_wait_for_kafka_as_long_as_work_does() -> None:
    stop_at = math.inf
    committer = TransactionalCommitter(_Away, NoFaults(), deadline_s=3600, until=lambda: stop_at)
    committer.start()
    stop_at = time.monotonic() + 0.1
    with pytest.raises(OutcomeUnknownError, match="away"):
        committer.commit([], [], None)
    assert _Away.tries > 1


class _Fenced(_Producer):
    """A client that another process has fenced, as confluent-kafka tells it: its log callback fails first."""

    def flush(self, *_: Any) -> int:
        raise AttributeError("'_FixedFindCallerLogger' object has no attribute 'log'")

    def send_offsets_to_transaction(self, *_: Any) -> None:
        raise KafkaException(KafkaError(KafkaError._FENCED, "a newer producer", fatal=True))


def test_a_callback_that_stumbles_over_a_fatal_error_does_not_hide_it() -> None:
    committer = TransactionalCommitter(_Fenced, NoFaults(), deadline_s=5)
    committer.start()
    with pytest.raises(FencedError, match="a newer producer"):
        committer.commit([], [], None)
