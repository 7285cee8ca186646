"""A negative control: a stream that acknowledges before its requests are sent, as `stream.take` does on an error."""

import asyncio
import sys
from collections.abc import Sequence

from sentistream.logs import configure_logging
from streams.batch import Outgoing
from streams.sender import Sender
from streams.service import run
from streams.settings import StreamsSettings

_confirmed_send = Sender.send
_LATER_S = 30.0


async def _send_later(self: Sender, by_partition: Sequence[Sequence[Outgoing]]) -> None:
    """Come back at once; the batch that is meant would go out in a while."""

    async def later() -> None:
        await asyncio.sleep(_LATER_S)
        await _confirmed_send(self, by_partition)

    _waiting.add(asyncio.get_running_loop().create_task(later()))


_waiting: set[asyncio.Task[None]] = set()

if __name__ == "__main__":
    configure_logging()
    Sender.send = _send_later  # type: ignore[method-assign]
    sys.exit(run(StreamsSettings()))
