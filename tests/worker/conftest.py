"""What the consumer's tests share."""

from collections.abc import Callable

import pytest

from sentistream.embedded import EmbeddedKafka
from tests.conftest import TopicsFactory
from tests.worker.kafka_rig import Rig


@pytest.fixture
def rig(kafka: EmbeddedKafka, topics: TopicsFactory) -> Callable[..., Rig]:
    """Makes a rig with topics of its own; by default with one partition."""

    def make(partitions: int = 1) -> Rig:
        return Rig(kafka.connection, topics(partitions=partitions), partitions)

    return make
