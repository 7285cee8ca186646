"""The consumer's loop: take requests, hand them to the labeller, commit finished prefixes, all on one thread."""

import sys
import threading
import time
from typing import Any, Final

import structlog
from confluent_kafka import Consumer, KafkaError, TopicPartition

from worker import metrics
from worker.assignment import PartitionOwner
from worker.errors import FencedError, KafkaFailedError, OutcomeUnknownError
from worker.intake import Intake, Job
from worker.labelling_thread import LabellingThread
from worker.partitions import Assignments
from worker.prefix_commits import PrefixCommits
from worker.progress import Progress
from worker.settings import WorkerSettings
from worker.take_ahead import TakeAhead
from worker.topic_check import TopicWatch
from worker.transactions import Committer
from worker.unheld_partitions import UnheldPartitions

log = structlog.get_logger()

#: A poll while answers are awaited, and one while nothing is.
_BUSY_POLL_S: Final = 0.003
_IDLE_POLL_S: Final = 0.05
#: Kafka's threads and the labeller's hand over to each other all the time; by default Python lets one wait for 5 ms.
_SWITCH_S: Final = 0.0005
#: At most so many records are taken at once, so that commits do not wait for them.
_BATCH: Final = 128
#: Full for so long: pause the partitions and poll, so that rebalances go on. Pausing throws fetched records away.
_SATURATED_S: Final = 0.25


