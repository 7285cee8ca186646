"""Short versions of two faults whose many repetitions are soaks: a worker frozen with work in hand, a broker killed.

One run meets both, since most of its time goes into starts. The controls are those of the soaks.
"""

import json
import os
import random
from collections import deque

import pytest
import structlog

from prompts.parts import PartsBuilder
from sentistream.embedded import EmbeddedKafka
from streams.intake import FAILED as STREAM_FAILED
from tests.faults.campaign import endure
from tests.faults.conftest import MakePipeline
from tests.faults.pipeline import Service
from tests.faults.report import Row
from tests.faults.zombies import wake
from worker.errors import ExitCode

log = structlog.get_logger()

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(300)]

_PARTITIONS = 4
_RECORDS = 300
#: In hand at any moment; the frozen worker's stay in hand, so that hardly more is published meanwhile.
_BACKLOG = 100


class ZombieThenOutage:
    """A worker stops itself, is woken once the other one holds all partitions, and then the broker is killed.

    Attributes:
        done: what was done, in order.
    """

    def __init__(self, zombie: Service, other: Service, kafka: EmbeddedKafka) -> None:
        self.done: list[str] = []
        self._zombie = zombie
        self._other = other
        self._kafka = kafka
        self._goes_at = 0

    @property
    def over(self) -> bool:
        return self.done[-1:] == ["killed"]

    def strike(self, done: int) -> int:
        if not self.done and _is_stopped(self._zombie):
            self._note("frozen", done)
        elif self.done == ["frozen"] and _held(self._other) == set(range(_PARTITIONS)):
            # Nothing but the end of its session gives the others what it holds.
            wake(self._zombie)
            self._note("woken", done)
            # More than can be in hand: by then all is done that it had.
            self._goes_at = done + 2 * _BACKLOG
        elif self.done[-1:] == ["woken"] and done >= self._goes_at:
            self._kafka.kill()
            self._kafka.start()
            self._note("killed", done)
            return 1
        return 0

    def _note(self, what: str, done: int) -> None:
        log.info("done_to_the_pipeline", what=what, done=done)
        self.done.append(what)


def test_a_frozen_worker_wakes_up_and_a_killed_broker_comes_back(
    pipeline: MakePipeline, builder: PartsBuilder, draw: random.Random, kafka: EmbeddedKafka
) -> None:
    one = pipeline(_PARTITIONS)
    # Whoever wakes up, or whose broker comes back, may be fenced by its own second attempt to join; then it is started
    # again.
    one.deadly |= {STREAM_FAILED, int(ExitCode.KAFKA), int(ExitCode.FENCED)}
    one.restarts_s = (0.0,)
    one.add_stream(1)
    zombie = one.add_worker(1, deque(["after_produce"]), fault=("SIGSTOP", "1"))
    fault = ZombieThenOutage(zombie, one.add_worker(2), kafka)
    row = Row(id="99-short", fault="a worker frozen, then the broker killed", times=0)
    row = endure(one, builder, fault, draw, row, _RECORDS, backlog=_BACKLOG)
    assert fault.done == ["frozen", "woken", "killed"]
    assert row.clean, row


def _is_stopped(service: Service) -> bool:
    """WNOWAIT leaves the process to Popen."""
    assert service.process is not None
    return os.waitid(os.P_PID, service.process.pid, os.WSTOPPED | os.WNOHANG | os.WNOWAIT) is not None


def _held(worker: Service) -> set[int]:
    """The partitions that it has, by its own log."""
    held: set[int] = set()
    for line in worker.log.read_text().splitlines():
        said = json.loads(line) if line.startswith("{") else {}
        if said.get("event") == "partitions_assigned":
            held |= set(said["partitions"])
        elif said.get("event") in ("partitions_revoked", "partitions_lost"):
            held -= set(said["partitions"])
    return held
