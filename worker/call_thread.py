"""Calls beside the consumer's loop, such as commits: one at a time, on a thread of their own."""

import threading
import time
from collections.abc import Callable
from queue import SimpleQueue


class Running:
    """A call on its way.

    Attributes:
        ended_at: by the monotonic clock, once it has ended.
    """

    def __init__(self, call: Callable[[], None]) -> None:
        self.ended_at = 0.0
        self._call = call
        self._done = threading.Event()
        self._error: BaseException | None = None

    @property
    def done(self) -> bool:
        """It has ended, in whichever way."""
        return self._done.is_set()

    def wait(self, timeout_s: float) -> bool:
        """Wait for its end; False where that takes longer."""
        return self._done.wait(timeout_s)

    def result(self) -> None:
        """Return once it has ended; what it raised is raised here."""
        self._done.wait()
        if self._error is not None:
            raise self._error

    def run(self) -> None:
        """Make the call and keep what it raises."""
        try:
            self._call()
        except BaseException as error:  # noqa: BLE001 -- raised again by whoever asks for the result
            self._error = error
        finally:
            self.ended_at = time.monotonic()
            self._done.set()


class CallThread:
    """Runs calls in the order in which they come."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._calls: SimpleQueue[Running | None] = SimpleQueue()
        self._started = False

    def submit(self, call: Callable[[], None]) -> Running:
        """Begin with a call as soon as those before it have ended."""
        if not self._started:
            # A daemon: a client that hangs must not keep a process alive that has said why it stops.
            threading.Thread(target=self._run, name=self._name, daemon=True).start()
            self._started = True
        running = Running(call)
        self._calls.put(running)
        return running

    def close(self) -> None:
        """No more calls; the thread ends after the last one."""
        self._calls.put(None)

    def _run(self) -> None:
        while (running := self._calls.get()) is not None:
            running.run()
