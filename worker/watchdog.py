"""The watchdog outside the consumer's loop: it sees a loop that does not come round, which cannot see itself."""

import faulthandler
import os
import threading
import time
from collections.abc import Callable
from typing import Final

import structlog

from worker.errors import ExitCode

log = structlog.get_logger()

_EVERY_S: Final = 1.0


class Watchdog:
    """Ends the process when the loop has not polled Kafka for too long.

    A thread that could not start for want of memory has held the loop so, as a client library that hangs would.

    Args:
        polled_at: when the loop last polled, by the monotonic clock; before `start` does not count.
        limit_s: seconds that it may take.
        end: ends the process at once, with a status.
    """

    def __init__(self, polled_at: Callable[[], float], limit_s: float, end: Callable[[int], None] = os._exit) -> None:
        self._polled_at = polled_at
        self._began = 0.0
        self._limit_s = limit_s
        self._end = end
        self._over = threading.Event()
        # Started with the service, for later there may be no memory for it.
        self._thread = threading.Thread(target=self._watch, name="watchdog", daemon=True)

    def start(self) -> None:
        """Watch from now on."""
        self._began = time.monotonic()
        self._thread.start()

    def stop(self) -> None:
        """Watch no more."""
        self._over.set()

    def _watch(self) -> None:
        while not self._over.wait(_EVERY_S):
            if time.monotonic() - max(self._polled_at(), self._began) > self._limit_s:
                try:
                    faulthandler.dump_traceback()
                    log.critical(
                        "worker_stopped",
                        exit_code=ExitCode.STALLED.name,
                        reason=f"the loop has not come round for {self._limit_s:.0f} s; the threads' places are above",
                    )
                finally:
                    self._end(int(ExitCode.STALLED))
