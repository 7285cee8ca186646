"""Batches of a faust stream's events, each handed over as soon as there is one."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any, Final

_LOOK_UP_S: Final = 1.0
#: Turns of the event loop that are waited for each message that was fetched and has not come yet.
_TURNS: Final = 4


async def batches(stream: Any, size: int, fetched: Callable[[], int]) -> AsyncIterator[list[Any]]:
    """Whatever events have come since the batch before, at most so many; the caller acknowledges them.

    As faust's ``noack_take``, but without its clock, which turns every few milliseconds whether or not anything comes,
    and holds back what came meanwhile. While a batch is handled the next one gathers, so batches grow with the load.

    Args:
        stream: of a faust agent.
        size: most events of a batch.
        fetched: how many messages were fetched and not handled yet. faust's task brings them one a turn of the event
            loop; a batch of the first alone, and then another of the rest, would cost nearly twice as much.
    """
    waiting: list[Any] = []
    came, taken = asyncio.Event(), asyncio.Event()

    async def add(value: Any) -> Any:
        while len(waiting) >= size:
            taken.clear()
            await stream.wait(taken)
        waiting.append(stream.current_event)
        came.set()
        return value

    acknowledged_by_faust = stream.enable_acks
    stream.enable_acks = False
    stream.add_processor(add)
    # faust's own words for: let its background task call the processors.
    stream._enable_passive(aiter(stream.channel))  # noqa: SLF001
    try:
        while not stream.should_stop:
            await stream.wait_for_stopped(came, timeout=_LOOK_UP_S)
            came.clear()
            for _ in range(_TURNS * (fetched() - len(waiting)) if waiting else 0):
                if len(waiting) >= min(size, fetched()):
                    break
                await asyncio.sleep(0)
            if waiting:
                batch = waiting.copy()
                waiting.clear()
                taken.set()
                yield batch
    finally:
        stream.enable_acks = acknowledged_by_faust
        stream._processors.remove(add)  # noqa: SLF001
