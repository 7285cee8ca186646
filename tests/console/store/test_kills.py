"""Killed at any moment, the store has each row once; the naive order of writing is seen to lose some."""

import os
import random
import time

import pytest
import structlog

from console.store.faultpoints import POINTS
from tests.console.store.conftest import RigFactory
from tests.console.store.store_rig import Rig, Traffic, damage, ended, wait_until_still, wait_until_stored
from tests.waiting import wait_for

pytestmark = pytest.mark.kafka

log = structlog.get_logger()

#: Fewer where time is short.
_KILLS = int(os.environ.get("STORE_KILLS", "20"))


def test_two_kills_lose_and_double_nothing(make_rig: RigFactory) -> None:
    rig = make_rig()
    traffic = Traffic(rig, 3)
    for point in ("rows_written", "committed"):
        _kill_at(rig, traffic, point, nth=2)
    with rig.running():
        wait_until_stored(rig, traffic)


def test_control_offsets_before_rows_lose_rows(make_rig: RigFactory) -> None:
    rig = make_rig()
    traffic = Traffic(rig, 3)
    traffic.send(60)
    child = rig.start("batch_taken", 4, careless=True)
    assert ended(child) == -9, rig.log.read_text()
    with rig.running():
        wait_for(lambda: rig.begun() == 2, "the next process reads")
        wait_until_still(rig)
    assert damage(rig, traffic)["lost"] > 0


@pytest.mark.soak
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_twenty_kills_lose_and_double_nothing(make_rig: RigFactory, kind: str) -> None:
    seed = int(os.environ.get("STORE_SEED") or time.time())
    log.info("seed", seed=seed)
    chance = random.Random(seed)
    rig = make_rig(kind=kind)
    traffic = Traffic(rig, 3)
    for number in range(_KILLS):
        if number % 2:
            _kill_at(rig, traffic, POINTS[number // 2 % len(POINTS)], nth=chance.randint(1, 4))
        else:
            _kill_after(rig, traffic, chance.uniform(0.0, 1.0))
        log.info("killed", kill=number + 1, sent=len(traffic.events), stored=rig.stored())
    with rig.running():
        wait_until_stored(rig, traffic, seconds=300)
    log.info(
        "all_stored", kills=_KILLS, events=len(traffic.events), labels=len(traffic.labels), damage=damage(rig, traffic)
    )


def _kill_at(rig: Rig, traffic: Traffic, point: str, nth: int) -> None:
    child = rig.start(point, nth)
    traffic.send(80)
    assert ended(child) == -9, rig.log.read_text()


def _kill_after(rig: Rig, traffic: Traffic, seconds: float) -> None:
    begun = rig.begun()
    child = rig.start()
    traffic.send(60)
    wait_for(lambda: rig.begun() > begun, "the next process reads")
    time.sleep(seconds)
    child.kill()
    assert ended(child) == -9
