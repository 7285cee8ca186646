"""Partitions that nobody holds after some were added: static membership gives a restarted worker its old ones only.

Kafka answers a static member that is back within its session time-out with the assignment of before, and asks nobody
for a new one; librdkafka compares partition counts with those at its own start. So partitions that were added in
between would stay unread until somebody joins or leaves. One worker then leaves the group and joins again.
"""

import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, Final

import structlog
from confluent_kafka import ConsumerGroupState, KafkaException, TopicCollection
from confluent_kafka.admin import AdminClient

from schemas.group_description import ask_for_group
from worker.clients import group_instance_id
from worker.settings import WorkerSettings

log = structlog.get_logger()

#: The first look comes soon: it is a start that leaves partitions behind.
_FIRST_S: Final = 3.0
_EVERY_S: Final = 60.0
#: Between two rebalances of the cooperative protocol nobody holds what moves; it is looked at twice.
_AGAIN_S: Final = 3.0
_ANSWER_S: Final = 10.0


@dataclass(frozen=True, slots=True)
class _Question:
    """Two answers that are awaited, without holding up the loop."""

    group: "Future[Any]"
    topic: "Future[Any]"
    asked_at: float

    @property
    def is_answered(self) -> bool:
        return self.group.done() and self.topic.done()


class UnheldPartitions:
    """Looks now and then at who holds what.

    Args:
        settings: with the group and the topic.
        rejoin: leaves the group and joins it again.
    """

    def __init__(self, settings: WorkerSettings, rejoin: Callable[[], None]) -> None:
        self._settings = settings
        self._rejoin = rejoin
        self._admin: AdminClient | None = None
        self._question: _Question | None = None
        self._seen: tuple[int, ...] = ()
        self._next = time.monotonic() + _FIRST_S

    def check(self) -> None:
        """Ask, or look at the answer; no answer is no news."""
        now = time.monotonic()
        if self._question is None:
            if now >= self._next:
                self._question = self._ask(now)
            return
        if not self._question.is_answered:
            if now - self._question.asked_at > 2 * _ANSWER_S:
                # What was asked while the broker was away is not answered when it is back: a new client asks next.
                self._question, self._admin, self._next = None, None, now + _EVERY_S
            return
        question, self._question = self._question, None
        self._next = now + _EVERY_S
        try:
            unheld = self._unheld(question.group.result(), question.topic.result())
        except KafkaException as error:
            log.debug("group_not_described", error=error.args[0].str())
            return
        self._act(unheld, now)

    def _ask(self, now: float) -> _Question:
        self._admin = self._admin or AdminClient({**self._settings.librdkafka(), "log_level": 0})
        group, topic = self._settings.worker_group, self._settings.requests
        return _Question(
            ask_for_group(self._admin, group),
            self._admin.describe_topics(TopicCollection([topic]), request_timeout=_ANSWER_S)[topic],
            now,
        )

    def _unheld(self, group: Any, topic: Any) -> tuple[int, ...]:
        """Empty where another worker is the one to act: the first by name does."""
        ours = group_instance_id(self._settings)
        names = [member.group_instance_id for member in group.members if member.group_instance_id]
        if group.state != ConsumerGroupState.STABLE or not names or min(names) != ours:
            return ()
        held = {
            place.partition
            for member in group.members
            for place in (member.assignment.topic_partitions if member.assignment else ())
            if place.topic == self._settings.requests
        }
        return tuple(sorted({partition.id for partition in topic.partitions} - held))

    def _act(self, unheld: tuple[int, ...], now: float) -> None:
        seen, self._seen = self._seen, unheld
        if not unheld:
            return
        self._next = now + _AGAIN_S
        if unheld == seen:
            log.warning("partitions_held_by_nobody", partitions=unheld, action="leaving the group to join it again")
            self._seen = ()
            self._rejoin()
