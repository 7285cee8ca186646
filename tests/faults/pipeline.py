"""Streams and workers as real processes that are killed, or kill themselves, and are started again."""

import os
import random
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import structlog
from confluent_kafka import Consumer, KafkaException, TopicPartition

from tests.streams.stream_rig import StreamRig
from tests.waiting import wait_for
from worker.errors import ExitCode

log = structlog.get_logger()

#: Long enough for a machine that does several things at once.
DEADLINE_S: Final = 240.0
STREAM_POINTS: Final = ("after_window", "after_send", "before_ack", "after_ack")
WORKER_POINTS: Final = ("after_accept", "after_produce", "after_offsets_sent", "before_commit", "after_commit")
#: How often a point is reached before the kill, at most; the worker accepts each request by itself.
_REACHED: Final = {"after_accept": 60}
_REACHED_ELSE: Final = 4
#: Seconds until a dead process is started again: at once, or later than its session times out.
_RESTARTS: Final[tuple[float, ...]] = (0.0, 0.0, 8.0)
#: What `tests.faults.signal_at` does; the point and the count come behind it.
_KILL: Final = ("SIGKILL", "1")


@dataclass(slots=True)
class Service:
    """One replica.

    Attributes:
        command: the product's own.
        breakable: with a point and a count behind it, one that comes to harm there.
        points: where it will, one for each start; then it is the product again.
        log: all that it writes.
        started_at: how much an earlier process had written there.
    """

    name: str
    command: tuple[str, ...]
    breakable: tuple[str, ...]
    settings: dict[str, str]
    log: Path
    points: deque[str] = field(default_factory=deque)
    started_at: int = 0
    process: subprocess.Popen[bytes] | None = None
    restart_at: float | None = None


