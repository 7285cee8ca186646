"""Partitions come and go: where to go on in each, by what was committed, and what is dropped when one is lost."""

import time
from collections.abc import Callable
from typing import Any, Final

import structlog
from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaException, TopicPartition

from schemas.chat import Source
from worker.errors import KafkaFailedError, RequestsMissingError, WatermarkMissingError
from worker.first_start import current_topic_id, last_done
from worker.labelling_thread import LabellingThread
from worker.partitions import Assignments
from worker.settings import WorkerSettings
from worker.watermark import ANY_OFFSET, Watermark

log = structlog.get_logger()

_STEP_S: Final = 5.0
_TURN_S: Final = 0.05
#: A commit is four operations at most, each with the deadline, and one of them may hang for a while beyond it.
_COMMIT_DEADLINES: Final = 4
_COMMIT_HANGS_S: Final = 20.0


class PartitionOwner:
    """Follows the group's rebalances. Its callbacks run inside the consumer's poll.

    Args:
        settle: returns once no commit runs, or raises after so many seconds.
        stopping: the worker was told to stop; then nothing is begun any more that waits for Kafka.

    Attributes:
        failed: what a callback could not raise through librdkafka; the loop raises it.
    """

    def __init__(
        self,
        consumer: Consumer,
        settings: WorkerSettings,
        assignments: Assignments,
        labelling: LabellingThread,
        settle: Callable[[float], None],
        stopping: Callable[[], bool] = lambda: False,
    ) -> None:
        self.failed: Exception | None = None
        self._consumer = consumer
        self._settings = settings
        self._assignments = assignments
        self._labelling = labelling
        self._settle = settle
        self._stopping = stopping

    def subscribe(self) -> None:
        """Join the group."""
        self._consumer.subscribe(
            [self._settings.requests], on_assign=self._on_assign, on_revoke=self._on_revoke, on_lost=self._on_lost
        )

    def rejoin(self) -> None:
        """Leave the group, although a static member, and join it again: Kafka then assigns all partitions anew."""
        self._consumer.unsubscribe()
        deadline = time.monotonic() + self._settings.kafka_deadline_seconds
        while self._consumer.assignment():
            if self._stopping():
                self._lose_all()
                return
            # What still comes is of partitions that are given up; their next owner reads it again.
            self._consumer.poll(_TURN_S)
            if time.monotonic() > deadline:
                raise KafkaFailedError("the consumer could not give up its partitions: start the worker again")
        self.subscribe()

    def restart(self) -> None:
        """Go back to what is committed in every partition, as after an unknown outcome; drop what is in hand."""
        partitions = [TopicPartition(self._settings.requests, one.partition) for one in self._assignments]
        self._lose_all()
        self._reposition(self._begin(partitions))

    def _lose_all(self) -> None:
        self._labelling.cancel(self._assignments)
        for one in list(self._assignments):
            self._assignments.lose(one.partition)

    def accept_lost_range(self, partition: int, *, error: str) -> None:
        """An offset to go on from is not there: go on at the first one that is, or raise RequestsMissingError."""
        where = TopicPartition(self._settings.requests, partition)
        low, high = self._consumer.get_watermark_offsets(where, timeout=_STEP_S)
        assignment = self._assignments.get(partition)
        wanted = assignment.next_offset if assignment else None
        text = (
            f"{self._settings.requests} partition {partition}: offset {wanted} is not there any more ({error}); "
            f"the partition now holds {low} to {high - 1}. What stood between is lost"
        )
        if not self._settings.accept_loss:
            raise RequestsMissingError(f"{text}. ACCEPT_LOSS=true goes on without it")
        log.error("loss_accepted", detail=text)
        if assignment is not None:
            assignment.next_offset = low
        self._reposition([TopicPartition(self._settings.requests, partition, low)])

    def _reposition(self, starts: list[TopicPartition]) -> None:
        """As a seek, which librdkafka refuses for a partition whose offset was not there."""
        self._consumer.incremental_unassign(starts)
        self._consumer.incremental_assign(starts)

    def _on_assign(self, _: Consumer, partitions: list[TopicPartition]) -> None:
        self._guard(lambda: self._consumer.incremental_assign(self._begin(partitions)))
        if partitions:
            log.info("partitions_assigned", partitions=sorted(one.partition for one in partitions))

    def _on_revoke(self, _: Consumer, partitions: list[TopicPartition]) -> None:
        self._drop(partitions, "partitions_revoked")

    def _on_lost(self, _: Consumer, partitions: list[TopicPartition]) -> None:
        self._drop(partitions, "partitions_lost")

    def _drop(self, partitions: list[TopicPartition], event: str) -> None:
        """Before this returns nothing in hand of these partitions can be written any more (guarantee 6)."""
        # A commit that runs may hold their results; it ends here, while they are still ours or it is refused.
        longest = _COMMIT_DEADLINES * self._settings.kafka_deadline_seconds + _COMMIT_HANGS_S
        self._guard(lambda: self._settle(longest))
        held = [self._assignments.get(one.partition) for one in partitions]
        in_hand = sum(len(one.entries) for one in held if one is not None)
        lost = [self._assignments.lose(one.partition) for one in partitions]
        self._labelling.cancel([one for one in lost if one is not None])
        self._guard(lambda: self._consumer.incremental_unassign(partitions))
        log.info(event, partitions=sorted(one.partition for one in partitions), dropped=in_hand)

    def _begin(self, partitions: list[TopicPartition]) -> list[TopicPartition]:
        """Start each partition from what is committed; says where that is. None at a stop: the next process does."""
        starts = []
        found = self._committed(partitions)
        uncommitted = self._marks_without_commit([one.partition for one in found if one.offset < 0])
        for committed in found:
            if committed.offset < 0:
                self._assignments.start(committed.partition, uncommitted[committed.partition], None)
                starts.append(TopicPartition(committed.topic, committed.partition, OFFSET_BEGINNING))
                continue
            mark = self._mark(committed)
            if mark.topic_id is None and mark.offset != ANY_OFFSET:
                mark = self._first_mark(committed.partition)
            self._assignments.start(committed.partition, mark, committed.offset)
            starts.append(TopicPartition(committed.topic, committed.partition, committed.offset))
        return starts

    def _mark(self, committed: TopicPartition) -> Watermark:
        try:
            return Watermark.from_metadata(
                committed.metadata or "", f"{committed.topic} partition {committed.partition}"
            )
        except WatermarkMissingError as error:
            if not self._settings.accept_missing_watermark:
                raise
            log.warning("watermark_missing_accepted", partition=committed.partition, detail=str(error))
            return Watermark(offset=ANY_OFFSET)

    def _marks_without_commit(self, partitions: list[int]) -> dict[int, Watermark]:
        """A first start; or Kafka has forgotten a commit, which the events tell."""
        done = last_done(self._settings, partitions)
        current = current_topic_id(self._settings) if done else None
        return {
            one: self._mark_behind(one, done[one], current) if one in done else self._first_mark(one)
            for one in partitions
        }

    def _mark_behind(self, partition: int, done: Source, current: str | None) -> Watermark:
        """Of a partition that has been answered up to there; ``current`` is the id of the messages' topic, if known."""
        mark = Watermark(done.topic_id, done.offset)
        if current not in (None, done.topic_id):
            log.warning("topic_made_anew", partition=partition, was=done.topic_id)
            return mark
        text = (
            f"nothing is committed for {self._settings.requests} partition {partition} in the group "
            f"{self._settings.worker_group}, although {self._settings.events} holds the answer to offset {done.offset} "
            f"of {self._settings.messages}: Kafka forgot the offset (offsets.retention.minutes), or it was deleted"
        )
        if not self._settings.accept_missing_watermark:
            raise WatermarkMissingError(
                f"{text}. ACCEPT_MISSING_WATERMARK=true, once, goes on behind that answer; dead letters that came "
                "after it may be written a second time"
            )
        log.warning("watermark_missing_accepted", partition=partition, detail=text)
        return mark

    def _first_mark(self, partition: int) -> Watermark:
        """Nothing was accepted yet: the first request must follow on the first message that is there."""
        where = TopicPartition(self._settings.messages, partition)
        try:
            low, _ = self._consumer.get_watermark_offsets(where, timeout=_STEP_S)
        except KafkaException as error:
            text = error.args[0].str()
            log.warning("messages_not_visible", topic=where.topic, partition=partition, error=text)
            return Watermark(offset=ANY_OFFSET)
        return Watermark(offset=low - 1)

    def _committed(self, partitions: list[TopicPartition]) -> list[TopicPartition]:
        """Stable offsets: while a transaction is pending Kafka makes this call wait. Nothing where a stop comes."""
        if not partitions:
            return []
        deadline = time.monotonic() + self._settings.kafka_deadline_seconds
        while not self._stopping():
            try:
                found: list[Any] = self._consumer.committed(partitions, timeout=_STEP_S)
                bad = next((one.error for one in found if one.error is not None), None)
            except KafkaException as error:
                bad = error.args[0]
            if bad is None:
                return found
            if time.monotonic() > deadline:
                raise KafkaFailedError(f"Kafka does not say what is committed for {partitions}: {bad}")
            log.warning("committed_offsets_unavailable", error=str(bad))
        return []

    def _guard(self, work: Callable[[], Any]) -> None:
        try:
            work()
        except Exception as error:  # noqa: BLE001 -- librdkafka would only print it
            self.failed = error
