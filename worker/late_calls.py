"""Calls of librdkafka that may never come back."""

import threading
from collections.abc import Callable


class CallLostError(Exception):
    """The call did not come back in time, and may never; what it was called on must not be used any more."""


def left_behind_if_late(call: Callable[[], None], seconds: float) -> None:
    """Make a call on a thread of its own, which is left to itself where the call does not come back.

    Whatever the call raises in time is raised here.

    Raises:
        CallLostError: it did not come back.
    """
    errors: list[BaseException] = []

    def run() -> None:
        try:
            call()
        except BaseException as error:  # noqa: BLE001 -- raised again by whoever waits
            errors.append(error)

    # A daemon: the process must be able to end while it hangs.
    thread = threading.Thread(target=run, name="late-call", daemon=True)
    thread.start()
    thread.join(seconds)
    if thread.is_alive():
        raise CallLostError(f"no return within {seconds:g} s")
    if errors:
        raise errors[0]
