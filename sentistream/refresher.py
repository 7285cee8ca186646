"""Refreshes that the watch asks for: at most one at a time, in a process of its own."""

from collections.abc import Mapping
from typing import Final

import structlog

from sentistream.refresh_process import RefreshProcess
from trainer.settings import RUN_SECONDS

log = structlog.get_logger()

_STOP_S: Final = 20.0


class Refresher:
    """Starts them, and tells how they ended.

    Args:
        environment: added to ours.
    """

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment
        self._running: RefreshProcess | None = None

    def start(self, reason: str) -> None:
        """Begin one, unless one is running. One that cannot be started is told: the watch goes on."""
        if self._running is not None:
            log.info("refresh_running_already", reason=reason)
            return
        try:
            self._running = RefreshProcess.start(self._environment, _STOP_S, longest_s=RUN_SECONDS)
        except OSError as error:
            log.warning("refresh_not_started", reason=reason, error=str(error))
            return
        log.info("refresh_started", reason=reason)

    def poll(self) -> bool:
        """Tell how it ended; False, so that it can stand beside a condition to stop."""
        if self._running is not None and (ended := self._running.poll()) is not None:
            log.info("refresh_ended", status=ended.status, reason=ended.reason)
            self._running = None
        return False

    def stop(self) -> None:
        """End what is running; the next refresh goes on from there."""
        if self._running is not None:
            self._running.stop()
            self.poll()
