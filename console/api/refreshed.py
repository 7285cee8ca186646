"""What takes seconds to look up, kept in memory and looked up anew in the background: no view waits for Kafka."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeoutError
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

import structlog

from console.errors import PortError

log = structlog.get_logger()

T = TypeVar("T")

#: A value as old as this is worth waiting for a new one.
_STALE: Final = 6.0


@dataclass(frozen=True, slots=True)
class Snapshot(Generic[T]):
    """What is known.

    Attributes:
        value: None where it was never found out.
        trouble: why the latest try failed, and what to do; None where it did not.
    """

    value: T | None
    trouble: PortError | None


class Refreshed(Generic[T]):
    """One such value, for all threads.

    Args:
        name: for the log.
        read: looks it up; raises PortError.
        life_s: it is looked up anew when it is older and somebody asks.
        wait_s: how long somebody waits who asks when there is none, or only a very old one.
    """

    def __init__(self, name: str, read: Callable[[], T], life_s: float = 5.0, wait_s: float = 4.0) -> None:
        self._name = name
        self._read = read
        self._life_s = life_s
        self._wait_s = wait_s
        self._lock = threading.Lock()
        self._known: Snapshot[T] = Snapshot(None, None)
        self._at = float("-inf")
        self._running: Future[None] | None = None
        self._changes = 0
        self._threads = ThreadPoolExecutor(1, thread_name_prefix=f"console-{name}")

    def get(self) -> Snapshot[T]:
        """At once, but for the first time and after a long silence."""
        with self._lock:
            age = time.monotonic() - self._at
            if age > self._life_s and self._running is None:
                self._running = self._threads.submit(self._refresh, self._changes)
            running = self._running
        if age > self._life_s * _STALE and running is not None:
            try:
                running.result(self._wait_s)
            except FutureTimeoutError:
                waited = f"no answer within {self._wait_s:.0f} s: Kafka or the store is slow or away; it is tried again"
                return Snapshot(self._known.value, PortError(waited, code="lookup_slow", seconds=self._wait_s))
        return self._known

    def forget(self) -> None:
        """It has changed: whoever asks next waits for the new one."""
        with self._lock:
            self._at = float("-inf")
            # One that runs already may have looked before the change.
            self._changes += 1
            self._running = None

    def close(self) -> None:
        """Let the thread end."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _refresh(self, changes: int) -> None:
        try:
            found = Snapshot(self._read(), None)
        except PortError as error:
            found = Snapshot(self._known.value, error)
        except Exception as error:
            log.exception("lookup_failed", what=self._name)
            text = f"{self._name}: {type(error).__name__}; the console's log says more"
            found = Snapshot(self._known.value, PortError(text, code="lookup_fault", what=self._name))
        with self._lock:
            if changes == self._changes:
                self._known, self._at, self._running = found, time.monotonic(), None
