"""One short transaction at a time: records, the offsets they answer, the commit. The one place that retries."""

import math
import time
from collections.abc import Callable, Sequence
from typing import Any, Final, NoReturn, Protocol

import structlog
from confluent_kafka import KafkaError, KafkaException, Producer, TopicPartition

from worker import metrics
from worker.errors import FencedError, KafkaFailedError, OutcomeUnknownError, TransactionAbortedError
from worker.faultpoints import FaultPoints
from worker.late_calls import CallLostError, LateCalls
from worker.records import Record

log = structlog.get_logger()

#: One wait of librdkafka; between two of them the deadline is looked at.
_STEP_S: Final = 5.0
_RETRY_PAUSE_S: Final = 0.02
#: Sending offsets ignores its time-out once the group's coordinator has gone (librdkafka's issues 5456 and 5511), and
#: hung for ever when the only broker was killed and came back.
_LOST_S: Final = 3 * _STEP_S
#: What a call gets that begins when a stop's time is up.
_LAST_S: Final = 1.0
_FENCED: Final = frozenset(
    {
        KafkaError._FENCED,  # noqa: SLF001 -- librdkafka's own codes begin so
        KafkaError.FENCED_INSTANCE_ID,
        KafkaError.INVALID_PRODUCER_EPOCH,
        KafkaError.PRODUCER_FENCED,
    }
)
#: What Kafka will say again however often it is asked: its settings, or ours, must change.
_REFUSED: Final = {
    KafkaError.MSG_SIZE_TOO_LARGE: "Raise that topic's max.message.bytes (`sentistream topics` says to what)",
    KafkaError.INVALID_TIMESTAMP: "Set this machine's clock, which is ahead of what Kafka takes",
    KafkaError.TOPIC_AUTHORIZATION_FAILED: "Let this worker's user write to that topic",
    KafkaError.GROUP_AUTHORIZATION_FAILED: "Let this worker's user read with its WORKER_GROUP",
}


class Committer(Protocol):
    """Makes records and offsets visible together."""

    def start(self) -> None:
        """Get ready for the first commit, and end what an earlier process of this name left open."""

    def commit(self, records: Sequence[Record], offsets: list[TopicPartition], group: Any) -> None:
        """Write all or nothing.

        Args:
            records: in the order in which they go to their partitions.
            offsets: the next ones to be read, with metadata.
            group: the consumer's group metadata of this moment.

        Raises:
            TransactionAbortedError: nothing was written; the same call can be made again.
            KafkaFailedError: nothing was written, and it would be refused again.
            OutcomeUnknownError: only the committed offsets can tell; `start` first.
            FencedError: another process has this name.
        """


