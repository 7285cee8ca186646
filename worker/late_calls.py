"""Calls of librdkafka that may never come back."""

from collections.abc import Callable

from worker.call_thread import CallThread


class CallLostError(Exception):
    """The call did not come back in time, and may never; what it was called on must not be used any more."""


class LateCalls:
    """Makes calls on a thread of its own, which is left to itself where one does not come back."""

    def __init__(self) -> None:
        self._thread = CallThread("late-calls")

    def make(self, call: Callable[[], None], seconds: float) -> None:
        """Return once the call has; whatever it raises in time is raised here.

        Raises:
            CallLostError: it did not come back.
        """
        running = self._thread.submit(call)
        if not running.wait(seconds):
            self._thread.close()
            self._thread = CallThread("late-calls")
            raise CallLostError(f"no return within {seconds:g} s")
        running.result()
