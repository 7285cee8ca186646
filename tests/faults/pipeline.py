"""Streams and workers as real processes that are started, killed at random or by themselves, and started again."""

import random
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from schemas.codec import encode
from tests.faults.checker import seen
from tests.streams.stream_rig import Published, StreamRig, make_messages

#: Long enough for a machine that does several things at once.
DEADLINE_S = 240.0
_MALFORMED = (b"\xff\xfe", b"{", b'{"text": 1}', b"")


@dataclass
class Service:
    """One replica, started again when it has ended."""

    name: str
    command: tuple[str, ...]
    settings: dict[str, str]
    process: subprocess.Popen[bytes] | None = None
    statuses: list[int] = field(default_factory=list)


class Pipeline:
    """One set of topics with everything between."""

    def __init__(self, rig: StreamRig, partitions: int, folder: Path) -> None:
        self.rig = rig
        self.partitions = partitions
        self._folder = folder
        self._services: list[Service] = []

    def add_stream(self, number: int, *arguments: str, **settings: str) -> Service:
        """A replica of the stream; with arguments, one that kills itself at a point."""
        module = ("tests.streams.child", *arguments) if arguments else ("sentistream", "streams")
        return self._add(f"stream-{number}", module, {"STREAMS_INSTANCE": f"stream-{number}", **settings})

    def add_worker(self, number: int, *arguments: str, **settings: str) -> Service:
        """A replica of the worker, likewise."""
        given = {
            "WORKER_ID": f"worker-{number}",
            "WORKER_GROUP": f"{self.rig.names.topic_prefix}workers",
            "ENGINE": "scripted",
            "SCRIPTED_SEED": "1",
            "SCRIPTED_DELAY_SECONDS": "0.01",
            "METRICS_PORT": "0",
            **settings,
        }
        return self._add(f"worker-{number}", ("tests.faults.worker_child", *arguments), given)

    def messages(self, count: int, seed: int, conversations: int = 200, malformed: float = 0.01) -> list[Published]:
        """Messages, each conversation in one partition, and some records that are none."""
        draw = random.Random(seed)
        records: list[Published] = []
        for one in make_messages(count, conversations=conversations, seed=seed):
            partition = int(one.conversation_id[1:]) % self.partitions
            broken = draw.random() < malformed
            records.append(
                (partition, one.conversation_id.encode(), draw.choice(_MALFORMED) if broken else encode(one))
            )
        return records

    def start(self, service: Service) -> None:
        """Start, or start again."""
        with (self._folder / f"{service.name}.log").open("ab") as log:
            service.process = subprocess.Popen(
                [sys.executable, "-m", *service.command],
                stdout=log,
                stderr=log,
                env={**self.rig.environment, **service.settings},
            )

    def tend(self) -> int:
        """Start again what has ended; how many had."""
        ended = [one for one in self._services if one.process is not None and one.process.poll() is not None]
        for service in ended:
            assert service.process is not None
            status = service.process.returncode
            service.statuses.append(status)
            assert status == -signal.SIGKILL, f"{service.name} ended by itself with {status}:\n{self.log(service)}"
            self.start(service)
        return len(ended)

    def kill(self, service: Service) -> None:
        """SIGKILL."""
        assert service.process is not None
        service.process.kill()
        service.process.wait(30)

    def kill_all(self) -> None:
        """At a test's end, whatever came of it."""
        for service in self._services:
            if service.process is not None and service.process.poll() is None:
                self.kill(service)

    def stop_all(self) -> dict[str, int]:
        """SIGTERM to all; exit statuses by name."""
        running = [one for one in self._services if one.process is not None]
        for service in running:
            assert service.process is not None
            service.process.send_signal(signal.SIGTERM)
        return {one.name: one.process.wait(60) for one in running if one.process is not None}

    def finish(self, records: int) -> None:
        """Until each record has a fate; what ends meanwhile by a kill is started again."""
        deadline = time.monotonic() + DEADLINE_S
        while seen(self.rig, self.partitions) < records:
            self.tend()
            assert time.monotonic() < deadline, f"not all of {records} records have a fate:\n{self.logs()}"
            time.sleep(0.5)

    def log(self, service: Service, lines: int = 12) -> str:
        """The end of a service's log."""
        path = self._folder / f"{service.name}.log"
        return "\n".join(path.read_text(errors="replace").splitlines()[-lines:]) if path.exists() else ""

    def logs(self) -> str:
        """The end of all logs."""
        return "\n".join(f"--- {one.name}\n{self.log(one, 5)}" for one in self._services)

    def _add(self, name: str, module: tuple[str, ...], settings: dict[str, str]) -> Service:
        service = Service(name, module, settings)
        self._services.append(service)
        return service