class TransactionalCommitter:
    """Commits by Kafka transactions.

    Args:
        make_producer: a new producer, always of the same transactional.id.
        deadline_s: how long one operation is retried.
        until: when a stop wants all to be over, by the monotonic clock, whatever the deadline says.
    """

    def __init__(
        self,
        make_producer: Callable[[], Producer],
        faults: FaultPoints,
        deadline_s: float,
        until: Callable[[], float] = lambda: math.inf,
        *,
        name: str = "",
    ) -> None:
        self._name = name
        self._make_producer = make_producer
        self._faults = faults
        self._deadline_s = deadline_s
        self._until = until
        self._producer: Producer | None = None
        self._late_calls = LateCalls()

    def start(self) -> None:
        """Begin anew with a new producer; an open transaction of its predecessor is ended by this."""
        self._producer = None  # the old one is closed before the new one speaks
        producer = self._make_producer()
        try:
            self._retry(lambda: producer.init_transactions(_STEP_S))
        except KafkaException as error:
            if error.args[0].code() != KafkaError.TRANSACTIONAL_ID_AUTHORIZATION_FAILED:
                _raise_if_fenced(error)
            raise KafkaFailedError(
                f"Kafka did not let this worker's transactions begin: {_text(error)}. Is the cluster up, and may this "
                f"user use the transactional.id {self._name}? deploy/acls/worker.sh has all that the worker needs"
            ) from error
        self._producer = producer

    def commit(self, records: Sequence[Record], offsets: list[TopicPartition], group: Any) -> None:
        """One transaction; raises as the protocol says."""
        started = time.monotonic()
        producer = self._producer
        if producer is None:
            raise OutcomeUnknownError("the producer was not started")
        try:
            producer.begin_transaction()
            for record in records:
                self._produce(producer, record)
            self._faults.reach("after_produce")
            # Without this the offsets wait 100 ms for the records' last batch.
            self._flush(producer)
            self._retry(lambda: self._send_offsets(producer, offsets, group))
            self._faults.reach("after_offsets_sent")
        except KafkaException as error:
            self._abort(producer, error)
        except CallLostError as error:
            self._lose(error, f"librdkafka did not come back from sending offsets: {error}")
        self._end(producer)
        metrics.TRANSACTIONS.labels("committed").inc()
        metrics.TRANSACTION_SECONDS.observe(time.monotonic() - started)

    def _send_offsets(self, producer: Producer, offsets: list[TopicPartition], group: Any) -> None:
        left = max(self._until() - time.monotonic(), _LAST_S)
        self._late_calls.make(lambda: producer.send_offsets_to_transaction(offsets, group, _STEP_S), min(_LOST_S, left))

    def _end(self, producer: Producer) -> None:
        try:
            self._faults.reach("before_commit")
            self._retry(lambda: producer.commit_transaction(_STEP_S))
            self._faults.reach("after_commit")
        except KafkaException as error:
            if error.args[0].txn_requires_abort():
                self._abort(producer, error)
            _raise_if_fenced(error)
            self._lose(error, _text(error))

    def _abort(self, producer: Producer, error: KafkaException) -> NoReturn:
        _raise_if_fenced(error)
        try:
            self._retry(lambda: producer.abort_transaction(_STEP_S))
        except KafkaException as abort_error:
            _raise_if_fenced(abort_error)
            self._lose(abort_error, _text(abort_error))
        metrics.TRANSACTIONS.labels("aborted").inc()
        if (advice := _REFUSED.get(error.args[0].code())) is not None:
            raise KafkaFailedError(f"Kafka refuses what this worker writes: {_text(error)}. {advice}") from error
        raise TransactionAbortedError(_text(error)) from error

    def _lose(self, error: Exception, text: str) -> NoReturn:
        metrics.TRANSACTIONS.labels("unknown").inc()
        self._producer = None
        raise OutcomeUnknownError(text) from error

    def _flush(self, producer: Producer) -> None:
        """In steps, between which a stop can shorten the time."""
        deadline = time.monotonic() + self._deadline_s
        while _waiting(lambda: producer.flush(_STEP_S)) and time.monotonic() < min(deadline, self._until()):
            pass

    def _retry(self, operation: Callable[[], None]) -> None:
        """Call until it works, fails for good, or the time is up."""
        deadline = time.monotonic() + self._deadline_s
        while True:
            try:
                return operation()
            except KafkaException as error:
                if not error.args[0].retriable() or time.monotonic() > min(deadline, self._until()):
                    raise
                log.debug("kafka_retry", error=_text(error))
                time.sleep(_RETRY_PAUSE_S)

    def _produce(self, producer: Producer, record: Record) -> None:
        place: dict[str, Any] = {} if record.partition is None else {"partition": record.partition}
        while True:
            try:
                producer.produce(record.topic, record.value, record.key, headers=record.headers, **place)
            except BufferError:
                _waiting(lambda: producer.poll(0.1))
            else:
                return


def _waiting(work: Callable[[], int]) -> int:
    """What the client says of its work; 0 where a fatal error came up in it, which its next call raises.

    confluent-kafka calls the logger while that error is pending, and then even the look-up of its method may fail.
    """
    try:
        return work()
    except (AttributeError, SystemError) as error:
        log.warning("kafka_callback_failed", error=repr(error))
        return 0


def _raise_if_fenced(error: KafkaException) -> None:
    kafka_error = error.args[0]
    if kafka_error.code() in _FENCED:
        raise FencedError(
            f"another process took over this WORKER_ID, or a transaction was open for longer than "
            f"TRANSACTION_TIMEOUT_MS: {_text(error)}. Give each replica a WORKER_ID of its own"
        ) from error
    if kafka_error.fatal():
        raise KafkaFailedError(f"the producer cannot go on: {_text(error)}") from error


def _text(error: KafkaException) -> str:
    return f"{error.args[0].name()}: {error.args[0].str()}"