class ConsumerLoop:
    """One worker's hold on Kafka.

    Attributes:
        polled_at: when the consumer was last polled, by the monotonic clock.
        paused: nothing is taken for now: the engine is out, or enough is in flight.
    """

    def __init__(
        self,
        settings: WorkerSettings,
        consumer: Consumer,
        committer: Committer,
        intake: Intake,
        labelling: LabellingThread,
    ) -> None:
        self.polled_at = time.monotonic()
        self._settings = settings
        self._consumer = consumer
        self._committer = committer
        self._intake = intake
        self._labelling = labelling
        self._assignments = Assignments()
        self._progress = Progress(settings)
        self._ahead = TakeAhead(settings, consumer, self._assignments)
        self._commits = PrefixCommits(settings, consumer, committer, self._assignments, self._progress)
        self._stop = threading.Event()
        self._owner = PartitionOwner(
            consumer, settings, self._assignments, labelling, self._commits.settle, self._stop.is_set
        )
        self._topics = TopicWatch(consumer, settings)
        self._unheld = UnheldPartitions(settings, self._owner.rejoin)
        self.paused = False
        self._paused_assignments = 0
        self._full_since: float | None = None
        self._backlog = False

    def stop(self) -> None:
        """Finish what is in flight and return from `run`; safe from a signal handler."""
        self._stop.set()

    @property
    def stopping(self) -> bool:
        """`stop` was called."""
        return self._stop.is_set()

    def run(self) -> None:
        """Work until `stop`; raises WorkerError where it cannot go on."""
        if self._stop.is_set():
            return
        sys.setswitchinterval(_SWITCH_S)
        self._committer.start()
        self._owner.subscribe()
        try:
            while not self._stop.is_set():
                self._step(take=True)
            self._finish()
        finally:
            self._commits.close()

    def _finish(self) -> None:
        """Commit what is in flight, as far as the time for a stop goes."""
        deadline = time.monotonic() + self._settings.stop_seconds
        waiting = self._labelling.give_up_waiting()
        for job in waiting:
            job.entry.assignment.cut(job.entry)
            job.entry.assignment.running -= 1
        log.info("stopping", pending=self._assignments.pending, waiting_left_for_the_next=len(waiting))
        while self._assignments.pending and time.monotonic() < deadline:
            self._step(take=False)
        log.info("stopped", left_for_the_next=self._assignments.pending)

    def _step(self, *, take: bool) -> None:
        if take:
            self._take()
        else:
            self._labelling.wait(_IDLE_POLL_S)
        if self._owner.failed is not None:
            raise self._owner.failed
        if self._labelling.failed is not None:
            raise self._labelling.failed
        self._collect()
        try:
            self._commits.commit_when_due(at_once=not take, backlog=self._backlog)
        except OutcomeUnknownError:
            self._owner.restart()
            if not self.paused:
                self._consumer.resume(self._takeable())
        self._progress.check(self._assignments, self._labelling.out_since)
        self._topics.check()
        if take:
            self._unheld.check()

    def _take(self) -> None:
        """Poll once, and take what there is room for."""
        room = self._ahead.room()
        self._steer(room)
        if not self.paused:
            self._ahead.balance()
        if room <= 0 and not self.paused:
            self._labelling.wait(_BUSY_POLL_S)
            return
        wait = _BUSY_POLL_S if self._assignments.pending else _IDLE_POLL_S
        first = self._consumer.poll(self._commits.poll_seconds(wait, backlog=self._backlog))
        self.polled_at = time.monotonic()
        if first is None:
            self._backlog = False
            return
        # poll returns with the first record, consume only when it has all it was asked for.
        more = min(room, _BATCH) - 1
        messages = [first, *(self._consumer.consume(more, timeout=0) if more > 0 else ())]
        self._backlog = len(messages) >= min(room, _BATCH)
        jobs = [job for message in messages if (job := self._take_one(message)) is not None]
        if jobs:
            self._labelling.submit(jobs)

    def _take_one(self, message: Any) -> Job | None:
        if (error := message.error()) is not None:
            self._consumer_error(message, error)
            return None
        assignment = self._assignments.get(message.partition())
        if assignment is None or assignment.parked is not None:
            return None
        if assignment.next_offset is not None and message.offset() < assignment.next_offset:
            return None
        job = self._intake.take(assignment, message)
        metrics.LAG_SECONDS.set(time.time() - message.timestamp()[1] / 1000)
        if assignment.parked is not None:
            self._consumer.pause([TopicPartition(self._settings.requests, assignment.partition)])
        if job is not None:
            assignment.running += 1
        return job

    def _consumer_error(self, message: Any, error: KafkaError) -> None:
        code = error.code()
        if code in (KafkaError._AUTO_OFFSET_RESET, KafkaError.OFFSET_OUT_OF_RANGE):  # noqa: SLF001 -- librdkafka's name
            self._owner.accept_lost_range(message.partition(), error=error.str())
        elif code == KafkaError._FATAL and "fenced" in error.str():  # noqa: SLF001
            # librdkafka tells the code below a fatal error in words only.
            raise FencedError(
                f"another process joined the group under this WORKER_ID: {error.str()}. Give each replica its own. "
                "Just after a broker's crash it was this process itself, and a restart helps"
            )
        elif error.fatal() or code in (KafkaError.TOPIC_AUTHORIZATION_FAILED, KafkaError.GROUP_AUTHORIZATION_FAILED):
            raise KafkaFailedError(
                f"the consumer of {self._settings.requests} in group {self._settings.worker_group} cannot go on: "
                f"{error.name()}: {error.str()}"
            )
        else:
            log.warning("consumer_error", error=error.name(), detail=error.str())

    def _steer(self, room: int) -> None:
        """Pause when full for long, or while the engine is out; go on once half of the room is there again."""
        now = time.monotonic()
        out = self._labelling.out_since
        out_long = out is not None and now - out > self._settings.outage_grace_seconds
        self._full_since = None if room > 0 else self._full_since or now
        full_long = self._full_since is not None and now - self._full_since > _SATURATED_S
        if not self.paused and (out_long or full_long):
            self._pause(reason="engine out" if out_long else "enough in flight")
        elif self.paused and out is None and room * 2 >= self._settings.max_in_flight:
            self._consumer.resume(self._takeable())
            self.paused = False
            metrics.PAUSED.set(0)
            log.info("resumed")
        elif self.paused and self._paused_assignments != self._assignments.started:
            # Partitions that were assigned since then come unpaused.
            self._pause(reason="partitions assigned while paused")

    def _pause(self, reason: str) -> None:
        self._consumer.pause(self._takeable())
        self.paused = True
        self._paused_assignments = self._assignments.started
        metrics.PAUSED.set(1)
        log.info("paused", reason=reason)

    def _takeable(self) -> list[TopicPartition]:
        topic = self._settings.requests
        return [
            TopicPartition(topic, one.partition)
            for one in self._assignments
            if one.parked is None and not one.held_back
        ]

    def _collect(self) -> None:
        """Put results to their entries; those of lost assignments are thrown away."""
        results = self._labelling.results
        while results:
            job, outcome = results.popleft()
            assignment = job.entry.assignment
            if not assignment.lost:
                assignment.running -= 1
                job.entry.finish(outcome)
