"""One child process under its supervisor: start, signal, stop, and the end of its log."""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from sentistream.embedded import supervisor
from sentistream.errors import StartError


class ChildProcess:
    """A command that ends when this process does, even by SIGKILL.

    Args:
        command: program and arguments.
        log: file that standard output and error are appended to.
        environment: added to ours.
    """

    def __init__(self, command: Sequence[str], log: Path, environment: Mapping[str, str] | None = None) -> None:
        self.log = log
        # A session of its own: Ctrl-C at the terminal reaches us alone, and we stop the children in order.
        with log.open("ab") as output:
            self._supervisor = subprocess.Popen(
                [sys.executable, "-I", "-S", supervisor.__file__, *command],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=output,
                env={**os.environ, **(environment or {})},
                start_new_session=True,
            )
        line = self._supervisor.stdout.readline() if self._supervisor.stdout else b""
        if not line.strip().isdigit():
            raise StartError(f"{command[0]} could not be run:\n{self.log_tail()}")
        self.pid = int(line)

    @property
    def exit_status(self) -> int | None:
        """None while it runs."""
        return self._supervisor.poll()

    def send_signal(self, number: signal.Signals) -> None:
        """Signal the command itself; nothing happens when it has ended."""
        if self.exit_status is None:
            try:
                os.kill(self.pid, number)
            except ProcessLookupError:
                return

    def stop(self, grace_s: float = 20.0) -> None:
        """Ask it to end, and make it end after the grace time."""
        self.send_signal(signal.SIGTERM)
        try:
            self._supervisor.wait(grace_s)
        except subprocess.TimeoutExpired:
            self.send_signal(signal.SIGKILL)
        self._reap()

    def kill(self) -> None:
        """SIGKILL, and wait until it is gone."""
        self.send_signal(signal.SIGKILL)
        self._reap()

    def log_tail(self, lines: int = 15) -> str:
        """The last lines of the log, for an error's text."""
        if not self.log.exists():
            return ""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])

    def _reap(self) -> None:
        self._supervisor.wait()
        for pipe in (self._supervisor.stdin, self._supervisor.stdout):
            if pipe is not None:
                pipe.close()
