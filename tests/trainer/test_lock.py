"""The lock on a real Redis: one holder at a time, and none for ever."""

import multiprocessing
import os
import secrets
import signal
import time
from multiprocessing.connection import Connection
from typing import Any

import pytest
import redis
from structlog.testing import capture_logs

from schemas.connections import RedisSettings
from sentistream.embedded import EmbeddedRedis
from tests.waiting import wait_for
from trainer.errors import LockLostError, LockTakenError, RedisFailedError
from trainer.lock import Lease, lock_name

SECONDS = 1.5


@pytest.fixture
def name() -> str:
    return lock_name("", secrets.token_hex(4))


@pytest.fixture
def settings(redis_server: EmbeddedRedis) -> RedisSettings:
    return RedisSettings(redis_url=redis_server.url)


def hold(url: str, name: str, told: Connection) -> None:
    with Lease(RedisSettings(redis_url=url), name, SECONDS):
        told.send("held")
        told.recv()


def contend(url: str, name: str, told: Connection) -> None:
    """Try many times; whoever holds the lock counts up and down, which two at once would show."""
    client = redis.Redis.from_url(url)
    held = 0
    for _ in range(200):
        try:
            with Lease(RedisSettings(redis_url=url), name, SECONDS):
                assert client.incr(f"{name}:inside") == 1
                time.sleep(0.002)
                client.decr(f"{name}:inside")
                held += 1
        except LockTakenError:
            time.sleep(0.001)
    told.send(held)


def test_two_processes_never_hold_it_at_once(settings: RedisSettings, name: str) -> None:
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    children = [context.Process(target=contend, args=(settings.redis_url, name, theirs)) for _ in range(2)]
    for child in children:
        child.start()
    held = [ours.recv() for _ in children]
    for child in children:
        child.join(30)
        assert child.exitcode == 0
    assert min(held) > 0, held


def test_a_living_holder_keeps_it_for_longer_than_a_lease(settings: RedisSettings, name: str) -> None:
    with Lease(settings, name, SECONDS) as lease:
        began = time.monotonic()
        while time.monotonic() < began + 2 * SECONDS:
            with pytest.raises(LockTakenError, match=name), Lease(settings, name, SECONDS):
                pass
        lease.check()
    with Lease(settings, name, SECONDS):
        pass


def test_a_killed_holders_lease_runs_out(settings: RedisSettings, name: str) -> None:
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    child = context.Process(target=hold, args=(settings.redis_url, name, theirs))
    child.start()
    assert ours.recv() == "held"
    assert child.pid is not None
    os.kill(child.pid, signal.SIGKILL)
    child.join(30)

    def free() -> bool:
        try:
            with Lease(settings, name, SECONDS):
                return True
        except LockTakenError:
            return False

    assert not free()
    wait_for(free, "the lease to run out", 20)


def test_a_holder_learns_that_it_has_lost_the_lock(settings: RedisSettings, name: str) -> None:
    with Lease(settings, name, SECONDS) as lease:
        # As after a long pause of the process: the lease ran out, and another run began.
        redis.Redis.from_url(settings.redis_url).set(name, "another's")
        wait_for(lease.lost.is_set, "the loss to be noticed", 20)
        with pytest.raises(LockLostError, match="nothing was released"):
            lease.check()
    assert redis.Redis.from_url(settings.redis_url).get(name) == b"another's"


@pytest.mark.parametrize("back_in_time", [True, False])
def test_redis_may_be_away_for_less_than_a_lease(
    settings: RedisSettings, name: str, monkeypatch: pytest.MonkeyPatch, *, back_in_time: bool
) -> None:
    """By the holder's own clock: it gives up before another can begin."""
    asked: list[float] = []
    with capture_logs() as logs, Lease(settings, name, SECONDS) as lease:
        taken = time.monotonic()
        extend = lease._lock.extend

        def away(*given: Any, **more: Any) -> bool:
            asked.append(time.monotonic())
            if back_in_time and len(asked) > 1:
                return bool(extend(*given, **more))
            raise redis.ConnectionError("refused")

        monkeypatch.setattr(lease._lock, "extend", away)
        if back_in_time:
            wait_for(lambda: len(asked) > 2, "renewals after the outage", 20)
            lease.check()
            assert not lease.lost.is_set()
        else:
            wait_for(lease.lost.is_set, "the loss to be noticed", 20)
            assert redis.Redis.from_url(settings.redis_url).exists(name) or time.monotonic() > taken + SECONDS
            with pytest.raises(LockLostError, match="nothing was released"):
                lease.check()
        monkeypatch.undo()
    assert {one["log_level"] for one in logs if one["event"] == "lock_not_renewed"} == {"warning"}
    assert any(one["event"] == "lock_lost" for one in logs) is not back_in_time


def test_a_check_asks_redis_at_once(settings: RedisSettings, name: str) -> None:
    with Lease(settings, name, 600.0) as lease:
        redis.Redis.from_url(settings.redis_url).delete(name)
        with pytest.raises(LockLostError):
            lease.check()


def test_without_redis_the_address_is_named_and_the_password_is_not() -> None:
    settings = RedisSettings(redis_url="redis://user:hidden@127.0.0.1:1/0")
    with pytest.raises(RedisFailedError, match=r"127\.0\.0\.1:1/0") as failed, Lease(settings, "n", SECONDS):
        pass
    assert "hidden" not in str(failed.value)
