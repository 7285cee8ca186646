"""Writing records in transactions, one writer to a topic at a time."""

from collections.abc import Iterable
from types import TracebackType
from typing import Final, Self

from confluent_kafka import KafkaError, KafkaException, Producer

from schemas.connections import KafkaSettings
from schemas.kafka_refusals import lacks_right
from schemas.topics import MAX_RECORD_BYTES
from trainer.watch.errors import TopicUnwritableError

_TIMEOUT_S: Final = 60.0


class TransactionalWriter:
    """Each `write` is seen as a whole or not at all; a second writer to the same topic fences this one."""

    def __init__(self, connection: KafkaSettings, topic: str) -> None:
        self._topic = topic
        self._producer = Producer(
            {
                **connection.librdkafka(),
                "transactional.id": f"sentistream-writer-{topic}",
                "message.max.bytes": MAX_RECORD_BYTES,
                "compression.type": "lz4",
                "log_level": 0,
            }
        )

    def __enter__(self) -> Self:
        """Take over; an open transaction of an earlier writer is aborted.

        Raises:
            TopicUnwritableError: Kafka does not answer.
        """
        try:
            self._producer.init_transactions(_TIMEOUT_S)
        except KafkaException as error:
            raise self._failed(error) from error
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Nothing is open: `write` commits or aborts."""

    def write(self, records: Iterable[tuple[int, bytes | None, bytes]]) -> None:
        """One transaction.

        Args:
            records: partition, key and value of each.

        Raises:
            TopicUnwritableError: nothing of it is visible.
        """
        try:
            self._producer.begin_transaction()
            for partition, key, value in records:
                self._producer.produce(self._topic, value, key, partition)
                self._producer.poll(0)
            self._producer.flush(_TIMEOUT_S)
            self._producer.commit_transaction(_TIMEOUT_S)
        except KafkaException as error:
            failed = self._failed(error)
            self._abort(error)
            raise failed from error

    def _abort(self, error: KafkaException) -> None:
        if error.args[0].fatal():
            return
        try:
            self._producer.abort_transaction(_TIMEOUT_S)
        except KafkaException:  # the next writer's start ends it
            return

    def _lacks(self, said: KafkaError) -> str | None:
        """The right that Kafka refused for want of, if that was it."""
        if "TRANSACTIONAL_ID_AUTHORIZATION_FAILED" in said.name() or "Transactional Id authorization" in said.str():
            return f"Write on transactional id sentistream-writer-{self._topic}"
        return f"Write on topic {self._topic}" if lacks_right(said) else None

    def _failed(self, error: KafkaException) -> TopicUnwritableError:
        said = error.args[0]
        fenced = said.fatal() and "fenced" in said.str().lower()
        advice = "Another run writes to it now." if fenced else "Run it again: it goes on after what is written."
        if right := self._lacks(said):
            advice = f"This login lacks {right}: deploy/acls has all that each service and command needs."
        return TopicUnwritableError(f"{self._topic} was not written: {said.str()}. {advice}")
