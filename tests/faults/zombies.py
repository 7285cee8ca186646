"""A process is frozen in the middle of its work, another one does all of it, and the first one wakes up."""

import random
import signal
from collections import deque

from tests.faults.pipeline import DEADLINE_S, Pipeline, Service, is_stopped, tail
from tests.faults.traffic import Traffic
from tests.waiting import wait_for


def wake_a_zombie(one: Pipeline, draw: random.Random, careless: str, *, records: int) -> None:
    """A careless worker is frozen with a transaction open, another one does all the work, and the first one wakes up.

    `anonymous`: the other one has its name; else one of its own. Returns once the zombie has ended or written.
    """
    one.add_stream(1)
    zombie = one.add_worker(1, deque(["after_produce"]), fault=("SIGSTOP", "1"), careless=careless)
    other = one.add_worker(2)
    if careless == "anonymous":
        other.settings["WORKER_ID"] = zombie.settings["WORKER_ID"]
    traffic = Traffic(one.rig, one.partitions, seed=draw.randrange(2**31), conversations=12)
    traffic.publish(records)
    for service in one.services[:2]:
        one.start(service)
    wait_for(lambda: is_frozen(zombie), f"the freeze\n{one.logs()}", DEADLINE_S)
    one.start(other)
    traffic.follow_until_done(DEADLINE_S)
    wake(zombie)
    traffic.close()


def freeze_a_stream(one: Pipeline, draw: random.Random, judge: str, *, records: int) -> Service:
    """A stream is frozen before it sends its first batch; another one, and a worker with such a judge, do all the work.

    Returns:
        The frozen one.
    """
    zombie = one.add_stream(1)
    # The first batch: those before it would be sent again by the other stream, as after any kill.
    zombie.command = ("tests.faults.stream_child", "SIGSTOP", "1", "after_window", "1")
    others = one.add_stream(2), one.add_worker(1, judge=judge)
    traffic = Traffic(one.rig, one.partitions, seed=draw.randrange(2**31), conversations=12)
    traffic.publish(records)
    one.start(zombie)
    wait_for(lambda: is_frozen(zombie), f"the freeze\n{one.logs()}", DEADLINE_S)
    for service in others:
        one.start(service)
    traffic.follow_until_done(DEADLINE_S)
    traffic.close()
    return zombie


def wake(zombie: Service) -> None:
    """SIGCONT."""
    assert zombie.process is not None
    zombie.process.send_signal(signal.SIGCONT)


def is_frozen(service: Service) -> bool:
    """It has stopped itself; one that has ended fails the test."""
    assert service.process is not None
    assert service.process.poll() is None, tail(service)
    return is_stopped(service.process)
