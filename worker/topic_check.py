"""The topics that a worker reads and writes must be there, with equal partition counts (guarantee 12)."""

import time
from typing import Final

import structlog
from confluent_kafka import Consumer, KafkaException

from schemas.topics import TopicNames
from worker.errors import KafkaFailedError, MisconfiguredError

log = structlog.get_logger()

_EVERY_S: Final = 60.0
_QUICK_S: Final = 2.0


def check_partitions(consumer: Consumer, names: TopicNames, timeout_s: float = 30.0) -> int:
    """The partition count of requests and events, which is that of the messages too where this user may see them.

    Raises:
        MisconfiguredError: a topic is missing, or the counts differ: an event would have no partition to go to.
        KafkaFailedError: no answer.
    """
    try:
        topics = consumer.list_topics(timeout=timeout_s).topics
    except KafkaException as error:
        raise KafkaFailedError(f"no answer from Kafka: {error.args[0].str()}. Check KAFKA_BOOTSTRAP_SERVERS") from error
    counts = {name: len(topics[name].partitions) if name in topics else 0 for name in (names.requests, names.events)}
    if names.dead_letters not in topics:
        counts[names.dead_letters] = 0
    if names.messages in topics:
        counts[names.messages] = len(topics[names.messages].partitions)
    if missing := [name for name, count in counts.items() if count == 0]:
        raise MisconfiguredError(
            f"missing topics: {', '.join(missing)}. `sentistream topics create` makes them; if they are there, this "
            "user may not see them: deploy/acls/worker.sh has all that the worker needs"
        )
    counts.pop(names.dead_letters, None)
    if len(set(counts.values())) != 1:
        listed = ", ".join(f"{name} {count}" for name, count in counts.items())
        raise MisconfiguredError(
            f"the main topics need equal partition counts, found: {listed}. Stop the services and add partitions to "
            "the smaller ones with kafka-topics --alter, then start again; docs/lifecycle.md says how conversations "
            "stay whole"
        )
    return counts[names.requests]


class TopicWatch:
    """Looks again once a minute: somebody may add partitions to one topic and forget the others."""

    def __init__(self, consumer: Consumer, names: TopicNames) -> None:
        self._consumer = consumer
        self._names = names
        self._next = time.monotonic() + _EVERY_S

    def check(self) -> None:
        """Raises MisconfiguredError as `check_partitions` does; no answer is no news."""
        if time.monotonic() < self._next:
            return
        self._next = time.monotonic() + _EVERY_S
        try:
            check_partitions(self._consumer, self._names, _QUICK_S)
        except KafkaFailedError as error:
            log.warning("topics_not_checked", reason=str(error))
