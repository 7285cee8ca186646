"""The whole pipeline on the real Kafka and Redis, with the scripted engine, so that it can be broken often."""

import os
import random
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sentistream.embedded import EmbeddedKafka, EmbeddedRedis
from tests.conftest import TopicsFactory
from tests.faults.kafka_proxy import KafkaProxy, ProxiedKafka
from tests.faults.pipeline import Pipeline
from tests.faults.report import Report
from tests.streams.conftest import builder, model
from tests.streams.stream_rig import StreamRig

__all__ = ["builder", "model"]

MakePipeline = Callable[[int], Pipeline]


@pytest.fixture
def draw() -> random.Random:
    """Where and when things are killed; a test that fails shows its seed, and FAULTS_SEED takes it again."""
    seed = int(os.environ.get("FAULTS_SEED") or random.SystemRandom().randrange(2**31))
    print(f"FAULTS_SEED={seed}")  # noqa: T201 -- pytest shows it
    return random.Random(seed)


@pytest.fixture
def pipeline(
    kafka: EmbeddedKafka,
    redis_server: EmbeddedRedis,
    topics: TopicsFactory,
    model: Path,
    tmp_path: Path,
    draw: random.Random,
) -> Iterator[MakePipeline]:
    """Makes a pipeline of so many partitions, with nothing running yet."""
    made: list[Pipeline] = []

    def make(partitions: int) -> Pipeline:
        rig = StreamRig(kafka.bootstrap_servers, redis_server.url, topics(partitions=partitions), model)
        made.append(Pipeline(rig, partitions, tmp_path, draw))
        return made[-1]

    yield make
    for one in made:
        one.kill_all()


@pytest.fixture
def proxy(kafka: ProxiedKafka) -> Iterator[KafkaProxy]:
    """In front of the broker; who is to go through it gets its address as KAFKA_BOOTSTRAP_SERVERS."""
    with KafkaProxy(kafka.proxy, kafka.behind_proxy) as one:
        yield one


@pytest.fixture(scope="session")
def report() -> Report:
    """What each fault came to."""
    return Report()
