"""Workers that come and go all the time, and processes that take over a worker's name."""

import random
import re
import signal
import time
from collections import Counter
from collections.abc import Sequence
from typing import Final

import structlog
from confluent_kafka import Producer

from prompts.parts import PartsBuilder
from tests.faults.campaign import endure
from tests.faults.marks import Marks
from tests.faults.pipeline import DEADLINE_S, Pipeline, Service, is_ready
from tests.faults.report import Row
from tests.faults.traffic import Traffic
from tests.waiting import wait_for
from worker.errors import ExitCode

log = structlog.get_logger()

#: A worker that left without a word is missed after this.
_SHORT_SESSION_MS: Final = "2000"
#: How long a worker stays once it is ready, in seconds.
_STAYS_S: Final = (0.5, 5.0)
#: Answers take so long that there are always some in hand.
_SLOW_S: Final = "0.3"
_DROPPED: Final = re.compile(r'"dropped": ?(\d+)')
_KEEPS: Final = "a worker that keeps what it has in hand of a partition that went to another doubles records"
_TWO: Final = "a worker with neither a stable transactional.id nor its group's generation doubles what it had in hand"


class Churn:
    """Each worker leaves a while after it has come, with or without a word; the pipeline brings it back.

    Attributes:
        left: how often one left, by the signal's name.
    """

    def __init__(
        self, one: Pipeline, seconds: float, draw: random.Random, names: Sequence[str] = ("worker-1", "worker-2")
    ) -> None:
        self.left: Counter[str] = Counter()
        self._workers = [service for service in one.services if service.name in names]
        self._draw = draw
        self._seconds = seconds
        self._until: float | None = None
        self._leaves_at: dict[int, float] = {}

    @property
    def over(self) -> bool:
        return self._until is not None and time.monotonic() > self._until

    def strike(self, done: int) -> int:
        for worker in self._workers:
            process = worker.process
            if self.over or process is None or process.poll() is not None or not is_ready(worker):
                continue
            if self._until is None:
                # From when there is something to leave.
                self._until = time.monotonic() + self._seconds
            leaves_at = self._leaves_at.setdefault(process.pid, time.monotonic() + self._draw.uniform(*_STAYS_S))
            if time.monotonic() > leaves_at:
                self._leaves_at[process.pid] = float("inf")
                number = self._draw.choice((signal.SIGTERM, signal.SIGKILL))
                log.info("worker_leaves", name=worker.name, signal=number.name, done=done)
                process.send_signal(number)
                self.left[number.name] += 1
        return 0


def storm(one: Pipeline, builder: PartsBuilder, draw: random.Random, *, seconds: float, records: int) -> Row:
    """A stream, and two workers that join and leave all the time."""
    # A worker that left without a word and comes back at once may meet its own ghost in the group.
    one.deadly |= {0, int(ExitCode.FENCED)}
    one.restarts_s = (0.0, 0.0, 3.0)
    one.add_stream(1)
    for number, patience in ((1, "20"), (2, "0")):
        # One of them does not wait for its answers.
        worker = one.add_worker(number, SCRIPTED_DELAY_SECONDS=_SLOW_S, STOP_SECONDS=patience)
        worker.settings["KAFKA_SESSION_TIMEOUT_MS"] = _SHORT_SESSION_MS
    fault = Churn(one, seconds, draw)
    row = Row(id="24-storm", fault="two workers joining and leaving all the time", times=0, against=_KEEPS)
    row = endure(one, builder, fault, draw, row, records)
    revoked, dropped = revocations(one)
    note = f"partitions taken away from a live worker {revoked} times, {dropped} requests in hand then"
    return row.model_copy(update={"times": fault.left.total(), "note": note})


def revocations(one: Pipeline) -> tuple[int, int]:
    """How often running workers lost partitions with work in hand, and how much that was."""
    counts = [
        int(found[1])
        for service in one.services
        for line in service.log.read_text(errors="replace").splitlines()
        if '"partitions_revoked"' in line or '"partitions_lost"' in line
        if (found := _DROPPED.search(line)) is not None
    ]
    return sum(count > 0 for count in counts), sum(counts)


class TakeOvers:
    """Another process begins transactions under a worker's `transactional.id`; the worker must end."""

    def __init__(self, one: Pipeline, *, times: int, records: int) -> None:
        self._one = one
        self._workers = [service for service in one.services if service.name.startswith("worker")]
        self._marks = Marks(times, records)
        self._victim: Service | None = None
        self.struck = 0

    @property
    def over(self) -> bool:
        return not self._marks and self._victim is None

    def strike(self, done: int) -> int:
        if self._victim is not None:
            if self._victim.process is not None and self._victim.process.poll() is not None:
                self._victim = None
            return 0
        victim = self._workers[self.struck % len(self._workers)]
        running = victim.process is not None and victim.process.poll() is None and is_ready(victim)
        if not self._marks.due(done) or not running:
            return 0
        self._marks.strike()
        take_over(self._one, victim)
        self.struck += 1
        self._victim = victim
        return 0


def take_over(one: Pipeline, victim: Service) -> None:
    """What the first step of another worker of this name would be."""
    names, settings = one.rig.names, victim.settings
    name = f"{names.topic_prefix}{settings['WORKER_GROUP']}-{settings['WORKER_ID']}"
    log.info("transactional_id_taken_over", name=name)
    thief = Producer({"bootstrap.servers": one.rig.bootstrap, "transactional.id": name, "log_level": 0})
    thief.init_transactions(30)


def lose_names(one: Pipeline, builder: PartsBuilder, draw: random.Random, *, records: int, times: int) -> Row:
    """Two streams and two workers, whose transactional.ids are taken over in turn."""
    one.deadly |= {int(ExitCode.FENCED)}
    one.add_two_of_each()
    fault = TakeOvers(one, times=times, records=records)
    row = Row(id="36-take-over", fault="another process takes over a transactional.id", times=0, against=_TWO)
    row = endure(one, builder, fault, draw, row, records)
    note = f"workers that ended as fenced and were started again: {one.deaths}"
    return row.model_copy(update={"times": fault.struck, "note": note})


def join_a_slow_worker(one: Pipeline, draw: random.Random, careless: str, *, records: int) -> None:
    """A careless worker has all in hand when another one joins and takes some of its partitions."""
    one.add_stream(1)
    slow = one.add_worker(1, careless=careless, SCRIPTED_DELAY_SECONDS="6", SANM_POLICY="one-pass")
    other = one.add_worker(2, SANM_POLICY="one-pass")
    traffic = Traffic(one.rig, one.partitions, seed=draw.randrange(2**31), conversations=12)
    traffic.publish(records)
    for service in one.services[:2]:
        one.start(service)
    wait_for(lambda: is_ready(slow), f"the first worker\n{one.logs()}", DEADLINE_S)
    one.start(other)
    traffic.follow_until_done(DEADLINE_S)
    traffic.close()
