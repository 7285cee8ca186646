"""Nothing lost, nothing doubled, order kept, windows as in an offline replay, whatever is killed when."""

import random
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from prompts.parts import PartsBuilder
from tests.faults.checker import Row, check
from tests.faults.pipeline import DEADLINE_S, Pipeline, Service
from tests.streams.stream_rig import accepted, make_messages, published, stop
from tests.waiting import wait_for

pytestmark = pytest.mark.kafka

MakePipeline = Callable[[int], Pipeline]

STREAM_POINTS = ("after_window", "after_send", "before_ack", "after_ack")
WORKER_POINTS = ("after_accept", "after_produce", "after_offsets_sent", "before_commit", "after_commit")


def kill_at_random(one: Pipeline, builder: PartsBuilder, records: int, kills: int, seed: int) -> Row:
    """Two streams and two workers, killed one or two at a time while messages keep coming."""
    began = time.monotonic()
    draw = random.Random(seed)
    services = [one.add_stream(1), one.add_stream(2), one.add_worker(1), one.add_worker(2)]
    for service in services:
        one.start(service)
    messages = one.messages(records, seed)
    size = -(-len(messages) // (kills + 1))
    killed = 0
    for start in range(0, len(messages), size):
        one.rig.publish(messages[start : start + size])
        if killed < kills:
            time.sleep(draw.uniform(0.5, 4.0))  # when, not whether: what is asserted holds for every moment
            for victim in draw.sample(services, draw.choice((1, 1, 2))):
                one.kill(victim)
                killed += 1
            one.tend()
    one.finish(len(messages))
    assert set(one.stop_all().values()) == {0}, one.logs()
    return Row(
        "SIGKILL at random moments, 2 streams + 2 workers",
        killed,
        check(one.rig, builder, one.partitions),
        time.monotonic() - began,
    )


def kill_at_point(one: Pipeline, builder: PartsBuilder, point: str, times: int, records: int, seed: int) -> Row:
    """One stream and one worker, of which one kills itself at a point, again and again."""
    began = time.monotonic()
    draw = random.Random(seed)
    batches = {"BATCH_SIZE": "50"} if point in STREAM_POINTS else {}
    commits = {"COMMIT_EVENTS": "20"} if point in WORKER_POINTS else {}
    stream, worker = one.add_stream(1, **batches), one.add_worker(1, **commits)
    victim, module = (
        (stream, "tests.streams.child") if point in STREAM_POINTS else (worker, "tests.faults.worker_child")
    )
    own = victim.command
    messages = one.messages(records, seed)
    one.start(worker if victim is stream else stream)
    killed = 0
    share = -(-len(messages) // times)
    for start in range(0, len(messages), share):
        one.rig.publish(messages[start : start + share])
        victim.command = (module, point, str(draw.randint(1, 3)))
        killed += _dies(one, victim)
    victim.command = own
    one.start(victim)
    one.finish(len(messages))
    assert set(one.stop_all().values()) == {0}, one.logs()
    return Row(f"SIGKILL {point}", killed, check(one.rig, builder, one.partitions), time.monotonic() - began)


def _dies(one: Pipeline, victim: Service) -> int:
    """Run it until it kills itself; where too little was left to reach the point so often, kill it."""
    one.start(victim)
    assert victim.process is not None
    deadline = time.monotonic() + 20
    while victim.process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.05)
    by_itself = victim.process.poll() is not None
    one.kill(victim)
    assert victim.process.returncode == -signal.SIGKILL, one.log(victim)
    return int(by_itself)


def test_killed_at_random_moments(pipeline: MakePipeline, builder: PartsBuilder, rows: list[Row]) -> None:
    rows.append(kill_at_random(pipeline(6), builder, records=2_000, kills=4, seed=11))
    assert rows[-1].fates.clean, rows[-1]


@pytest.mark.parametrize("point", ["after_send", "after_offsets_sent", "after_commit"])
def test_killed_at_points_of_the_whole_pipeline(
    pipeline: MakePipeline, builder: PartsBuilder, rows: list[Row], point: str
) -> None:
    rows.append(kill_at_point(pipeline(3), builder, point, times=2, records=600, seed=12))
    assert rows[-1].fates.clean, rows[-1]
    assert rows[-1].times > 0, "it was never killed at its point, so this test shows nothing"


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_soak_killed_at_random_moments(pipeline: MakePipeline, builder: PartsBuilder, rows: list[Row]) -> None:
    rows.append(kill_at_random(pipeline(9), builder, records=20_000, kills=20, seed=21))
    assert rows[-1].fates.clean, rows[-1]


@pytest.mark.soak
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("point", [*STREAM_POINTS, *WORKER_POINTS])
def test_soak_killed_at_each_point(pipeline: MakePipeline, builder: PartsBuilder, rows: list[Row], point: str) -> None:
    rows.append(kill_at_point(pipeline(3), builder, point, times=20, records=20_000, seed=22))
    assert rows[-1].fates.clean, rows[-1]


def test_control_acknowledged_before_the_send_messages_are_lost(pipeline: MakePipeline, tmp_path: Path) -> None:
    one = pipeline(3)
    rig = one.rig
    log = tmp_path / "log"
    rig.publish(published(make_messages(600), 3))
    early = (sys.executable, "-m", "tests.faults.early_ack_child")
    with rig.stream(log, *early, COMMIT_INTERVAL_S="0.1") as child:
        wait_for(lambda: sum(rig.committed().values()) == 600, "the commit of what was not sent", DEADLINE_S)
        child.kill()
    rig.publish(published(make_messages(30, seed=2), 3))
    with rig.stream(log) as child:
        found = rig.wait_for_requests(30)
        assert stop(child) == 0
    requests = [one for some in found.values() for one in some]
    assert len(requests) == 30, "600 messages are gone for good"
    # The worker cannot know of them, for it has seen nothing of the partition before; the checker does.
    assert all(accepted(some)[1] == [] for some in found.values())
