"""Publishing to ``chat.messages`` the way a platform should: idempotent, acknowledged by all, Java's partitioner."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from confluent_kafka import KafkaError, KafkaException, Producer

from schemas.connections import KafkaSettings
from schemas.kafka_refusals import lacks_right
from schemas.topics import MAX_RECORD_BYTES
from sentistream.errors import PublishError

#: librdkafka's own default hashes keys otherwise than Java's clients do: a conversation that a Java platform and this
#: one both write to would be torn over two partitions.
PARTITIONER: Final = "murmur2_random"
_QUEUE_WAIT_S: Final = 0.1

Delivered = Callable[["Place"], None]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a record stands in its topic."""

    partition: int
    offset: int


@dataclass(frozen=True, slots=True)
class Outbound:
    """A record to be published.

    Attributes:
        partition: None lets the partitioner choose by the key.
    """

    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...] = ()
    partition: int | None = None


class Publisher:
    """Publishes to one topic; a record that Kafka refuses ends it."""

    def __init__(self, connection: KafkaSettings, topic: str) -> None:
        self._topic = topic
        self._failed: str | None = None
        self._producer = Producer(
            {
                **connection.librdkafka(),
                "partitioner": PARTITIONER,
                "acks": "all",
                "enable.idempotence": True,
                "compression.type": "gzip",
                "linger.ms": 5,
                "message.max.bytes": MAX_RECORD_BYTES,
                "log_level": 0,
            }
        )

    def publish(self, record: Outbound, delivered: Delivered | None = None) -> None:
        """Queue a record; waits while the queue is full.

        Args:
            record: what to publish.
            delivered: called from `poll` or `flush` with the place that Kafka gave it.
        """

        def report(error: Any, message: Any) -> None:
            if error is not None:
                self._failed = self._failed or self._said(error)
            elif delivered is not None:
                delivered(Place(message.partition(), message.offset()))

        options = {} if record.partition is None else {"partition": record.partition}
        while True:
            try:
                self._producer.produce(
                    self._topic, record.value, record.key, headers=list(record.headers), on_delivery=report, **options
                )
            except BufferError:
                self._producer.poll(_QUEUE_WAIT_S)
            except KafkaException as error:
                raise PublishError(f"{self._topic} did not take a record: {self._said(error.args[0])}") from error
            else:
                return

    def poll(self) -> None:
        """Let the deliveries so far be reported.

        Raises:
            PublishError: Kafka refused a record.
        """
        with self._fatal():
            self._producer.poll(0)
        self._check()

    def flush(self, seconds: float = 30.0) -> None:
        """Wait until Kafka has everything.

        Raises:
            PublishError: it refused a record, or did not answer in time.
        """
        left = 0
        with self._fatal():
            left = self._producer.flush(seconds)
        self._check()
        if left:
            raise PublishError(f"Kafka did not confirm {left} records for {self._topic} within {seconds:.0f} s")

    def _said(self, error: KafkaError) -> str:
        if lacks_right(error):
            return f"this login lacks Write on topic {self._topic}. deploy/acls has all that is needed"
        return str(error)

    @contextmanager
    def _fatal(self) -> Iterator[None]:
        """The client raises what is fatal, such as a right that lacks, in the middle of our callback."""
        try:
            yield
        except SystemError as error:
            if not isinstance(error.__cause__, KafkaException):
                raise
            # It is why the records were given up, of which only that may have been said.
            self._failed = self._said(error.__cause__.args[0])

    def _check(self) -> None:
        if self._failed is None:
            return
        with self._fatal():
            # What was fatal may stand behind the records that were given up for it.
            self._producer.poll(0)
        raise PublishError(f"{self._topic} did not take a record: {self._failed}")
