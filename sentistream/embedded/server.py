"""What the embedded servers have in common: a folder, ports, and a life of starts, stops, kills and pauses."""

import signal
import time
from abc import ABC, abstractmethod
from pathlib import Path
from types import TracebackType
from typing import ClassVar, Final, Self

import structlog

from sentistream.embedded.child import ChildProcess
from sentistream.embedded.ports import is_free, kept_ports
from sentistream.errors import StartError

log = structlog.get_logger()

_POLL_S: Final = 0.05


class EmbeddedServer(ABC):
    """A server as a child process, its data in a folder that a later start finds again."""

    name: ClassVar[str]
    port_count: ClassVar[int] = 1

    def __init__(self, folder: Path, start_timeout_s: float = 120.0) -> None:
        self.folder = folder.resolve()
        self.ports: tuple[int, ...] = ()
        self._start_timeout_s = start_timeout_s
        self._child: ChildProcess | None = None

    @abstractmethod
    def _prepare(self) -> list[str]:
        """Write what the server needs into the folder and return its command line."""

    @abstractmethod
    def _is_ready(self) -> bool:
        """True once clients are served."""

    @property
    def pid(self) -> int | None:
        """The server's process id, None while it is down."""
        return self._child.pid if self.is_running and self._child else None

    @property
    def is_running(self) -> bool:
        """True while the process lives."""
        return self._child is not None and self._child.exit_status is None

    @property
    def log_file(self) -> Path:
        """Everything the server says."""
        return self.folder / f"{self.name}.log"

    def start(self) -> Self:
        """Start and wait until clients are served.

        Raises:
            StartError: it ended or did not answer in time; the text quotes its log.
        """
        if self.is_running:
            return self
        self.folder.mkdir(parents=True, exist_ok=True)
        for attempts_left in (2, 1, 0):
            try:
                self._start_once()
            except StartError:
                # Between our look at a port and the server's, somebody else may have taken it.
                if not attempts_left or all(is_free(port) for port in self.ports):
                    raise
            else:
                break
        log.info("embedded_server_started", server=self.name, ports=self.ports, pid=self.pid)
        return self

    def stop(self) -> None:
        """End it cleanly; by force when that takes long."""
        if self._child is not None:
            self._child.stop()
            self._child = None

    def kill(self) -> None:
        """SIGKILL: what a crash does."""
        if self._child is not None:
            self._child.kill()
            self._child = None

    def restart(self) -> None:
        """Stop, and start on the same data, at the same address."""
        self.stop()
        self.start()

    def pause(self) -> None:
        """SIGSTOP: alive, but silent, as behind a broken network."""
        if self._child is not None:
            self._child.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let a paused server go on."""
        if self._child is not None:
            self._child.send_signal(signal.SIGCONT)

    def __enter__(self) -> Self:
        """Start."""
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop, paused or not."""
        self.resume()
        self.stop()

    def _start_once(self) -> None:
        self.ports = kept_ports(self.folder / f"{self.name}.ports.json", self.port_count)
        self._child = ChildProcess(self._prepare(), self.log_file)
        try:
            self._wait_until_ready(self._child)
        except BaseException:
            self.kill()
            raise

    def _wait_until_ready(self, child: ChildProcess) -> None:
        deadline = time.monotonic() + self._start_timeout_s
        while not self._is_ready():
            if child.exit_status is not None:
                raise StartError(self._failure(f"ended with status {child.exit_status} while starting", child))
            if time.monotonic() > deadline:
                raise StartError(self._failure(f"did not answer within {self._start_timeout_s:.0f} s", child))
            time.sleep(_POLL_S)

    def _failure(self, what: str, child: ChildProcess) -> str:
        return f"{self.name} {what}. The end of its log {self.log_file}:\n{child.log_tail()}"
