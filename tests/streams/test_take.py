"""Batches are handed over at once, gather while one is handled, and stay bounded; Kafka is asked only so often."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from streams import transport
from streams.take import batches


class _Stream:
    """What `batches` uses of a faust stream; `arrive` is faust's background task with one event."""

    def __init__(self) -> None:
        self.enable_acks = True
        self.should_stop = False
        self.current_event: Any = None
        self.channel: Any = None
        self._processors: list[Callable[[Any], Awaitable[Any]]] = []

    def add_processor(self, processor: Callable[[Any], Awaitable[Any]]) -> None:
        self._processors.append(processor)

    def _enable_passive(self, channel: Any) -> None:
        del channel

    async def wait(self, event: asyncio.Event) -> None:
        await event.wait()

    async def wait_for_stopped(self, event: asyncio.Event, timeout: float) -> bool:  # noqa: ASYNC109 -- faust's name
        async with asyncio.timeout(timeout):
            await event.wait()
        return False

    async def arrive(self, event: str) -> None:
        for processor in self._processors:
            self.current_event = event
            await processor(event)


class _Channel:
    def __aiter__(self) -> "_Channel":
        return self

    async def __anext__(self) -> None:
        await asyncio.Event().wait()


async def _taking() -> None:
    stream = _Stream()
    stream.channel = _Channel()
    taken = batches(stream, 3, lambda: 0)
    first = asyncio.ensure_future(anext(taken))
    await asyncio.sleep(0)
    assert not stream.enable_acks
    await stream.arrive("a")
    assert await first == ["a"]
    # While the first is handled: three fit, the fourth waits until they are taken.
    for one in "bcd":
        await stream.arrive(one)
    fourth = asyncio.ensure_future(stream.arrive("e"))
    await asyncio.sleep(0)
    assert not fourth.done()
    assert await anext(taken) == ["b", "c", "d"]
    await fourth
    assert await anext(taken) == ["e"]
    await taken.aclose()  # type: ignore[attr-defined]
    assert stream.enable_acks
    assert not stream._processors


def test_batches_gather_while_one_is_handled_and_stay_bounded() -> None:
    asyncio.run(_taking())


async def _taking_fetches(lost: int) -> None:
    stream, size, fetched = _Stream(), 4, [3]
    stream.channel = _Channel()

    async def deliver(events: str) -> None:
        for one in events:
            await stream.arrive(one)
            await asyncio.sleep(0)  # as faust's background task does

    taken = batches(stream, size, lambda: fetched[0])
    first = asyncio.ensure_future(anext(taken))
    await asyncio.sleep(0)
    delivered = asyncio.ensure_future(deliver("abc"))
    assert await first == ["a", "b", "c"], "one fetch, one batch"
    fetched[0] = 5 + lost
    second = asyncio.ensure_future(anext(taken))
    await delivered
    delivered = asyncio.ensure_future(deliver("defgh"))
    assert await second == ["d", "e", "f", "g"], "no more than fit"
    fetched[0] = 1 + lost
    assert await anext(taken) == ["h"]
    await delivered
    await taken.aclose()  # type: ignore[attr-defined]


@pytest.mark.parametrize("lost", [0, 2], ids=["all", "some are thrown away on the way"])
def test_what_a_fetch_brought_is_one_batch(lost: int) -> None:
    asyncio.run(_taking_fetches(lost))


def test_a_broker_is_asked_at_once_after_a_quiet_moment_and_otherwise_after_a_pause(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now, slept, asked = [100.0], [], []

    async def sleep(seconds: float) -> None:
        slept.append(round(seconds, 6))
        now[0] += seconds

    async def fetch(assignment: Any, node: int, request: Any) -> bool:
        del assignment, request
        asked.append((node, round(now[0], 6)))
        now[0] += 0.001
        return True

    async def ask() -> None:
        paced = transport._paced(fetch, 0.005)
        await paced(None, 1, None)
        await paced(None, 1, None)
        await paced(None, 2, None)
        now[0] += 1.0
        await paced(None, 1, None)

    monkeypatch.setattr("streams.transport.time.monotonic", lambda: now[0])
    monkeypatch.setattr("streams.transport.asyncio.sleep", sleep)
    asyncio.run(ask())
    assert asked == [(1, 100.0), (1, 100.005), (2, 100.006), (1, 101.007)]
    assert slept == [0.004]
