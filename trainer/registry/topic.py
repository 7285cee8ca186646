"""The topic that says which adapter is live, as the trainer reads and writes it."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import structlog
from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, Producer, TopicPartition

from schemas.codec import decode, encode
from schemas.connections import KafkaSettings
from schemas.errors import SchemaError
from schemas.kafka_refusals import lacking, lacks_right
from schemas.release import AdapterRelease
from trainer.registry.errors import ReleaseError, ReleasesUnavailableError

log = structlog.get_logger()

#: Never joined; Kafka wants it described all the same.
RELEASES_GROUP: Final = "sentistream-releases-reader"
_WAIT_S: Final = 30.0


class ReleaseTopic:
    """All methods raise ReleaseError where the topic is missing, ReleasesUnavailableError where Kafka is away."""

    def __init__(self, kafka: KafkaSettings, topic: str) -> None:
        self._kafka = kafka
        self._topic = topic

    def publish(self, decision: AdapterRelease) -> None:
        """Write a decision, and return when Kafka has it."""
        with self._reached("Write"):
            self._publish(decision)

    def latest(self, model: str) -> AdapterRelease | None:
        """The last decision about a model; None where there is none."""
        with self._reached("Read"):
            return self._latest(model)

    def _publish(self, decision: AdapterRelease) -> None:
        told: list[KafkaError | None] = []
        producer = Producer(
            {
                **self._kafka.librdkafka(),
                "acks": "all",
                "enable.idempotence": True,
                "message.timeout.ms": int(_WAIT_S * 1000),
                "log_level": 0,
            }
        )
        producer.produce(
            self._topic, encode(decision), decision.model.encode(), on_delivery=lambda error, _: told.append(error)
        )
        try:
            producer.flush(_WAIT_S + 1)
        except SystemError as error:
            # The client raises what is fatal, such as a right that lacks, in the middle of our callback.
            raise error.__cause__ if isinstance(error.__cause__, KafkaException) else error from error
        if not told:
            raise ReleasesUnavailableError(
                f"Kafka did not say within {_WAIT_S:.0f} s whether it has the decision: try again"
            )
        if told[0] is not None:
            raise KafkaException(told[0])

    def _latest(self, model: str) -> AdapterRelease | None:
        consumer = Consumer({**self._kafka.librdkafka_reader(RELEASES_GROUP), "log_level": 0})
        try:
            partitions = consumer.list_topics(self._topic, timeout=_WAIT_S).topics[self._topic].partitions
            if not partitions:
                raise ReleaseError(f"missing topic: {self._topic}. `sentistream topics create` makes it")
            consumer.assign([TopicPartition(self._topic, number, OFFSET_BEGINNING) for number in partitions])
            return self._to_the_end(consumer, set(partitions), model)
        finally:
            consumer.close()

    def _to_the_end(self, consumer: Consumer, unfinished: set[int], model: str) -> AdapterRelease | None:
        latest: AdapterRelease | None = None
        deadline = time.monotonic() + _WAIT_S
        while unfinished:
            record = consumer.poll(1.0)
            if time.monotonic() > deadline:
                raise ReleasesUnavailableError(
                    f"the end of {self._topic} was not reached within {_WAIT_S:.0f} s: try again"
                )
            if record is None:
                continue
            if (error := record.error()) is None:
                latest = _read(record, model) or latest
            elif error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001 -- its public name
                unfinished.discard(record.partition())
            else:
                raise KafkaException(error)
        return latest

    @contextmanager
    def _reached(self, right: str) -> Iterator[None]:
        where = f"{self._topic} at {self._kafka.kafka_bootstrap_servers}"
        try:
            yield
        except KafkaException as error:
            reason: KafkaError = error.args[0]
            if not lacks_right(reason):
                raise ReleasesUnavailableError(
                    f"{where}: {reason.str()}. See KAFKA_BOOTSTRAP_SERVERS, and try again"
                ) from error
            lacks = lacking(reason, f"{right} on topic {self._topic}", RELEASES_GROUP)
            raise ReleaseError(
                f"{where}: this login lacks {lacks}. deploy/acls has all that the trainer and the console need"
            ) from error


def _read(record: Any, model: str) -> AdapterRelease | None:
    if record.value() is None:
        return None
    try:
        release = decode(AdapterRelease, record.value())
    except SchemaError as error:
        log.warning("release_unreadable", offset=record.offset(), reason=str(error))
        return None
    return release if release.model == model else None
