"""TLS and a password reach the broker through the settings, and nothing less does."""

import pytest
from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient
from pydantic import SecretStr

from schemas.connections import KafkaSettings
from schemas.topics import TopicNames, topics
from sentistream.embedded import EmbeddedKafka
from sentistream.topics import create_topics, describe_topics

pytestmark = pytest.mark.kafka


def test_topics_are_made_over_tls_with_a_password(secure_kafka: EmbeddedKafka) -> None:
    wanted = topics(TopicNames(), "embedded", 1)
    create_topics(secure_kafka.connection, wanted)
    assert all(not state.differences for state in describe_topics(secure_kafka.connection, wanted))


@pytest.mark.parametrize(
    "change",
    [
        {"kafka_security_protocol": "PLAINTEXT"},
        {"kafka_sasl_password": SecretStr("wrong")},
        # The machine's own authorities have not signed this broker.
        {"kafka_ssl_ca": None},
    ],
    ids=lambda change: next(iter(change)),
)
def test_anything_less_is_refused(secure_kafka: EmbeddedKafka, change: dict[str, object]) -> None:
    lacking: KafkaSettings = secure_kafka.connection.model_copy(update=change)
    with pytest.raises(KafkaException):
        AdminClient({**lacking.librdkafka(), "log_level": 0}).list_topics(timeout=3)
