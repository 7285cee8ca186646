"""A stream process that ends itself at a chosen point: `python -m tests.streams.child POINT COUNT`.

It ends at the COUNT-th time that it reaches the point, by SIGKILL, as a machine that loses its power.
"""

import os
import signal
import sys

from sentistream.logs import configure_logging
from streams.faultpoints import FaultPoint
from streams.service import run
from streams.settings import StreamsSettings


class _KilledAt:
    def __init__(self, point: str, count: int) -> None:
        self._point = point
        self._left = count

    async def reached(self, point: FaultPoint) -> None:
        if point == self._point:
            self._left -= 1
            if self._left == 0:
                os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    configure_logging()
    sys.exit(run(StreamsSettings(), _KilledAt(sys.argv[1], int(sys.argv[2]))))
