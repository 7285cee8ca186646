"""What Ctrl-C and SIGTERM mean: the first asks to end, the second does not ask."""

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def stop_requests(on_second: Callable[[], None]) -> Iterator[threading.Event]:
    """An event that SIGINT or SIGTERM sets; a second one calls `on_second` and ends the process at once.

    Only for the main thread. The handlers of before are put back at the end.
    """
    asked = threading.Event()

    def handle(number: int, frame: FrameType | None) -> None:
        del frame
        if asked.is_set():
            on_second()
            # The status that shells give to a death by signal.
            os._exit(128 + number)
        asked.set()

    before = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
