"""A broker that asks clients for a certificate: the stream's clients (aiokafka, librdkafka), and the worker's."""

import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest

from schemas.topics import TopicNames, topics
from sentistream.embedded import EmbeddedKafka, EmbeddedRedis
from sentistream.topics import create_topics
from tests.secured_kafka import mutual_tls_kafka, write_certificates
from tests.streams.secured_rig import refused_in_one_line, secured_rig, work_through_lost_windows
from tests.worker.kafka_rig import Rig, make_request, running

pytestmark = pytest.mark.kafka


@pytest.fixture(scope="module")
def mutual_kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedKafka]:
    with mutual_tls_kafka(tmp_path_factory.mktemp("mutual-kafka")) as server:
        yield server


def test_the_stream_works_with_its_certificate(
    mutual_kafka: EmbeddedKafka, redis_server: EmbeddedRedis, model: Path, tmp_path: Path
) -> None:
    """Its windows are lost on the way, so that the client that reads the topic again shows the certificate too."""
    log = tmp_path / "log"
    rig = secured_rig(mutual_kafka, mutual_kafka.connection, redis_server.url, model)
    work_through_lost_windows(rig, log, 60)


def test_the_worker_works_with_its_certificate(mutual_kafka: EmbeddedKafka) -> None:
    names = TopicNames(topic_prefix=f"mutual-{secrets.token_hex(4)}.")
    create_topics(mutual_kafka.connection, topics(names, "embedded", 3))
    rig = Rig(mutual_kafka.connection, names, 3)
    rig.publish(make_request(partition, offset) for partition in range(3) for offset in range(5))
    with running(rig.settings()):
        seen = rig.events(at_least=15, settle_s=0.5)
    assert [seen.offsets(partition) for partition in range(3)] == [[*range(5)]] * 3


@pytest.mark.parametrize("which", ["none", "of another authority"])
def test_a_certificate_that_is_not_taken_is_told_in_one_line(
    mutual_kafka: EmbeddedKafka, redis_server: EmbeddedRedis, model: Path, tmp_path: Path, which: str
) -> None:
    foreign = tmp_path / "client.pem", tmp_path / "client.key"
    write_certificates(tmp_path / "ca.pem", tmp_path / "server.pem", client=foreign)
    given: dict[str, str | None] = {"kafka_ssl_certificate": None, "kafka_ssl_key": None}
    if which != "none":
        given = {"kafka_ssl_certificate": str(foreign[0]), "kafka_ssl_key": str(foreign[1])}
    connection = mutual_kafka.connection.model_copy(update=given)
    rig = secured_rig(mutual_kafka, connection, redis_server.url, model)
    refused_in_one_line(rig, tmp_path / "log", "KAFKA_SSL_CERTIFICATE")
