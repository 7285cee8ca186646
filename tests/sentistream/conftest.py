"""A stream and a worker with the scripted engine, on topics of their own, for all tests of a module."""

import os
import secrets
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from schemas.connections import KafkaSettings
from schemas.topics import TopicNames
from schemas.topics import topics as all_topics
from sentistream.embedded import EmbeddedKafka, EmbeddedRedis
from sentistream.services import Services
from sentistream.topics import create_topics

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@dataclass(frozen=True, slots=True)
class Live:
    """Attributes: the connection, the topics, and how a command finds both."""

    kafka: KafkaSettings
    names: TopicNames
    environment: dict[str, str]

    def sentistream(self, *arguments: str, stdin: str | None = None) -> "subprocess.CompletedProcess[str]":
        """Run a command to its end."""
        return subprocess.run(
            [sys.executable, "-m", "sentistream", *arguments],
            input=stdin,
            capture_output=True,
            text=True,
            timeout=200,
            check=False,
            env={**os.environ, **self.environment},
        )


@pytest.fixture(scope="module")
def live(kafka: EmbeddedKafka, redis_server: EmbeddedRedis, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    names = TopicNames(topic_prefix=f"live-{secrets.token_hex(4)}.")
    connection = KafkaSettings(kafka_bootstrap_servers=kafka.bootstrap_servers)
    create_topics(connection, all_topics(names, "embedded", 3))
    environment = {
        "KAFKA_BOOTSTRAP_SERVERS": kafka.bootstrap_servers,
        "REDIS_URL": redis_server.url,
        "TOPIC_PREFIX": names.topic_prefix,
        "STREAMS_GROUP": f"{names.topic_prefix}streams",
        "WORKER_GROUP": f"{names.topic_prefix}worker",
        "WORKER_ID": f"{names.topic_prefix}worker",
        "KAFKA_SESSION_TIMEOUT_MS": "6000",
        "ENGINE": "scripted",
    }
    with Services(tmp_path_factory.mktemp("services"), environment) as services:
        for name in ("streams", "worker"):
            services.wait_until_ready(name, 120, lambda: False)
        yield Live(connection, names, environment)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A folder for an embedded stack."""
    return tmp_path / "data"
