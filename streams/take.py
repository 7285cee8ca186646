"""Batches of a faust stream's events, each handed over as soon as there is one."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any, Final

_LOOK_UP_S: Final = 1.0


async def batches(stream: Any, size: int) -> AsyncIterator[list[Any]]:
    """Whatever events have come since the batch before, at most so many; the caller acknowledges them.

    As faust's ``noack_take``, but without its clock, which turns every few milliseconds whether or not anything comes,
    and holds back what came meanwhile. While a batch is handled the next one gathers, so batches grow with the load.
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
            if waiting:
                batch = waiting.copy()
                waiting.clear()
                taken.set()
                yield batch
    finally:
        stream.enable_acks = acknowledged_by_faust
        stream._processors.remove(add)  # noqa: SLF001
