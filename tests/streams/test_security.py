"""`sentistream streams` as a process over TLS and SCRAM, and what it says where that fails."""

from collections.abc import Callable
from pathlib import Path

import pytest
from pydantic import SecretStr

from prompts.parts import PartsBuilder
from schemas.connections import KafkaSettings
from sentistream.embedded import EmbeddedKafka, EmbeddedRedis
from sentistream.topic_reader import read_topic
from streams.replay import expected_hashes
from tests.secured_kafka import Mechanism, add_scram_user
from tests.streams.secured_rig import (
    SecuredRig,
    refused_in_one_line,
    requests,
    secured_rig,
    work_through_lost_windows,
)

pytestmark = pytest.mark.kafka

SECRET = "not-a-secret-either"
Make = Callable[[KafkaSettings], SecuredRig]


@pytest.fixture
def make_rig(secure_kafka: EmbeddedKafka, redis_server: EmbeddedRedis, model: Path) -> Make:
    def make(connection: KafkaSettings) -> SecuredRig:
        return secured_rig(secure_kafka, connection, redis_server.url, model)

    return make


@pytest.mark.parametrize("mechanism", [pytest.param("SCRAM-SHA-256", marks=pytest.mark.soak), "SCRAM-SHA-512"])
def test_messages_become_requests_over_tls_and_scram(
    make_rig: Make, secure_kafka: EmbeddedKafka, builder: PartsBuilder, tmp_path: Path, mechanism: Mechanism
) -> None:
    """The windows are lost on the way, so that the client that reads the topic again logs in too."""
    log = tmp_path / "log"
    rig = make_rig(add_scram_user(secure_kafka, mechanism, f"user-{mechanism}", SECRET))
    work_through_lost_windows(rig, log, 120)
    assert SECRET not in log.read_text()
    found = {(one.source.partition, one.source.offset): one.prompt_hash for one in requests(rig)}
    topic_id = requests(rig)[0].source.topic_id
    for partition in range(3):
        values = [
            (one.place.offset, one.value)
            for one in read_topic(rig.admin, rig.names.messages)
            if one.place.partition == partition
        ]
        for source, expected in expected_hashes(topic_id, partition, values, builder):
            assert found[partition, source.offset] == expected


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"kafka_sasl_password": SecretStr("wrong")}, "KAFKA_SASL_PASSWORD"),
        ({"kafka_ssl_ca": None}, "KAFKA_SSL_CA"),
        ({"kafka_ssl_ca": "/nowhere/ca.pem"}, "KAFKA_SSL_CA is /nowhere/ca.pem"),
        ({"kafka_sasl_mechanism": "SCRAM-SHA-256"}, "KAFKA_SASL_MECHANISM"),
        ({"kafka_security_protocol": "PLAINTEXT"}, "KAFKA_SECURITY_PROTOCOL"),
    ],
    ids=["password", "foreign authority", "missing file", "mechanism", "protocol"],
)
def test_a_login_that_fails_is_told_in_one_line(
    make_rig: Make, secure_kafka: EmbeddedKafka, tmp_path: Path, change: dict[str, object], told: str
) -> None:
    log = tmp_path / "log"
    connection = add_scram_user(secure_kafka, "SCRAM-SHA-512", "failing", SECRET)
    rig = make_rig(connection.model_copy(update=change))
    refused_in_one_line(rig, log, told)
