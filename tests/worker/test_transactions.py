"""What a commit makes of a Kafka client that does not come back; the rest is proven on the real Kafka."""

import threading
from typing import Any

import pytest

from worker import transactions
from worker.errors import OutcomeUnknownError
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
