"""A worker whose end hangs somewhere: `python -m tests.worker.hanging_child PART`; no Kafka is asked for anything.

Parts:
    loop: the consumer's loop does not come back when it is told to stop.
    close: the consumer does not close.
    error: the worker ends by an error of its own, and then the consumer does not close.
    thread: one that Python waits for at its end goes on for ever.
    destructor: a client's, while Python takes itself down.
    nothing: for comparison.
"""

import asyncio
import sys
import threading
import time
from typing import Any

from schemas import last_resort
from sentistream.logs import configure_logging
from tests.worker.fake_labelling import FakeLabelling
from worker import process, service
from worker.errors import FencedError
from worker.settings import WorkerSettings

PARTS = ("loop", "close", "error", "thread", "destructor", "nothing")


def hang(*_: Any) -> None:
    """As a client that waits for a broker for ever."""
    threading.Event().wait()


class _Loop:
    """Stands until it is told to stop."""

    def __init__(self, part: str) -> None:
        self._part = part
        self._told = threading.Event()
        self.polled_at = time.monotonic()

    @property
    def stopping(self) -> bool:
        return self._told.is_set()

    def stop(self) -> None:
        self._told.set()

    def run(self) -> None:
        if self._part == "error":
            raise FencedError("another process joined")
        self._told.wait()
        if self._part == "loop":
            hang()


class _Consumer:
    def __init__(self, part: str) -> None:
        self._hangs = part in {"close", "error"}

    def close(self) -> None:
        if self._hangs:
            hang()


class _Labelling(FakeLabelling):
    hangs = False

    async def close(self) -> None:
        if self.hangs:
            await asyncio.to_thread(hang)


class _Client:
    def __del__(self, pause: Any = time.sleep) -> None:
        # By then the modules are gone.
        while True:
            pause(1)


def main(part: str) -> int:
    """The worker's exit code, where it gets so far."""
    vars(last_resort).update(PYTHON_S=1.0)
    vars(process).update(_CLOSING_S=1.0, PYTHON_S=1.0)
    vars(service).update(_ENGINE_S=1.0, check_partitions=lambda *_: 1, login_refusal=lambda *_: None)
    labelling = _Labelling()
    labelling.hangs = part == "thread"
    one: Any = service.WorkerService(WorkerSettings(worker_id="one", metrics_port=0, stop_seconds=0.5), labelling)
    one._loop, one._consumer = _Loop(part), _Consumer(part)
    if part == "destructor":
        sys.modules["a_client"] = _Client()  # type: ignore[assignment]
    return process.run_until_signalled(one)


if __name__ == "__main__":
    configure_logging()
    sys.exit(main(sys.argv[1]))
