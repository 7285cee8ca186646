"""A stream process that ends itself at a chosen point: `python -m tests.streams.child POINT COUNT`.

It ends at the COUNT-th time that it reaches the point, by SIGKILL, as a machine that loses its power. The point
`acknowledge_first` is another stream, one that acknowledges before Kafka has the requests.
"""

import asyncio
import os
import signal
import sys
from collections.abc import Sequence

from sentistream.logs import configure_logging
from streams.batch import Outgoing
from streams.faultpoints import FaultPoint
from streams.sender import Sender
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


def _acknowledge_first() -> None:
    send = Sender.send

    async def send_later(self: Sender, by_partition: Sequence[Sequence[Outgoing]]) -> None:
        async def later() -> None:
            await asyncio.sleep(3600)
            await send(self, by_partition)

        _WAITING.append(asyncio.create_task(later()))

    Sender.send = send_later  # type: ignore[method-assign]


_WAITING: list[asyncio.Task[None]] = []

if __name__ == "__main__":
    configure_logging()
    if sys.argv[1] == "acknowledge_first":
        _acknowledge_first()
    sys.exit(run(StreamsSettings(), _KilledAt(sys.argv[1], int(sys.argv[2]))))
