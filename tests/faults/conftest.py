"""The whole pipeline on the real Kafka and Redis, with the scripted engine, so that it can be broken often."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sentistream.embedded import EmbeddedKafka, EmbeddedRedis
from tests.conftest import TopicsFactory
from tests.faults.checker import Row, table
from tests.faults.pipeline import Pipeline
from tests.streams.conftest import builder, model
from tests.streams.stream_rig import StreamRig

__all__ = ["builder", "model"]

#: `make soak` names the file that its table goes to.
REPORT = "FAULTS_REPORT"


@pytest.fixture
def pipeline(
    kafka: EmbeddedKafka, redis_server: EmbeddedRedis, topics: TopicsFactory, model: Path, tmp_path: Path
) -> Iterator[Callable[[int], Pipeline]]:
    """Makes a pipeline of so many partitions, with nothing running yet."""
    made: list[Pipeline] = []

    def make(partitions: int) -> Pipeline:
        rig = StreamRig(kafka.bootstrap_servers, redis_server.url, topics(partitions=partitions), model)
        made.append(Pipeline(rig, partitions, tmp_path))
        return made[-1]

    yield make
    for one in made:
        one.kill_all()


@pytest.fixture(scope="session")
def rows() -> Iterator[list[Row]]:
    """What each fault came to; printed at the end, and written where `make soak` wants it."""
    collected: list[Row] = []
    yield collected
    if collected:
        print(f"\n{table(collected)}")  # noqa: T201 -- with -s, or in the soak's output
        if path := os.environ.get(REPORT):
            Path(path).write_text(
                "# What was broken, and what came of it\n\n"
                "Written by `make soak`: real Kafka and Redis, scripted engine, session time-outs of 6 s. A\n"
                "`read_committed` reader compares every record of `chat.messages` with what came out of it.\n\n"
                f"{table(collected)}\n"
            )
