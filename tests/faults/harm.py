"""What is done to a pipeline while it works."""

import random
import shutil
import signal
import time
from collections import Counter, deque
from typing import Final, Protocol

import structlog

from sentistream.embedded.server import EmbeddedServer
from tests.faults.marks import Marks
from tests.faults.pipeline import Pipeline, Service, is_stopped, kill

log = structlog.get_logger()

#: Longer than the session time-out.
FROZEN_S: Final = 9.0
#: Seconds that a broker is away, beside its start.
_AWAY_S: Final = (0.0, 0.0, 8.0)
#: How kills are counted in the report.
_STREAMS: Final = "streams"
_WORKERS: Final = "workers"
_BOTH: Final = "moments at which one of each was killed"


class Fault(Protocol):
    """What is done to a pipeline while it works."""

    @property
    def over(self) -> bool:
        """Nothing more will be done to it."""

    def strike(self, done: int) -> int:
        """Do it if it is time; called again and again.

        Returns:
            The blows from which recovery is to be timed. The deaths of services are seen without.
        """


class Together:
    """Several at once."""

    def __init__(self, *faults: Fault) -> None:
        self._faults = faults

    @property
    def over(self) -> bool:
        return all(one.over for one in self._faults)

    def strike(self, done: int) -> int:
        return sum(one.strike(done) for one in self._faults)


class RandomKills:
    """SIGKILL of services at random points of the progress, a random while after each.

    By turns, in random order, of streams, of workers, and of one of each at the same moment.

    Attributes:
        counts: kills by the kind of service, and the moments at which one of each was killed.
    """

    def __init__(self, one: Pipeline, times: int, records: int, draw: random.Random) -> None:
        self._one = one
        self._times = times
        self._draw = draw
        self._marks = deque(sorted(draw.uniform(0.02, 0.95) * records for _ in range(times)))
        self._at: float | None = None
        self._kinds: list[tuple[str, ...]] = []
        self.counts = Counter({_STREAMS: 0, _WORKERS: 0, _BOTH: 0})

    @property
    def over(self) -> bool:
        return self.counts[_STREAMS] + self.counts[_WORKERS] >= self._times

    def strike(self, done: int) -> int:
        if self._at is None:
            if self._marks and done >= self._marks[0]:
                self._at = time.monotonic() + self._draw.uniform(0, 1)
            return 0
        if self.over or time.monotonic() < self._at or not (victims := self._victims()):
            return 0
        for victim in victims:
            kill(victim)
            self.counts[_STREAMS if victim.name.startswith("stream") else _WORKERS] += 1
            if self._marks:
                self._marks.popleft()
        self.counts[_BOTH] += len(self._kinds.pop()) > 1
        self._at = None
        return 0

    def _victims(self) -> list[Service]:
        """None while none of a kind that is next runs."""
        if not self._kinds:
            self._kinds = self._draw.sample((("stream",), ("worker",), ("stream", "worker")), 3)
        wanted = self._kinds[-1]
        running = [one for one in self._one.services if one.process is not None and one.process.poll() is None]
        found = [[one for one in running if one.name.startswith(kind)] for kind in wanted]
        if not all(found):
            return []
        # One kind: now and then all of it.
        most = 1 if len(wanted) > 1 else self._draw.choice((1, 1, 2))
        return [victim for some in found for victim in self._draw.sample(some, min(most, len(some)))]


class PointKills:
    """The services kill themselves, each at the next of the points that are left."""

    def __init__(self, one: Pipeline, times: int) -> None:
        self._one = one
        self._times = times

    @property
    def over(self) -> bool:
        return self._one.deaths >= self._times

    def strike(self, done: int) -> int:  # noqa: ARG002 -- the contract's
        """They do so by themselves."""
        return 0


class PointFreezes:
    """The services stop themselves at points, and are let go on when the others have long taken over.

    Attributes:
        thawed: by the kind of service, `stream` or `worker`, how often one went on.
    """

    def __init__(self, one: Pipeline, times_each: int) -> None:
        self._one = one
        self._times = times_each
        self._since: dict[str, float] = {}
        self.thawed: Counter[str] = Counter()

    @property
    def over(self) -> bool:
        return all(self.thawed[kind] >= self._times for kind in ("stream", "worker")) and not self._since

    def strike(self, done: int) -> int:
        frozen = 0
        for service in self._one.services:
            process = service.process
            if process is None or process.poll() is not None:
                self._since.pop(service.name, None)
                continue
            if not is_stopped(process):
                self._since.pop(service.name, None)
            elif service.name not in self._since:
                self._since[service.name] = time.monotonic()
                frozen += 1
            elif time.monotonic() - self._since[service.name] > FROZEN_S:
                del self._since[service.name]
                process.send_signal(signal.SIGCONT)
                log.info("service_thawed", name=service.name, done=done)
                self.thawed[service.name.partition("-")[0]] += 1
        return frozen


class BrokerOutages:
    """The only broker is stopped clean, or killed, and comes back at once or after a while.

    Attributes:
        blows: when it was gone, by the wall clock.
    """

    def __init__(self, kafka: EmbeddedServer, draw: random.Random, *, times: int, records: int, clean: bool) -> None:
        self._kafka = kafka
        self._draw = draw
        self._marks = Marks(times, records)
        self._clean = clean
        self.blows: list[float] = []

    @property
    def over(self) -> bool:
        return not self._marks

    def strike(self, done: int) -> int:
        if not self._marks.due(done):
            return 0
        self._marks.strike()
        away_s = self._draw.choice(_AWAY_S)
        log.info("broker_goes", clean=self._clean, away_s=away_s, done=done)
        if self._clean:
            self._kafka.stop()
        else:
            self._kafka.kill()
        self.blows.append(time.time())
        time.sleep(away_s)
        self._kafka.start()
        log.info("broker_is_back")
        return 1


class StoreKills:
    """SIGKILL of Redis, which finds its file again or has lost everything, and of Kafka, in turn."""

    def __init__(self, one: Pipeline, kafka: EmbeddedServer, redis: EmbeddedServer, times: int, records: int) -> None:
        self._one = one
        self._kafka = kafka
        self._redis = redis
        self._marks = Marks(times, records)
        self.struck: Counter[str] = Counter()

    @property
    def over(self) -> bool:
        return not self._marks

    def strike(self, done: int) -> int:
        if not self._marks.due(done):
            return 0
        self._marks.strike()
        kind = ("Redis killed", "Kafka killed", "Redis killed and emptied")[self.struck.total() % 3]
        log.info("store_killed", kind=kind, done=done)
        server = self._kafka if kind == "Kafka killed" else self._redis
        server.kill()
        if "emptied" in kind:
            for path in self._redis.folder.glob("appendonly*"):
                shutil.rmtree(path) if path.is_dir() else path.unlink()
        server.start()
        self.struck[kind] += 1
        return 0
