"""A stream whose first burst goes out but for one request of each partition, which failed; then it ends.

The product sends a partition's batch as one and stops at the first failure; other producers send on. Either way all
of the burst comes again from the last commit.
"""

import os
import signal
import sys
from collections.abc import Sequence

from sentistream.logs import configure_logging
from streams.batch import Outgoing
from streams.sender import Sender
from streams.service import run
from streams.settings import StreamsSettings

#: Its place in the burst.
_FAILED = 1
_send = Sender.send


async def _send_but_one(self: Sender, by_partition: Sequence[Sequence[Outgoing]]) -> None:
    if all(len(some) <= _FAILED + 1 for some in by_partition):
        await _send(self, by_partition)
        return
    await _send(self, [[one for place, one in enumerate(some) if place != _FAILED] for some in by_partition])
    os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    configure_logging()
    Sender.send = _send_but_one  # type: ignore[method-assign]
    sys.exit(run(StreamsSettings()))
