"""A worker whose machine's clock is far ahead: Kafka refuses its records, and it ends and says what to mend."""

import time
from typing import Any

import pytest
from confluent_kafka import Producer

from sentistream.embedded import EmbeddedKafka
from tests.conftest import TopicsFactory
from tests.worker.fake_labelling import FakeLabelling
from tests.worker.kafka_rig import Rig, RunningWorker, make_request, running
from worker import clients
from worker.errors import ExitCode, KafkaFailedError

pytestmark = pytest.mark.kafka

#: Kafka's own default for log.message.timestamp.after.max.ms is one hour.
_AHEAD_MS = 2 * 3_600_000


class _Ahead(Producer):
    """Dates records as librdkafka does where the clock is two hours ahead."""

    def produce(self, *args: Any, **given: Any) -> None:
        super().produce(*args, timestamp=int(time.time() * 1000) + _AHEAD_MS, **given)


def test_a_worker_whose_records_are_too_far_ahead_ends_and_says_so(
    kafka: EmbeddedKafka, topics: TopicsFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    rig = Rig(kafka.connection, topics(1), 1)
    rig.publish(make_request(0, offset) for offset in range(5))
    with monkeypatch.context() as wrong:
        wrong.setattr(clients, "Producer", _Ahead)
        error = RunningWorker(rig.settings(), FakeLabelling(), None).join()
    assert isinstance(error, KafkaFailedError), error
    assert error.exit_code is ExitCode.KAFKA
    assert "Set this machine's clock" in str(error)
    assert rig.events().offsets(0) == []
    with running(rig.settings()):
        assert rig.events(at_least=5, settle_s=0.5).offsets(0) == [*range(5)]
