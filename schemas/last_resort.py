"""The bound of a process's end: where that takes longer, the log says where each thread stood, and the process ends.

A client of Kafka that is closed may wait for a broker for ever, and so does Python, at its end, for each thread that
is no daemon. Nothing is lost by an end without them: what was not committed by then is done again by the next process.
"""

import faulthandler
import os
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from types import FrameType
from typing import Final

import structlog

log = structlog.get_logger()

_EVERY_S: Final = 0.25
#: For Python's own end, when all is closed: it waits for each thread that is no daemon.
PYTHON_S: Final = 5.0
#: Of each thread's stack, the calls that were made last.
_CALLS: Final = 4


@dataclass(frozen=True, slots=True)
class _Bound:
    at: float
    status: int
    reason: str


class LastResort:
    """Waits on a thread of its own; daemons run for as long as Python waits for others.

    Args:
        event: what the log calls an end by this.
        end: ends the process at once, with a status.
    """

    def __init__(self, event: str, end: Callable[[int], None] = os._exit) -> None:
        self._event = event
        self._end = end
        self._bound: _Bound | None = None

    def start(self) -> None:
        """At the process's start: later there may be no memory for a thread."""
        threading.Thread(target=self._watch, name="last-resort", daemon=True).start()

    def within(self, seconds: float, status: int, reason: str) -> None:
        """The process must have ended by then, or by an earlier time that was set before. Safe in a signal handler.

        Args:
            seconds: from now.
            status: to end with, of all that were given the last one.
            reason: for the log.
        """
        at = time.monotonic() + seconds
        earlier = self._bound
        self._bound = _Bound(at if earlier is None else min(at, earlier.at), status, reason)

    def stopping(self, seconds: float, status: int) -> None:
        """The process was told to stop, and must be at its end by then."""
        self.within(seconds, status, f"told to stop, and not at its end after {seconds:g} s")

    def closed(self, status: int) -> None:
        """All is closed, and nothing but Python's own end is left."""
        self.within(PYTHON_S, status, f"all is closed, and Python did not end within {PYTHON_S:g} s")

    def _watch(self) -> None:
        never = threading.Event()
        while not never.wait(_EVERY_S):
            bound = self._bound
            if bound is not None and time.monotonic() > bound.at:
                self._act(bound)
                return

    def _act(self, bound: _Bound) -> None:
        status = bound.status
        try:
            faulthandler.dump_traceback()
            name = status.name if isinstance(status, Enum) else status
            log.critical(self._event, exit_code=name, reason=bound.reason, threads=_threads())
        finally:
            self._end(int(status))


def _threads() -> list[str]:
    """Where each thread is, from the latest call outwards."""
    names = {thread.ident: thread.name for thread in threading.enumerate()}
    own = threading.get_ident()
    frames = sys._current_frames()  # noqa: SLF001 -- Python's own way
    return [f"{names.get(ident, ident)}: {_calls(frame)}" for ident, frame in frames.items() if ident != own]


def _calls(frame: FrameType | None) -> str:
    calls: list[str] = []
    while frame is not None and len(calls) < _CALLS:
        calls.append(f"{frame.f_code.co_name} ({Path(frame.f_code.co_filename).name}:{frame.f_lineno})")
        frame = frame.f_back
    return " < ".join(calls)
