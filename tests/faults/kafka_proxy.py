"""A TCP proxy in front of a broker that reads the headers of Kafka's requests and loses what it is told to lose.

A request is four bytes of length, then API key (2), version (2) and correlation id (4); an answer is the length, then
the correlation id: https://kafka.apache.org/protocol#protocol_messages.
"""

import asyncio
import contextlib
import struct
import threading
import time
from collections import deque
from collections.abc import Coroutine
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Final, Literal, Self

import structlog

from sentistream.embedded import EmbeddedKafka

log = structlog.get_logger()

END_TXN: Final = 26
#: What gets lost: the request, before the broker sees it, or its answer, after the broker has done it.
Lost = Literal["request", "answer"]
#: How the client finds out: the connection is reset, or nothing comes on it any more and it has to time out.
Wire = Literal["cut", "silent"]
_HEADER: Final = struct.Struct(">hhi")


class ProxiedKafka(EmbeddedKafka):
    """A broker with one more listener, at which clients are sent to a proxy's address; others reach it as ever."""

    port_count = 4

    @property
    def behind_proxy(self) -> int:
        """The port that the proxy passes everything on to."""
        return self.ports[2]

    @property
    def proxy(self) -> int:
        """The port that the proxy must listen at."""
        return self.ports[3]

    def _properties(self) -> dict[str, str]:
        plain = super()._properties()
        return {
            **plain,
            "listeners": f"{plain['listeners']},PROXIED://127.0.0.1:{self.behind_proxy}",
            "advertised.listeners": f"{plain['advertised.listeners']},PROXIED://127.0.0.1:{self.proxy}",
            "listener.security.protocol.map": f"{plain['listener.security.protocol.map']},PROXIED:PLAINTEXT",
        }


@dataclass(frozen=True, slots=True)
class Loss:
    """One request or answer of this kind gets lost."""

    api_key: int
    lost: Lost
    wire: Wire


@dataclass(slots=True, eq=False)
class _Connection:
    client: asyncio.StreamWriter
    broker: asyncio.StreamWriter
    #: Correlation ids of the requests whose answers get lost.
    doomed: dict[int, Loss] = field(default_factory=dict)
    silent: bool = False


class KafkaProxy:
    """Listens in a thread of its own from `with` to its end.

    Attributes:
        seen: how often each API key came by.
        struck_at: when something was lost, by the monotonic clock.
    """

    def __init__(self, listen: int, broker: int) -> None:
        self.seen: dict[int, int] = {}
        self.struck_at: list[float] = []
        self._listen = listen
        self._broker = broker
        self._losses: deque[Loss] = deque()
        self._lock = threading.Lock()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="kafka-proxy", daemon=True)
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def address(self) -> str:
        """For clients."""
        return f"127.0.0.1:{self._listen}"

    def lose(self, api_key: int, lost: Lost, wire: Wire) -> None:
        """The next request of this kind that comes by, or its answer, gets lost."""
        with self._lock:
            self._losses.append(Loss(api_key, lost, wire))

    def __enter__(self) -> Self:
        """Listen."""
        self._thread.start()
        self._run(self._begin())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Drop all connections."""
        self._run(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)

    def _run(self, work: Coroutine[Any, Any, Any]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    async def _begin(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self._listen)

    async def _end(self) -> None:
        if self._server is not None:
            self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        try:
            answers, broker = await asyncio.open_connection("127.0.0.1", self._broker)
        except OSError:
            writer.close()
            return
        one = _Connection(writer, broker)
        ways = [asyncio.ensure_future(self._requests(one, reader)), asyncio.ensure_future(self._answers(one, answers))]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
            writer.transport.abort()
            broker.close()

    async def _requests(self, one: _Connection, reader: asyncio.StreamReader) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, OSError):
            while True:
                frame = await _frame(reader)
                api_key, _, correlation = _HEADER.unpack_from(frame, 4)
                self.seen[api_key] = self.seen.get(api_key, 0) + 1
                loss = None if one.silent else self._next_loss(api_key)
                if loss is not None and loss.lost == "answer":
                    one.doomed[correlation] = loss
                elif loss is not None and self._strike(one, loss):
                    return
                if not one.silent:
                    one.broker.write(frame)
                    await one.broker.drain()

    async def _answers(self, one: _Connection, reader: asyncio.StreamReader) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, OSError):
            while True:
                frame = await _frame(reader)
                (correlation,) = struct.unpack_from(">i", frame, 4)
                loss = one.doomed.pop(correlation, None)
                if loss is not None and self._strike(one, loss):
                    return
                if not one.silent:
                    one.client.write(frame)
                    await one.client.drain()

    def _strike(self, one: _Connection, loss: Loss) -> bool:
        """True where the connection is to be cut."""
        log.info("lost_on_the_wire", api_key=loss.api_key, lost=loss.lost, wire=loss.wire)
        self.struck_at.append(time.monotonic())
        one.silent = True
        return loss.wire == "cut"

    def _next_loss(self, api_key: int) -> Loss | None:
        with self._lock:
            if self._losses and self._losses[0].api_key == api_key:
                return self._losses.popleft()
        return None


async def _frame(reader: asyncio.StreamReader) -> bytes:
    length = await reader.readexactly(4)
    return length + await reader.readexactly(int.from_bytes(length, "big"))
