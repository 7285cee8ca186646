"""How the trainer reads topics."""

from typing import Final

from confluent_kafka import Consumer

from schemas.connections import KafkaSettings
from schemas.topics import MAX_RECORD_BYTES

GROUP: Final = "sentistream-trainer"


def open_consumer(connection: KafkaSettings, *, fetch_wait_ms: int = 500) -> Consumer:
    """A consumer outside every group, which sees what is committed and says where a partition ends.

    Args:
        connection: to Kafka.
        fetch_wait_ms: how long the broker may hold an empty answer back; librdkafka's own default is 500.
    """
    return Consumer(
        {
            **connection.librdkafka_reader(GROUP),
            "fetch.wait.max.ms": fetch_wait_ms,
            "fetch.message.max.bytes": MAX_RECORD_BYTES,
            "log_level": 0,
        }
    )
