"""Reads `adapter.releases` to its end, then goes on for as long as the worker runs."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, Final

import structlog
from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, TopicPartition

from schemas.codec import decode
from schemas.connections import KafkaSettings
from schemas.errors import SchemaError
from schemas.release import AdapterRelease
from worker.clients import LIBRDKAFKA
from worker.errors import KafkaFailedError, MisconfiguredError

log = structlog.get_logger()

_POLL_S: Final = 0.5
_ANSWER_S: Final = 30.0
_READ_S: Final = 120.0
_APPLY_S: Final = 120.0


def releases_group(model: str) -> str:
    """Never joined; Kafka wants it described all the same."""
    return f"sentistream-releases-{model}"


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
        self._group = releases_group(model)
        self._model = model
        self._apply = apply
        self._consumer = Consumer(settings.librdkafka_reader(self._group), logger=LIBRDKAFKA)
        self._read_to_end: set[int | None] = set()
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._follow, name="releases", daemon=True)

    def start(self) -> None:
        """Apply what is live now, so that the first event has it; then follow from a thread.

        Raises:
            MisconfiguredError: there is no such topic.
            KafkaFailedError: its end is not reached in time.
        """
        try:
            latest = self._latest()
        except KafkaException as error:
            raise KafkaFailedError(
                f"{self._topic} cannot be read as group {self._group}: {error.args[0].str()}"
            ) from error
        if latest is not None:
            self._wait(latest)
        self._thread.start()

    def stop(self) -> None:
        """End the thread and close the consumer."""
        self._ending.set()
        if self._thread.is_alive():
            self._thread.join(timeout=2 * _POLL_S)
        self._consumer.close()

    def _latest(self) -> AdapterRelease | None:
        topic = self._consumer.list_topics(self._topic, timeout=_ANSWER_S).topics[self._topic]
        if not topic.partitions:
            raise MisconfiguredError(
                f"missing topics: {self._topic}. `sentistream topics create` makes them; if it is there, this user may "
                "not see it: deploy/acls/worker.sh has all that the worker needs"
            )
        self._consumer.assign([TopicPartition(self._topic, number, OFFSET_BEGINNING) for number in topic.partitions])
        latest: AdapterRelease | None = None
        deadline = time.monotonic() + _READ_S
        while len(self._read_to_end) < len(topic.partitions) and not self._ending.is_set():
            latest = self._next() or latest
            if time.monotonic() > deadline:
                raise KafkaFailedError(f"the end of {self._topic} was not reached within {_READ_S:.0f} s")
        return latest

    def _follow(self) -> None:
        while not self._ending.is_set():
            try:
                if (release := self._next()) is not None:
                    # Not waited for: a rollback may follow while this one is still on its way.
                    self._apply(release).add_done_callback(_tell_failure)
            except KafkaException as error:
                log.warning("releases_unreadable", reason=str(error))
            except Exception as error:  # noqa: BLE001 -- the next release may be better
                log.warning("release_not_applied", error=type(error).__name__)

    def _wait(self, release: AdapterRelease) -> None:
        """For a while: a store that hangs does not keep messages waiting for ever."""
        applied = self._apply(release)
        try:
            applied.result(_APPLY_S)
        except TimeoutError:
            log.warning("adapter_comes_later", version=release.version, waited_s=_APPLY_S)
        applied.add_done_callback(_tell_failure)

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


def _tell_failure(applied: "Future[Any]") -> None:
    if applied.cancelled():
        return
    if (error := applied.exception()) is not None:
        log.warning("release_not_applied", error=type(error).__name__)
