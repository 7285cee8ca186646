"""Commits finished prefixes: when one is due, what goes into its transaction, and what follows from how that ended.

A commit runs on a thread of its own, one at a time; everything here is called by the consumer's thread.
"""

import math
import time
from importlib.metadata import version
from typing import Final

import structlog
from confluent_kafka import Consumer, TopicPartition

from worker.call_thread import CallThread, Running
from worker.dead_letters import DeadLetterCap
from worker.errors import KafkaFailedError, OutcomeUnknownError, TransactionAbortedError
from worker.outcome_metrics import observe
from worker.partitions import Assignment, Assignments, Entry
from worker.progress import Progress
from worker.settings import WorkerSettings
from worker.transactions import Committer

log = structlog.get_logger()

_ABORT_PAUSE_S: Final = 0.05
#: While more waits in Kafka than there is room for, larger transactions cost nobody time.
_BACKLOG_LINGER_MS: Final = 150.0
#: How soon the end of a commit is seen: the next one begins `_GAP_S` after that end, sooner would bring nothing.
_RUNNING_POLL_S: Final = 0.003
#: Kafka answers a commit before its marks are written, and tells a transaction that begins before they are to come
#: again, which librdkafka does after 20 ms. With 6 ms between two of them 1 in 100 took so long.
_GAP_S: Final = 0.005
_VERSION: Final = version("sentistream")
#: How long an answer waited for those before it, so that a latency can be told apart from the order's price.
_PREFIX_HEADER: Final = "sentistream-prefix-ms"


class PrefixCommits:
    """The consumer's half of a commit; `Committer` is the producer's."""

    def __init__(
        self,
        settings: WorkerSettings,
        consumer: Consumer,
        committer: Committer,
        assignments: Assignments,
        progress: Progress,
    ) -> None:
        self._settings = settings
        self._consumer = consumer
        self._committer = committer
        self._assignments = assignments
        self._progress = progress
        self._cap = DeadLetterCap(settings.dead_letter_share, settings.dead_letter_window)
        self._not_before = 0.0
        self._gap_until = 0.0
        self._thread = CallThread("commits")
        self._running: Running | None = None
        self._prefixes: list[tuple[Assignment, list[Entry]]] = []

    def commit_when_due(self, *, at_once: bool, backlog: bool) -> None:
        """Commit what is finished, if it has waited long enough for more and no commit runs.

        Args:
            at_once: do not wait for more, but for the commit.
            backlog: more waits in Kafka than there is room for.

        Raises:
            OutcomeUnknownError: only the committed offsets can tell what was committed; the producer is ready again.
        """
        if self._running is not None:
            if not self._running.done and not at_once:
                return
            self._finish(self._running)
        due_in = self._due_in(backlog=backlog)
        if math.isinf(due_in) or (due_in > 0 and not at_once) or time.monotonic() < self._not_before:
            return
        self._begin()
        if at_once and self._running is not None:
            self._finish(self._running)

    def settle(self, timeout_s: float) -> None:
        """Return once no commit runs; how it ended is seen later.

        Raises:
            KafkaFailedError: it did not end.
        """
        if self._running is not None and not self._running.wait(timeout_s):
            raise KafkaFailedError(f"a commit did not end within {timeout_s:g} s. Is the cluster up?")

    def close(self) -> None:
        """End the thread after the commit that runs."""
        self._thread.close()

    def poll_seconds(self, most: float, *, backlog: bool) -> float:
        """For how long the consumer may be polled, at most, before there is something to do here."""
        if self._running is not None:
            return min(most, _RUNNING_POLL_S)
        due_in = self._due_in(backlog=backlog)
        # librdkafka counts whole milliseconds: rounded down it would be asked again and again.
        return most if due_in >= most else math.ceil(max(due_in, 0.0) * 1000) / 1000

    def _due_in(self, *, backlog: bool) -> float:
        """Seconds until a commit is due; infinite where nothing is finished."""
        # Seen from the heads alone: building every prefix on every turn would cost a tenth of the rate.
        heads = [one.entries[0] for one in self._assignments if one.entries and one.entries[0].outcome is not None]
        if not heads:
            return math.inf
        due_at = min(head.finished_at for head in heads) + self._linger_ms(backlog=backlog) / 1000
        return max(due_at, self._not_before, self._gap_until) - time.monotonic()

    def _linger_ms(self, *, backlog: bool) -> float:
        """No wait where nothing else is on its way; a longer one where nobody's message waits for its own answer."""
        running = self._assignments.running
        if not running:
            return 0.0
        full = self._assignments.pending - running >= self._settings.commit_events
        linger = self._settings.commit_linger_ms
        return max(linger, _BACKLOG_LINGER_MS) if backlog and not full else linger

    def _begin(self) -> None:
        prefixes: list[tuple[Assignment, list[Entry]]] = []
        left = self._settings.commit_events
        for assignment in self._assignments:
            if prefix := assignment.finished_prefix(left):
                prefixes.append((assignment, prefix))
                left -= len(prefix)
        entries = [entry for _, prefix in prefixes for entry in prefix]
        for entry in entries:
            if entry.outcome is not None and entry.outcome.record is not None and not entry.counted:
                entry.counted = True
                self._cap.count(entry.outcome)
                entry.outcome.record.headers.append((_PREFIX_HEADER, b"%.1f" % (entry.wait_for_prefix() * 1000)))
        records = [entry.outcome.record for entry in entries if entry.outcome and entry.outcome.record]
        offsets = [self._offset(prefix[-1]) for _, prefix in prefixes]
        # Of this moment: a commit that is overtaken by a rebalance is refused for its generation.
        group = self._consumer.consumer_group_metadata()
        self._prefixes = prefixes
        self._running = self._thread.submit(lambda: self._committer.commit(records, offsets, group))

    def _finish(self, running: Running) -> None:
        """Wait for a commit and draw its consequences."""
        try:
            running.result()
        except TransactionAbortedError as error:
            # Mostly a rebalance: the next poll tells which partitions are still ours.
            log.warning("transaction_aborted", error=str(error))
            self._not_before = time.monotonic() + _ABORT_PAUSE_S
            return
        except OutcomeUnknownError as error:
            log.warning("transaction_outcome_unknown", error=str(error))
            self._progress.outcome_unknown()
            self._committer.start()
            raise
        finally:
            self._running = None
        self._progress.committed()
        self._gap_until = running.ended_at + _GAP_S
        for assignment, prefix in self._prefixes:
            # One that was lost since then holds nothing any more.
            if not assignment.lost:
                assignment.pop(len(prefix))
        entries = [entry for _, prefix in self._prefixes for entry in prefix]
        observe(entries)
        for entry in entries:
            if entry.trace is not None:
                entry.trace.committed()

    def _offset(self, last: Entry) -> TopicPartition:
        metadata = last.mark.to_metadata(_VERSION)
        topic = self._settings.requests
        return TopicPartition(topic, last.assignment.partition, last.offset + 1, metadata=metadata)
