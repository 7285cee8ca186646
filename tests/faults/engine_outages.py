"""What happens to an engine behind HTTP, and to the memory of a worker that waits for it."""

import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Final

import psutil

from tests.faults.outages import Outage
from tests.faults.pipeline import Pipeline
from tests.waiting import wait_for

#: Longer than OUTAGE_GRACE_SECONDS (5).
OUT_S: Final = 6.0
_MIB: Final = 1024 * 1024


class EngineServer:
    """The server as a process, always at the same address."""

    def __init__(self, folder: Path) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self._port: int = probe.getsockname()[1]
        self._mood = folder / "engine.mood"
        self._mood.write_text("well")
        self._log = folder / "engine.log"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def settings(self) -> dict[str, str]:
        """A worker's, to use it."""
        return {
            "ENGINE": "openai",
            "OPENAI_BASE_URL": f"http://127.0.0.1:{self._port}/v1",
            "OPENAI_MODEL": "test",
            "ENGINE_TIMEOUT_SECONDS": "3",
            # What the server can answer within that time: more at once would time out, and be asked again and again.
            "MAX_IN_FLIGHT": "64",
        }

    def start(self) -> None:
        """Start, and wait until it listens."""
        with self._log.open("ab") as output:
            arguments = [sys.executable, "-m", "tests.faults.engine_server", str(self._port), str(self._mood)]
            self._process = subprocess.Popen(arguments, stdout=output, stderr=output)
        wait_for(self._listens, f"the engine's server; see {self._log.read_text()}")

    def kill(self) -> None:
        """SIGKILL, frozen or not."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(30)
            self._process = None

    def outages(self, seconds: float = OUT_S) -> dict[str, Outage]:
        """Each kind by a short name."""

        def well() -> None:
            self._feels("well")

        return {
            "hangs": Outage("engine hangs", self._freeze, self._thaw, seconds),
            "errors": Outage("engine answers 500", lambda: self._feels("errors"), well, seconds),
            "slow": Outage("engine ten times slower", lambda: self._feels("slow"), well, seconds),
            "dies": Outage("engine dies in the middle of answers", self.kill, self.start),
            "refuses": Outage("server engine refuses connections", self.kill, self.start, seconds),
        }

    def _freeze(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def _thaw(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def _feels(self, mood: str) -> None:
        # In one step: it is read all the time.
        fresh = self._mood.with_suffix(".new")
        fresh.write_text(mood)
        fresh.replace(self._mood)

    def _listens(self) -> bool:
        with socket.socket() as probe:
            probe.settimeout(0.5)
            return probe.connect_ex(("127.0.0.1", self._port)) == 0


class Memory:
    """The most memory that one worker of a pipeline held, in MiB of resident set."""

    def __init__(self, one: Pipeline) -> None:
        self._one = one
        self.most = 0.0

    def look(self) -> None:
        """Measure now."""
        for service in self._one.services:
            if service.name.startswith("worker") and service.process is not None and service.process.poll() is None:
                self.most = max(self.most, psutil.Process(service.process.pid).memory_info().rss / _MIB)
