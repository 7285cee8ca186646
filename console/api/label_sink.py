"""People's labels into Kafka: idempotent, and told to nobody before Kafka has them for good."""

import threading
import time
from typing import Any, Final

import structlog
from confluent_kafka import KafkaError, KafkaException, Producer

from console.errors import PortError
from schemas.codec import encode
from schemas.connections import KafkaSettings
from schemas.feedback import EmotionLabel
from schemas.kafka_refusals import lacks_right

log = structlog.get_logger()

_WAIT_S: Final = 8.0
_POLL_S: Final = 0.05


class KafkaLabels:
    """One producer for all threads; made anew after a fault that it does not survive."""

    def __init__(self, connection: KafkaSettings, topic: str) -> None:
        self._connection = connection
        self._topic = topic
        self._lock = threading.Lock()
        self._producer: Producer | None = None

    def send(self, label: EmotionLabel) -> tuple[int, int]:
        """Write one, and return its partition and offset once all replicas in sync have it.

        Raises:
            PortError: Kafka did not take it, or did not say so in time.
        """
        told: list[tuple[KafkaError | None, Any]] = []
        producer = self._open()
        try:
            producer.produce(
                self._topic,
                encode(label),
                # All labels of a message stand in one partition, in their order.
                label.conversation_id.encode(),
                on_delivery=lambda error, record: told.append((error, record)),
            )
            deadline = time.monotonic() + _WAIT_S + 1
            while not told and time.monotonic() < deadline:
                producer.poll(_POLL_S)
        except (BufferError, KafkaException, SystemError) as error:
            self._drop(producer)
            # The client raises what is fatal, such as a right that lacks, in the middle of our callback.
            reason = error.__cause__ if isinstance(error.__cause__, KafkaException) else error
            if isinstance(reason, KafkaException):
                raise self._refused(reason.args[0]) from error
            raise self._refusal(str(error)) from error
        if not told:
            self._drop(producer)
            raise self._refusal("no answer")
        refusal, record = told[0]
        if refusal is not None:
            if refusal.fatal():
                self._drop(producer)
            raise self._refused(refusal)
        return record.partition(), record.offset()

    def _open(self) -> Producer:
        with self._lock:
            if self._producer is None:
                self._producer = Producer(
                    {
                        **self._connection.librdkafka(),
                        # As Java's clients choose, and ours everywhere.
                        "partitioner": "murmur2_random",
                        "acks": "all",
                        "enable.idempotence": True,
                        "linger.ms": 0,
                        "message.timeout.ms": int(_WAIT_S * 1000),
                        "log_level": 0,
                    }
                )
            return self._producer

    def _drop(self, producer: Producer) -> None:
        with self._lock:
            if self._producer is producer:
                self._producer = None

    def _refused(self, error: KafkaError) -> PortError:
        if not lacks_right(error):
            return self._refusal(error.str())
        log.error("label_not_allowed", topic=self._topic)
        return PortError(
            f"The label was not written: the console's login lacks Write on topic {self._topic}. An operator gives it "
            "with deploy/acls/console.sh.",
            code="label_not_allowed",
            topic=self._topic,
        )

    def _refusal(self, why: str) -> PortError:
        log.warning("label_not_written", topic=self._topic, reason=why)
        return PortError(
            f"Kafka did not say that it has the label ({why}): try again in a moment, twice does no harm. "
            "Operators see KAFKA_BOOTSTRAP_SERVERS.",
            code="label_not_taken",
            why=why,
        )
