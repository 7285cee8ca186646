"""A fault for the points of both services: a signal to the own process, when told so."""

import os
import signal
import time

import structlog

from streams.faultpoints import FaultPoint
from worker.faultpoints import Point

log = structlog.get_logger()


class SignalAt:
    """Raises a signal at each nth reach of a point, so often.

    SIGKILL is a machine that loses its power; after SIGSTOP somebody may let the process go on, which is how a long
    pause looks to the others.

    Args:
        arguments: signal, times, point, n; empty for none.
    """

    def __init__(self, arguments: list[str]) -> None:
        name, times, self._point, every = arguments or ("SIGKILL", "0", "", "1")
        self._signal = signal.Signals[name]
        self._times = int(times)
        self._every = int(every)
        self._reached = 0

    def reach(self, point: Point | FaultPoint) -> None:
        """The worker's contract."""
        if point != self._point or not self._times:
            return
        self._reached += 1
        if self._reached % self._every == 0:
            self._times -= 1
            log.info("signal_raised", signal=self._signal.name, point=point, at=time.time())
            os.kill(os.getpid(), self._signal)

    async def reached(self, point: FaultPoint) -> None:
        """The stream's contract."""
        self.reach(point)
