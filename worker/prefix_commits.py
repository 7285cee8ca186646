"""Commits finished prefixes: when one is due, what goes into its transaction, and what follows from how that ended."""

import time
from importlib.metadata import version
from typing import Final

import structlog
from confluent_kafka import Consumer, TopicPartition

from worker.dead_letters import DeadLetterCap
from worker.errors import OutcomeUnknownError, TransactionAbortedError
from worker.outcome_metrics import observe
from worker.partitions import Assignment, Assignments, Entry
from worker.progress import Progress
from worker.settings import WorkerSettings
from worker.transactions import Committer

log = structlog.get_logger()

_ABORT_PAUSE_S: Final = 0.05
#: While more waits in Kafka than there is room for, larger transactions cost nobody time.
_BACKLOG_LINGER_MS: Final = 150.0
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

    def commit_when_due(self, *, at_once: bool, backlog: bool) -> None:
        """Commit what is finished, if it has waited long enough for more.

        Args:
            at_once: do not wait.
            backlog: more waits in Kafka than there is room for.

        Raises:
            OutcomeUnknownError: only the committed offsets can tell what was committed; the producer is ready again.
        """
        now = time.monotonic()
        # Seen from the heads alone: building every prefix on every turn would cost a tenth of the rate.
        heads = [one.entries[0] for one in self._assignments if one.entries and one.entries[0].outcome is not None]
        if not heads or now < self._not_before:
            return
        waited_ms = (now - min(head.finished_at for head in heads)) * 1000
        if not at_once and waited_ms < self._linger_ms(backlog=backlog):
            return
        prefixes: list[tuple[Assignment, list[Entry]]] = []
        left = self._settings.commit_events
        for assignment in self._assignments:
            if prefix := assignment.finished_prefix(left):
                prefixes.append((assignment, prefix))
                left -= len(prefix)
        self._commit(prefixes)

    def _linger_ms(self, *, backlog: bool) -> float:
        """No wait where nothing else is on its way; a longer one where nobody's message waits for its own answer."""
        running = self._assignments.running
        if not running:
            return 0.0
        full = self._assignments.pending - running >= self._settings.commit_events
        linger = self._settings.commit_linger_ms
        return max(linger, _BACKLOG_LINGER_MS) if backlog and not full else linger

    def _commit(self, prefixes: list[tuple[Assignment, list[Entry]]]) -> None:
        entries = [entry for _, prefix in prefixes for entry in prefix]
        for entry in entries:
            if entry.outcome is not None and entry.outcome.record is not None and not entry.counted:
                entry.counted = True
                self._cap.count(entry.outcome)
                entry.outcome.record.headers.append((_PREFIX_HEADER, b"%.1f" % (entry.wait_for_prefix() * 1000)))
        records = [entry.outcome.record for entry in entries if entry.outcome and entry.outcome.record]
        offsets = [self._offset(prefix[-1]) for _, prefix in prefixes]
        try:
            self._committer.commit(records, offsets, self._consumer.consumer_group_metadata())
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
        self._progress.committed()
        for assignment, prefix in prefixes:
            assignment.pop(len(prefix))
        observe(entries)

    def _offset(self, last: Entry) -> TopicPartition:
        metadata = last.mark.to_metadata(_VERSION)
        topic = self._settings.requests
        return TopicPartition(topic, last.assignment.partition, last.offset + 1, metadata=metadata)
