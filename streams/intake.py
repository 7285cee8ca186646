"""What lies between fetching and handling: bounded memory, signs of life, and the one way to end."""

import os
import sys
import time
import traceback
from collections.abc import Callable
from typing import Any, Final

import structlog

from streams.metrics import BUFFERED_BYTES

log = structlog.get_logger()

#: Exit status of a process that may not commit and must be started again (sysexits: EX_SOFTWARE).
FAILED: Final = 70
#: What a buffered message costs beyond its bytes.
_OVERHEAD: Final = 1024


def end_process(status: int) -> None:
    """End at once: whatever else ran, such as a commit in the background, would be wrong now."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


class Intake:
    """Counts the fetched messages that wait for their batch.

    Attributes:
        topic: ``chat.messages`` under its name here.
        accepts_loss: go on where Kafka deleted messages unread.
    """

    def __init__(
        self, topic: str, limit_bytes: int, *, accepts_loss: bool, end: Callable[[int], None] = end_process
    ) -> None:
        self.topic = topic
        self.accepts_loss = accepts_loss
        self._limit = limit_bytes
        self._end = end
        self._bytes = 0
        self._messages = 0
        self._polled_at = self._progressed_at = time.monotonic()

    @property
    def is_full(self) -> bool:
        """No more messages now."""
        return self._bytes >= self._limit

    @property
    def waiting(self) -> int:
        """Messages that were fetched and not handled yet."""
        return self._messages

    @property
    def poll_age_s(self) -> float:
        """Since the fetching loop last went round."""
        return time.monotonic() - self._polled_at

    @property
    def stuck_s(self) -> float:
        """How long messages have waited without any progress; 0 where none wait."""
        return time.monotonic() - self._progressed_at if self._messages else 0.0

    def polled(self) -> None:
        """The fetching loop goes round."""
        self._polled_at = time.monotonic()

    def add(self, message: Any) -> None:
        """A message was fetched and waits."""
        if not self._messages:
            self._progressed_at = time.monotonic()
        self._messages += 1
        self._bytes += _size(message)
        BUFFERED_BYTES.set(self._bytes)

    def remove(self, messages: list[Any]) -> None:
        """These were handled."""
        self._messages = max(self._messages - len(messages), 0)
        self._bytes = max(self._bytes - sum(map(_size, messages)), 0)
        self._progressed_at = time.monotonic()
        BUFFERED_BYTES.set(self._bytes)

    def clear(self) -> None:
        """A rebalance threw all of them away."""
        self._messages = self._bytes = 0
        self._progressed_at = time.monotonic()

    def fail(self, error: BaseException) -> None:
        """Say why and end before anything is committed."""
        detail = "".join(traceback.format_exception(error)) if not _is_ours(error) else None
        log.error("streams_failed", error=str(error), kind=type(error).__name__, traceback=detail)
        self._end(FAILED)


def _size(message: Any) -> int:
    return len(message.value or b"") + len(message.key or b"") + _OVERHEAD


def _is_ours(error: BaseException) -> bool:
    return type(error).__module__.startswith("streams.")
