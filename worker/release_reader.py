"""Reads `adapter.releases` to its end, then goes on for as long as the worker runs."""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, Final

import structlog
from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, TopicPartition

from schemas.codec import decode
from schemas.connections import KafkaSettings
from schemas.errors import SchemaError
from schemas.release import AdapterRelease

log = structlog.get_logger()

_POLL_S: Final = 0.5
_ANSWER_S: Final = 30.0


class ReleaseReader:
    """Every worker reads all releases, so it has no place in a group and commits nothing."""

    def __init__(
        self,
        settings: KafkaSettings,
        topic: str,
        model: str,
        apply: Callable[[AdapterRelease], "Future[Any]"],
    ) -> None:
        """Hand each release of ``model`` to ``apply``, one after the other."""
        self._topic = topic
        self._model = model
        self._apply = apply
        self._consumer = Consumer(
            {
                **settings.librdkafka(),
                "group.id": f"sentistream-releases-{model}",
                "enable.auto.commit": False,
                "isolation.level": "read_committed",
                "auto.offset.reset": "earliest",
                # The only sure sign of the end: offsets have holes where compaction and transactions were.
                "enable.partition.eof": True,
            }
        )
        self._read_to_end: set[int | None] = set()
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._follow, name="releases", daemon=True)

    def start(self) -> None:
        """Apply what is live now, so that the first event has it; then follow from a thread."""
        found = self._consumer.list_topics(self._topic, timeout=_ANSWER_S).topics[self._topic].partitions
        self._consumer.assign([TopicPartition(self._topic, number, OFFSET_BEGINNING) for number in found])
        latest: AdapterRelease | None = None
        while len(self._read_to_end) < len(found):
            latest = self._next() or latest
        if latest is not None:
            self._apply(latest).result()
        self._thread.start()

    def stop(self) -> None:
        """End the thread and close the consumer."""
        self._ending.set()
        if self._thread.is_alive():
            self._thread.join(timeout=2 * _POLL_S)
        self._consumer.close()

    def _follow(self) -> None:
        while not self._ending.is_set():
            try:
                release = self._next()
            except KafkaException as error:
                log.warning("releases_unreadable", reason=str(error))
                continue
            if release is not None:
                self._apply(release).result()

    def _next(self) -> AdapterRelease | None:
        record = self._consumer.poll(_POLL_S)
        if record is None:
            return None
        if (error := record.error()) is not None:
            if error.code() != KafkaError._PARTITION_EOF:  # noqa: SLF001 -- its public name
                raise KafkaException(error)
            self._read_to_end.add(record.partition())
            return None
        if record.value() is None:
            return None
        try:
            release = decode(AdapterRelease, record.value())
        except SchemaError as problem:
            log.warning("release_unreadable", offset=record.offset(), reason=str(problem))
            return None
        return release if release.model == self._model else None
