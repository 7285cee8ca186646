"""One run: messages keep coming, things are killed, and at the end each record is accounted for."""

import os
import random
import signal
import statistics
import time
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Protocol

import structlog

from prompts.parts import PartsBuilder
from streams.intake import FAILED as STREAM_FAILED
from tests.faults.checker import check
from tests.faults.pipeline import DEADLINE_S, STREAM_POINTS, WORKER_POINTS, Pipeline, kill
from tests.faults.report import Row
from tests.faults.traffic import Place, Traffic

log = structlog.get_logger()

#: Work in hand at any moment, so that a kill always meets some.
_BACKLOG: Final = 600
_PORTION: Final = 100
#: Longer than the session time-out.
_FROZEN_S: Final = 9.0


class Fault(Protocol):
    """What is done to a pipeline while it works."""

    @property
    def over(self) -> bool:
        """Nothing more will be done to it."""

    def strike(self, done: int) -> None:
        """Do it if it is time; called again and again."""


class RandomKills:
    """SIGKILL of one or two services at random points of the progress, a random while after each."""

    def __init__(self, one: Pipeline, times: int, records: int, draw: random.Random) -> None:
        self._one = one
        self._times = times
        self._draw = draw
        self._marks = deque(sorted(draw.uniform(0.02, 0.95) * records for _ in range(times)))
        self._at: float | None = None
        self._killed = 0

    @property
    def over(self) -> bool:
        return self._killed >= self._times

    def strike(self, done: int) -> None:
        if self._at is None:
            if self._marks and done >= self._marks[0]:
                self._at = time.monotonic() + self._draw.uniform(0, 1)
            return
        running = [one for one in self._one.services if one.process is not None and one.process.poll() is None]
        if self.over or time.monotonic() < self._at or not running:
            return
        for victim in self._draw.sample(running, min(self._draw.choice((1, 1, 2)), len(running))):
            kill(victim)
            self._killed += 1
            if self._marks:
                self._marks.popleft()
        self._at = None


class PointKills:
    """The services kill themselves, each at the next of the points that are left."""

    def __init__(self, one: Pipeline, times: int) -> None:
        self._one = one
        self._times = times

    @property
    def over(self) -> bool:
        return self._one.deaths >= self._times

    def strike(self, done: int) -> None:
        """They do so by themselves."""


class PointFreezes:
    """The services stop themselves at points, and are let go on when the others have long taken over."""

    def __init__(self, one: Pipeline, times: int) -> None:
        self._one = one
        self._times = times
        self._since: dict[str, float] = {}
        self.thawed = 0

    @property
    def over(self) -> bool:
        return self.thawed >= self._times and not self._since

    def strike(self, done: int) -> None:
        for service in self._one.services:
            process = service.process
            if process is None or process.poll() is not None:
                continue
            # WNOWAIT leaves the process to Popen.
            stopped = os.waitid(os.P_PID, process.pid, os.WSTOPPED | os.WNOHANG | os.WNOWAIT)
            if stopped is None:
                self._since.pop(service.name, None)
            elif time.monotonic() - self._since.setdefault(service.name, time.monotonic()) > _FROZEN_S:
                del self._since[service.name]
                process.send_signal(signal.SIGCONT)
                log.info("service_thawed", name=service.name, done=done)
                self.thawed += 1


@dataclass(slots=True)
class _Recovery:
    """From each kill until all that was published before it has its fate."""

    seconds: list[float] = field(default_factory=list)
    _waiting: list[tuple[float, set[Place]]] = field(default_factory=list)

    def killed(self, waiting: set[Place]) -> None:
        self._waiting.append((time.monotonic(), waiting))

    def note(self, done: set[Place]) -> None:
        for one in [one for one in self._waiting if one[1] <= done]:
            self._waiting.remove(one)
            self.seconds.append(time.monotonic() - one[0])


def kill_at_random(one: Pipeline, builder: PartsBuilder, draw: random.Random, *, records: int, times: int) -> Row:
    """Two streams and two workers."""
    for number in (1, 2):
        one.add_stream(number)
        one.add_worker(number)
    return endure(one, builder, RandomKills(one, times, records, draw), draw, "SIGKILL at random moments", records)


def kill_at_points(
    one: Pipeline, builder: PartsBuilder, draw: random.Random, points: Sequence[str], *, records: int
) -> Row:
    """Two streams and two workers, which kill themselves at each of the points in turn."""
    stream_points = deque(point for point in points if point in STREAM_POINTS)
    worker_points = deque(point for point in points if point in WORKER_POINTS)
    for number in (1, 2):
        one.add_stream(number, stream_points)
        one.add_worker(number, worker_points)
    names = ", ".join(f"{point} ({count})" for point, count in Counter(points).items())
    return endure(one, builder, PointKills(one, len(points)), draw, f"SIGKILL {names}", records)


def freeze_at_points(one: Pipeline, builder: PartsBuilder, draw: random.Random, *, records: int, times: int) -> Row:
    """Two streams and two workers, each of which is frozen again and again at a point of its own.

    Longer than the session time-out, so that each wakes up with work in hand that is not its own any more.
    """
    one.deadly |= {STREAM_FAILED}
    freeze = ("SIGSTOP", str(times // 4))
    points = ("after_window", "after_send", "after_produce", "before_commit")
    for number in (1, 2):
        of_stream, of_worker = (deque([point] * times) for point in points[number - 1 :: 2])
        one.add_stream(number, of_stream, breakable=("tests.faults.stream_child", *freeze))
        one.add_worker(number, of_worker, fault=freeze)
    fault = PointFreezes(one, times)
    row = endure(one, builder, fault, draw, f"frozen for {_FROZEN_S:.0f} s at {', '.join(points)}", records)
    return replace(row, times=fault.thawed)


def endure(one: Pipeline, builder: PartsBuilder, fault: Fault, draw: random.Random, name: str, records: int) -> Row:
    """Publish at least so many records, and more until the fault is over; wait until all is quiet, and check."""
    began = time.monotonic()
    conversations = min(500, records // 30)
    traffic = Traffic(one.rig, one.partitions, seed=draw.randrange(2**31), conversations=conversations)
    recovery = _Recovery()
    one.start_all()
    moved_at, most = time.monotonic(), 0
    while len(traffic.published) < records or not fault.over or traffic.waiting:
        wanted = len(traffic.published) < records or not fault.over
        if wanted and len(traffic.published) - len(traffic.done) < _BACKLOG:
            traffic.publish(_PORTION)
        traffic.follow(0.05)
        fault.strike(len(traffic.done))
        for _ in range(one.tend()):
            recovery.killed(traffic.waiting)
        recovery.note(traffic.done)
        if len(traffic.done) > most:
            moved_at, most = time.monotonic(), len(traffic.done)
        assert time.monotonic() - moved_at < DEADLINE_S, f"{most} of {len(traffic.published)} done:\n{one.logs()}"
    traffic.close()
    one.stop()
    fates = check(one.rig, builder, one.partitions)
    middle = statistics.median(recovery.seconds) if recovery.seconds else 0.0
    longest = max(recovery.seconds, default=0.0)
    return Row(name, one.deaths, fates, middle, longest, time.monotonic() - began)