class Pipeline:
    """One set of topics with everything between.

    Attributes:
        deaths: kills so far.
        deadly: exit statuses that a fault explains.
        restarts_s: seconds until a dead process is started again, one of which is drawn.
    """

    def __init__(self, rig: StreamRig, partitions: int, folder: Path, draw: random.Random) -> None:
        self.rig = rig
        self.partitions = partitions
        self.services: list[Service] = []
        self.deaths = 0
        self.deadly = {-signal.SIGKILL}
        self.restarts_s = _RESTARTS
        self._folder = folder
        self._draw = draw

    def add_two_of_each(self) -> None:
        """Two streams and two workers."""
        for number in (1, 2):
            self.add_stream(number)
            self.add_worker(number)

    def add_stream(
        self,
        number: int,
        points: deque[str] | None = None,
        breakable: Sequence[str] = ("tests.faults.stream_child", *_KILL),
        **settings: str,
    ) -> Service:
        """A replica of the stream."""
        given = {"STREAMS_INSTANCE": f"stream-{number}", "BATCH_SIZE": "50", "COMMIT_INTERVAL_S": "0.3"}
        command = ("sentistream", "streams")
        return self._add(f"stream-{number}", command, tuple(breakable), given | settings, points)

    def add_worker(
        self,
        number: int,
        points: deque[str] | None = None,
        judge: str = "watermark",
        fault: Sequence[str] = _KILL,
        careless: str = "",
        **settings: str,
    ) -> Service:
        """A replica of the worker.

        Another judge of duplicates and gaps makes it a negative control, and so does a kind of carelessness.
        """
        given = {
            "WORKER_ID": f"worker-{number}",
            "WORKER_GROUP": self.worker_group,
            "ENGINE": "scripted",
            "SCRIPTED_SEED": "1",
            "SCRIPTED_DELAY_SECONDS": "0.02",
            "SANM_POLICY": "paper",
            "COMMIT_EVENTS": "20",
            "METRICS_PORT": "0",
        }
        child = ("tests.faults.careless_child", careless) if careless else ("tests.faults.worker_child", judge)
        command = child if careless or judge != "watermark" else ("sentistream", "worker")
        breakable = (*child, *fault)
        return self._add(f"worker-{number}", command, breakable, given | settings, points)

    def start_all(self) -> None:
        """Start every service."""
        for service in self.services:
            self.start(service)

    def start(self, service: Service) -> None:
        """Start, or start again."""
        command = service.command
        if service.points:
            point = service.points.popleft()
            count = self._draw.randint(1, _REACHED.get(point, _REACHED_ELSE))
            command = (*service.breakable, point, str(count))
        service.restart_at = None
        log.info("service_started", name=service.name, command=command)
        with service.log.open("ab") as output:
            service.started_at = output.tell()
            service.process = subprocess.Popen(
                [sys.executable, "-m", *command],
                stdout=output,
                stderr=output,
                env={**self.rig.environment, **service.settings},
                # A stopped process among ours would bring SIGHUP on all of us, were our shell to end.
                start_new_session=True,
            )

    def tend(self) -> int:
        """Start again, now or in a while, what was killed; how many have died since last time."""
        dead = 0
        for service in self.services:
            if service.restart_at is not None:
                if time.monotonic() >= service.restart_at:
                    self.start(service)
            elif service.process is not None and (status := service.process.poll()) is not None:
                assert status in self.deadly, f"{service.name} ended by itself with {status}:\n{tail(service, 12)}"
                delay = self._draw.choice(self.restarts_s)
                log.info("service_died", name=service.name, status=status, restart_in_s=delay)
                service.restart_at = time.monotonic() + delay
                dead += 1
        self.deaths += dead
        return dead

    def kill_all(self) -> None:
        """At a test's end, whatever came of it."""
        for service in self.services:
            if service.process is not None and service.process.poll() is None:
                kill(service)

    def stop(self, published: Iterable[tuple[int, int]] | None = None) -> None:
        """Clean stop of all, once nothing is left to be read in any topic.

        Args:
            published: partitions and offsets of all messages, where the end of their topic is not told by its last
                offset: in transactions, that is a marker or was taken back.
        """
        for service in self.services:
            if service.restart_at is not None:
                self.start(service)
        wait_for(lambda: all(map(is_ready, self.services)), f"all are ready; see\n{self.logs()}", DEADLINE_S)
        wait_for(
            lambda: self._is_quiet(published), f"committed offsets at the topics' ends; see\n{self.logs()}", DEADLINE_S
        )
        running = [(one, one.process) for one in self.services if one.process is not None]
        for _, process in running:
            process.send_signal(signal.SIGCONT)
            process.send_signal(signal.SIGTERM)
        statuses = {one.name: process.wait(60) for one, process in running}
        # One that its broker's crash has fenced may find out only now.
        ends = {0} | (self.deadly & {int(ExitCode.FENCED)})
        assert set(statuses.values()) <= ends, f"{statuses}\n{self.logs()}"

    def logs(self) -> str:
        """The end of all logs."""
        return "\n".join(f"--- {one.name}\n{tail(one)}" for one in self.services)

    @property
    def worker_group(self) -> str:
        """All workers'."""
        return f"{self.rig.names.topic_prefix}workers"

    def _is_quiet(self, published: Iterable[tuple[int, int]] | None) -> bool:
        """What was sent twice stands in the topics too, and its fate is part of the proof."""
        places = range(self.partitions)
        names, bootstrap = self.rig.names, self.rig.bootstrap
        ends: dict[int, int] | None = None
        for partition, offset in published or ():
            ends = ends or dict.fromkeys(places, 0)
            ends[partition] = max(ends[partition], offset + 1)
        stream_group = self.rig.environment["STREAMS_GROUP"]
        return at_end(bootstrap, stream_group, names.messages, places, ends) and at_end(
            bootstrap, self.worker_group, names.requests, places
        )

    def _add(
        self,
        name: str,
        command: tuple[str, ...],
        breakable: tuple[str, ...],
        settings: dict[str, str],
        points: deque[str] | None,
    ) -> Service:
        path = self._folder / f"{name}.log"
        service = Service(name, command, breakable, settings, path, deque() if points is None else points)
        self.services.append(service)
        return service


def kill(service: Service) -> None:
    """SIGKILL."""
    assert service.process is not None
    service.process.kill()
    service.process.wait(30)


def is_stopped(process: subprocess.Popen[bytes]) -> bool:
    """By SIGSTOP; WNOWAIT leaves the process to Popen."""
    return os.waitid(os.P_PID, process.pid, os.WSTOPPED | os.WNOHANG | os.WNOWAIT) is not None


def tail(service: Service, lines: int = 5) -> str:
    """The end of a service's log."""
    return "\n".join(service.log.read_text(errors="replace").splitlines()[-lines:]) if service.log.exists() else ""


def is_ready(service: Service) -> bool:
    """It has partitions, or could get some; before, it would not know what a signal means."""
    return b'_ready"' in service.log.read_bytes()[service.started_at :]


def at_end(
    bootstrap: str, group: str, topic: str, partitions: Iterable[int], ends: Mapping[int, int] | None = None
) -> bool:
    """A group has committed all that there is, or up to these ends."""
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": group, "enable.auto.commit": False})
    try:
        for one in consumer.committed([TopicPartition(topic, number) for number in partitions], timeout=30):
            end = ends[one.partition] if ends is not None else consumer.get_watermark_offsets(one, timeout=30)[1]
            if max(one.offset, 0) < end:
                return False
    except KafkaException:
        # The group's coordinator may just be moving; whoever asks has a deadline.
        return False
    else:
        return True
    finally:
        consumer.close()
