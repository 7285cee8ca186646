"""How far the services are, asked again and again by one connection."""

from collections.abc import Iterator
from typing import Any

import pytest
from confluent_kafka import Consumer, Producer

from console.errors import PortError
from schemas.connections import KafkaSettings
from schemas.topics import TopicNames
from sentistream import console_lags
from sentistream.console_lags import KafkaPipeline, Service
from sentistream.doctor import latest_records
from sentistream.doctor.cluster import Cluster
from sentistream.embedded import EmbeddedKafka
from tests.conftest import TopicsFactory

pytestmark = pytest.mark.kafka


class Opened:
    """Counts the consumers and clusters that are made."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.consumers: list[CountedConsumer] = []
        self.clusters = 0

        def consumer(settings: dict[str, Any]) -> Consumer:
            self.consumers.append(CountedConsumer(settings))
            return self.consumers[-1]

        def cluster(kafka: KafkaSettings) -> Cluster:
            self.clusters += 1
            return Cluster(kafka)

        monkeypatch.setattr(latest_records, "Consumer", consumer)
        monkeypatch.setattr(console_lags, "Cluster", cluster)


class CountedConsumer(Consumer):
    """Knows whether it was closed."""

    closed = False

    def close(self) -> None:
        self.closed = True
        super().close()


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> Iterator[Opened]:
    found = Opened(monkeypatch)
    yield found
    assert all(one.closed for one in found.consumers)


def groups(names: TopicNames) -> tuple[tuple[Service, str, str], ...]:
    return (
        ("streams", f"{names.messages}-streams", names.messages),
        ("worker", f"{names.messages}-worker", names.requests),
        ("store", f"{names.messages}-store", names.events),
    )


def produce(kafka: KafkaSettings, topic: str, count: int) -> None:
    producer = Producer(kafka.librdkafka())
    for number in range(count):
        producer.produce(topic, b"a record", b"%d" % number)
    assert producer.flush(20) == 0


def test_all_lags_are_looked_up_by_one_client_however_often(
    kafka: EmbeddedKafka, topics: TopicsFactory, opened: Opened
) -> None:
    names = topics()
    pipeline = KafkaPipeline(kafka.connection, groups(names))
    produce(kafka.connection, names.messages, 20)
    produce(kafka.connection, names.requests, 7)
    produce(kafka.connection, names.events, 3)
    assert [one.records for one in pipeline.lags()] == [20, 7, 3]
    produce(kafka.connection, names.requests, 5)
    second = pipeline.lags()
    assert [one.records for one in second] == [20, 12, 3]
    assert all(0 < one.seconds < 600 for one in second)
    assert (len(opened.consumers), opened.clusters) == (1, 1)
    pipeline.close()


def test_after_an_error_the_client_is_made_anew(kafka: EmbeddedKafka, topics: TopicsFactory, opened: Opened) -> None:
    names = topics()
    pipeline = KafkaPipeline(kafka.connection, groups(names))
    produce(kafka.connection, names.messages, 2)
    assert pipeline.lags()[0].records == 2
    away = kafka.connection.model_copy(update={"kafka_bootstrap_servers": "127.0.0.1:1"})
    broken = KafkaPipeline(away, groups(names))
    for _ in range(2):
        with pytest.raises(PortError) as told:
            broken.lags()
        assert told.value.code == "kafka_away"
    # One for the first pipeline, and one for each question to nobody.
    assert opened.clusters == 3
    broken.close()
    pipeline.close()
