"""Runs one command and ends it when the process that asked for it is gone, however that one died.

Started as a script by `child.py`: ``python supervisor.py COMMAND...`` with a pipe as standard input. The pipe's end
means that the parent is dead or done. Writes the command's process id to standard output, and exits with its status.
Only the standard library's light parts are imported: one of these runs beside every embedded server.
"""

import os
import select
import signal
import subprocess
import sys
from collections.abc import Callable
from typing import Final

GRACE_S: Final = 5.0
POLL_S: Final = 0.2
PR_SET_PDEATHSIG: Final = 1


def _die_with_supervisor() -> Callable[[], None] | None:
    """On Linux the kernel kills the command should even this process be killed; elsewhere nothing can."""
    if sys.platform != "linux":
        return None
    import ctypes

    libc = ctypes.CDLL(None)

    def ask() -> None:
        libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)

    return ask


def _parent_is_gone(parent: int) -> bool:
    """True once the pipe has ended, or the parent died while a forked child of its own still holds the pipe."""
    readable, _, _ = select.select([sys.stdin.fileno()], [], [], POLL_S)
    return bool(readable) or os.getppid() != parent


def supervise(command: list[str]) -> int:
    """Run the command until it ends or the parent does; return its exit status."""
    parent = os.getppid()
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=2, preexec_fn=_die_with_supervisor())  # noqa: PLW1509
    sys.stdout.write(f"{child.pid}\n")
    sys.stdout.flush()
    while child.poll() is None:
        if _parent_is_gone(parent):
            child.terminate()
            try:
                return child.wait(GRACE_S)
            except subprocess.TimeoutExpired:
                child.kill()
                return child.wait()
    return child.returncode


if __name__ == "__main__":
    # The supervisor ends after its command. A handler, not SIG_IGN: the command would inherit that, and Java obey it.
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda _number, _frame: None)
    status = supervise(sys.argv[1:])
    sys.exit(128 - status if status < 0 else status)
