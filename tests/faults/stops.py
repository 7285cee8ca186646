"""SIGTERM at every stage: how long each process takes to end, and that it ends with 0."""

import json
import random
import signal
import time
from collections import Counter, deque
from pathlib import Path
from typing import Any, Final

import structlog

from streams.intake import FAILED
from tests.faults.pipeline import Pipeline, Service, is_ready
from worker.errors import ExitCode

log = structlog.get_logger()

#: Seconds beyond STOP_SECONDS for the engine to close and the group to be left; the stream's bound is its own.
BOUND_S: Final = {"worker": 20.0 + 10.0, "stream": 30.0}
#: What each may end with where a server is away, and why: 0 would say that all in hand is done and committed.
_LATE: Final = 75
ALLOWED_WITHOUT: Final = {
    "engine": {"worker": {0}, "stream": {0}},
    "Redis": {"worker": {0}, "stream": {0, _LATE}},
    "Kafka": {"worker": {0, int(ExitCode.KAFKA)}, "stream": {0, FAILED, _LATE}},
}
CONTROL: Final = "no control of its own: any other exit status, and a time over the bound, fails the test"
AGAINST_WITHOUT: Final = {
    "engine": f"both must end with 0: what is in hand is left uncommitted for the next process. {CONTROL}",
    "Redis": (
        "the worker, which has no part in Redis, must end with 0; the stream may end with 75, stopped late: a batch in "
        f"hand needs its windows, and is waited for as long as STOP_DEADLINE_S says. {CONTROL}"
    ),
    "Kafka": (
        "what is in hand can be neither committed nor given back, so that 0 is not promised: the stream may end with "
        "75, stopped late, or 70, a send without an answer; the worker with 70, no answer before its bound. Nothing of "
        f"it is lost or doubled by the next processes. {CONTROL}"
    ),
}


class Stops:
    """Times every end; sends SIGTERM itself at random moments, or lets the services do it at their points.

    Args:
        moments: `starting` or `working`, one for each stop that is ours; none for points.
        times: ends altogether.
    """

    def __init__(self, one: Pipeline, draw: random.Random, times: int, moments: deque[str]) -> None:
        self._one = one
        self._draw = draw
        self._times = times
        self._moments = moments
        self._planned: tuple[Service, str, float] | None = None
        self._told: dict[str, float] = {}
        self._timed: set[int] = set()
        self.stages: Counter[str] = Counter()
        self.seconds: dict[str, list[float]] = {"worker": [], "stream": []}

    @property
    def over(self) -> bool:
        return self._one.deaths >= self._times

    def strike(self, done: int) -> int:
        for service in self._one.services:
            if service.process is not None and service.process.poll() is not None:
                self._time(service)
        if self._moments or self._planned:
            self._tell(done)
        return 0

    def _tell(self, done: int) -> None:
        if self._planned is None:
            service = self._draw.choice(self._one.services)
            moment = self._moments[0]
            # A start is caught where it is just under way.
            if not _runs(service) or service.name in self._told or is_ready(service) == (moment == "starting"):
                return
            self._moments.popleft()
            self._planned = (service, moment, time.monotonic() + self._draw.uniform(0, 1.5))
        service, moment, at = self._planned
        if not _runs(service):
            self._planned = None
            self._moments.append(moment)
        elif time.monotonic() >= at and service.process is not None and _handles_sigterm(service.process.pid):
            log.info("told_to_stop", name=service.name, moment=moment, done=done)
            self._told[service.name] = time.time()
            service.process.send_signal(signal.SIGTERM)
            self.stages[moment] += 1
            self._planned = None

    def _time(self, service: Service) -> None:
        assert service.process is not None
        if service.process.pid in self._timed:
            return
        self._timed.add(service.process.pid)
        told = self._told.pop(service.name, None)
        if told is None and (raised := _raised(service)):
            told = raised["at"]
            self.stages[raised["point"]] += 1
        assert told is not None, f"{service.name} ended without being told"
        self.seconds[service.name.split("-")[0]].append(time.time() - told)


def _runs(service: Service) -> bool:
    return service.process is not None and service.process.poll() is None


def _handles_sigterm(pid: int) -> bool:
    """Before that it is Python that starts, not our code."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False
    caught = next((line.split()[1] for line in status.splitlines() if line.startswith("SigCgt")), "0")
    return bool(int(caught, 16) & 1 << (signal.SIGTERM - 1))


def _raised(service: Service) -> dict[str, Any] | None:
    """What the process said when it signalled itself."""
    lines = service.log.read_bytes()[service.started_at :].splitlines()
    found = [json.loads(line) for line in lines if b'"signal_raised"' in line]
    return found[-1] if found else None
