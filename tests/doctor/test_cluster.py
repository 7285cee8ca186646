"""Silence and refusals are told apart, whoever of Kafka's clients was asked."""

from typing import Any

import pytest
from confluent_kafka import Consumer, KafkaError, KafkaException

from schemas.connections import KafkaSettings
from sentistream.doctor.cluster import Cluster, UnreachableError


@pytest.mark.parametrize(
    ("code", "raised"),
    [
        (KafkaError._TIMED_OUT, UnreachableError),
        (KafkaError.GROUP_AUTHORIZATION_FAILED, KafkaException),
    ],
)
def test_committed_offsets_that_nobody_answers_for_are_silence(
    monkeypatch: pytest.MonkeyPatch, code: int, raised: type[Exception]
) -> None:
    class Asked(Consumer):
        def committed(self, *_: Any, **__: Any) -> Any:
            raise KafkaException(KafkaError(code))

    monkeypatch.setattr("sentistream.doctor.cluster.Consumer", Asked)
    with pytest.raises(raised):
        Cluster(KafkaSettings(kafka_bootstrap_servers="127.0.0.1:1")).committed("g", "t", 1)
