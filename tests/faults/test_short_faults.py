"""Short versions of a fault whose many repetitions are soaks: a worker, or a stream, frozen with work in hand.

The controls are those of the soaks.
"""

import json
import random
from collections import deque

import pytest

from prompts.parts import PartsBuilder
from tests.faults.campaign import endure
from tests.faults.checker import check
from tests.faults.conftest import MakePipeline
from tests.faults.pipeline import DEADLINE_S, Service, at_end
from tests.faults.report import Row
from tests.faults.zombies import freeze_a_stream, is_frozen, wake
from tests.waiting import wait_for
from worker.errors import ExitCode

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(600)]

_PARTITIONS = 4
_RECORDS = 300
#: In hand at any moment; a frozen worker's stay in hand, so that hardly more is published meanwhile.
_BACKLOG = 100


class Zombie:
    """A worker stops itself, and is woken once the other one holds all partitions.

    Attributes:
        frozen: it has stopped.
        over: it goes on.
    """

    def __init__(self, zombie: Service, other: Service) -> None:
        self.frozen = False
        self.over = False
        self._zombie = zombie
        self._other = other

    def strike(self, done: int) -> int:  # noqa: ARG002 -- the contract's
        self.frozen = self.frozen or is_frozen(self._zombie)
        # Nothing but the end of its session gives the other one what it holds.
        if self.frozen and not self.over and _held(self._other) == set(range(_PARTITIONS)):
            wake(self._zombie)
            self.over = True
            return 1
        return 0


def test_a_worker_frozen_with_a_transaction_open_wakes_up_when_another_has_its_partitions(
    pipeline: MakePipeline, builder: PartsBuilder, draw: random.Random
) -> None:
    one = pipeline(_PARTITIONS)
    # It may be fenced by its own second attempt to join; then it is started again.
    one.deadly.add(int(ExitCode.FENCED))
    one.restarts_s = (0.0,)
    one.add_stream(1)
    zombie = one.add_worker(1, deque(["after_produce"]), fault=("SIGSTOP", "1"))
    fault = Zombie(zombie, one.add_worker(2))
    row = endure(one, builder, fault, draw, Row(id="98-zombie", fault="", times=0), _RECORDS, backlog=_BACKLOG)
    assert fault.over
    assert row.clean, row


def test_a_stream_frozen_before_its_send_wakes_up_when_another_has_done_its_work(
    pipeline: MakePipeline, builder: PartsBuilder, draw: random.Random
) -> None:
    one = pipeline(_PARTITIONS)
    zombie = freeze_a_stream(one, draw, "watermark", records=_RECORDS)
    wake(zombie)
    names, places = one.rig.names, range(_PARTITIONS)

    def sent() -> int:
        return sum(map(len, one.rig.read(names.requests, _PARTITIONS).values()))

    wait_for(lambda: sent() > _RECORDS, f"it sends what has long been answered\n{one.logs()}", DEADLINE_S)
    wait_for(
        lambda: at_end(one.rig.bootstrap, one.worker_group, names.requests, places),
        f"the worker has seen that\n{one.logs()}",
        DEADLINE_S,
    )
    fates = check(one.rig, builder, _PARTITIONS)
    assert fates.clean, fates


def _held(worker: Service) -> set[int]:
    """The partitions that it has, by its own log."""
    held: set[int] = set()
    for line in worker.log.read_text().splitlines(keepends=True):
        # The last one may be half written, and librdkafka's own are no JSON.
        said = json.loads(line) if line.startswith("{") and line.endswith("}\n") else {}
        if said.get("event") == "partitions_assigned":
            held |= set(said["partitions"])
        elif said.get("event") in ("partitions_revoked", "partitions_lost"):
            held -= set(said["partitions"])
    return held
