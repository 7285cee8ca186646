"""A topic that was just made is waited for; the rest of the reader is proven on the real Kafka."""

from types import SimpleNamespace
from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException, TopicPartition

from sentistream import topic_reader


class _Consumer:
    """Knows the topic and its leader, while the leader itself has not heard of it the first time."""

    def __init__(self, code: int) -> None:
        self.asked = 0
        self._code = code

    def list_topics(self, topic: str, timeout: float) -> Any:
        del timeout
        described = SimpleNamespace(error=None, partitions={0: SimpleNamespace(leader=1)})
        return SimpleNamespace(topics={topic: described})

    def offsets_for_times(self, wanted: list[TopicPartition], timeout: float) -> list[TopicPartition]:
        del timeout
        self.asked += 1
        if self.asked == 1:
            raise KafkaException(KafkaError(self._code))
        return wanted


def test_a_leader_that_does_not_know_yet_is_asked_again() -> None:
    consumer: Any = _Consumer(KafkaError.NOT_LEADER_FOR_PARTITION)
    assert [one.partition for one in topic_reader._starts(consumer, "t", 0)] == [0]
    assert consumer.asked == 2


def test_any_other_answer_is_told() -> None:
    consumer: Any = _Consumer(KafkaError.TOPIC_AUTHORIZATION_FAILED)
    with pytest.raises(KafkaException):
        topic_reader._starts(consumer, "t", 0)
