"""Lines that a person types or a pipe brings, without being deaf to Ctrl-C meanwhile."""

import os
import select
import sys
from collections.abc import Callable, Iterator
from typing import Final

_POLL_S: Final = 0.1
_CHUNK: Final = 65_536


def stdin_lines(stopped: Callable[[], bool], before_each: Callable[[], None]) -> Iterator[str]:
    """Until the input ends or `stopped`.

    Args:
        stopped: asked ten times a second.
        before_each: called before a line is waited for; shows the prompt.
    """
    descriptor = sys.stdin.fileno()
    waiting = b""
    while True:
        before_each()
        while b"\n" not in waiting:
            if stopped():
                return
            if not select.select([descriptor], [], [], _POLL_S)[0]:
                continue
            chunk = os.read(descriptor, _CHUNK)
            if not chunk:
                if waiting:
                    yield waiting.decode(errors="replace")
                return
            waiting += chunk
        line, _, waiting = waiting.partition(b"\n")
        if stopped():
            return
        yield line.decode(errors="replace").rstrip("\r")
