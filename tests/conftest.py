"""One real Kafka and one real Redis for the whole run; every test gets topics and keys of its own."""

import secrets
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import structlog

from schemas.connections import KafkaSettings
from schemas.topics import TopicNames
from schemas.topics import topics as all_topics
from sentistream.embedded import EmbeddedKafka, EmbeddedRedis
from sentistream.topics import create_topics
from tests.faults.kafka_proxy import ProxiedKafka
from tests.secured_kafka import secured_kafka, write_certificates
from tests.token_server import TokenServer

#: Keywords: `partitions` of the main topics (3).
TopicsFactory = Callable[..., TopicNames]


@pytest.fixture(autouse=True)
def _no_outside_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """A developer's own Kafka or Redis is never touched by a test."""
    for name in ("KAFKA_BOOTSTRAP_SERVERS", "REDIS_URL", "TOPIC_PREFIX"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(autouse=True)
def _own_logging(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A command that is called in this process sets up logging: loggers must not keep that for the tests to come."""
    configure = structlog.configure
    monkeypatch.setattr(
        structlog, "configure", lambda *args, **given: configure(*args, **given | {"cache_logger_on_first_use": False})
    )
    yield
    structlog.reset_defaults()


@pytest.fixture(scope="session")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedKafka]:
    """It can be reached through a proxy too, for those who start one."""
    with ProxiedKafka(tmp_path_factory.mktemp("kafka")) as server:
        yield server


@pytest.fixture(scope="session")
def secure_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With the certificates of all that is secured."""
    folder = tmp_path_factory.mktemp("secure-kafka")
    write_certificates(folder / "ca.pem", folder / "broker.pem")
    return folder


@pytest.fixture(scope="session")
def token_server(secure_folder: Path) -> Iterator[TokenServer]:
    """Gives out the tokens that the secured broker takes."""
    with TokenServer(secure_folder, secure_folder / "broker.pem") as server:
        yield server


@pytest.fixture(scope="session")
def secure_kafka(secure_folder: Path, token_server: TokenServer) -> Iterator[EmbeddedKafka]:
    """Another broker that takes nobody without TLS and a login: `connection` has both, and may do all."""
    with secured_kafka(secure_folder, token_server) as server:
        yield server


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedRedis]:
    with EmbeddedRedis(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture
def topics(kafka: EmbeddedKafka) -> TopicsFactory:
    """Makes a set of topics that no other test knows, and returns their names."""

    def make(partitions: int = 3) -> TopicNames:
        names = TopicNames(topic_prefix=f"test-{secrets.token_hex(4)}.")
        connection = KafkaSettings(kafka_bootstrap_servers=kafka.bootstrap_servers)
        create_topics(connection, all_topics(names, "embedded", partitions))
        return names

    return make
