"""The Kafka clients as exactly-once needs them."""

import logging
from typing import Any, Final

import structlog
from confluent_kafka import Consumer, KafkaError, Producer

from schemas.topics import MAX_RECORD_BYTES
from worker.settings import WorkerSettings

log = structlog.get_logger()

#: librdkafka's own words go to the usual log, not to standard error.
LIBRDKAFKA: Final = logging.getLogger("librdkafka")


def make_consumer(settings: WorkerSettings) -> Consumer:
    """Reads what is committed, from where it was committed, and stops where that is gone."""
    return Consumer(
        {
            **_shared(settings),
            "group.id": settings.worker_group,
            "group.instance.id": group_instance_id(settings),
            "session.timeout.ms": settings.kafka_session_timeout_ms,
            "heartbeat.interval.ms": max(300, min(3_000, settings.kafka_session_timeout_ms // 5)),
            "partition.assignment.strategy": "cooperative-sticky",
            "isolation.level": "read_committed",
            "enable.auto.commit": False,
            "enable.auto.offset.store": False,
            # A first start asks for the beginning by name; later, a missing offset is a loss.
            "auto.offset.reset": "error",
            "fetch.wait.max.ms": 50,
            "fetch.max.bytes": 16 * 1024 * 1024,
            "max.partition.fetch.bytes": MAX_RECORD_BYTES,
            "queued.max.messages.kbytes": 32 * 1024,
        },
        logger=LIBRDKAFKA,
    )


def group_instance_id(settings: WorkerSettings) -> str:
    """Of this replica as a member, the same after every start."""
    return f"{settings.worker_group}-{settings.worker_id}"


def transactional_id(settings: WorkerSettings) -> str:
    """Of this replica as a producer: ids of transactions, unlike those of members, are the whole cluster's."""
    return f"{settings.topic_prefix}{group_instance_id(settings)}"


def make_producer(settings: WorkerSettings) -> Producer:
    """Writes in transactions under a name that a successor takes over."""
    return Producer(
        {
            **_shared(settings),
            "transactional.id": transactional_id(settings),
            "transaction.timeout.ms": settings.transaction_timeout_ms,
            "acks": "all",
            "enable.idempotence": True,
            "linger.ms": 1,
            "compression.type": "lz4",
            "message.max.bytes": MAX_RECORD_BYTES,
            # For dead letters; events name their partition.
            "partitioner": "murmur2_random",
        },
        logger=LIBRDKAFKA,
    )


def _shared(settings: WorkerSettings) -> dict[str, Any]:
    return {
        **settings.librdkafka(),
        "client.id": f"sentistream-worker-{settings.worker_id}",
        "error_cb": _log_error,
        "log.connection.close": False,
    }


def _log_error(error: KafkaError) -> None:
    """Most are passing; those that are not come up again where they hurt."""
    log.warning("kafka_client_error", error=error.name(), detail=error.str())
