"""What the doctor says of settings that lose something, without the servers that have them."""

from typing import Any

import pytest

from schemas.topics import TopicNames, topics
from sentistream.doctor import redis_server
from sentistream.doctor.deployment import Deployment, DoctorSettings
from sentistream.doctor.finding import Finding, Status
from sentistream.doctor.redis_server import check_redis
from sentistream.doctor.topic_checks import Topics, check_topics
from streams.settings import StreamsSettings
from worker.settings import WorkerSettings

DAY_MS = 86_400_000
NAMES = TopicNames()
DEPLOYMENT = Deployment(DoctorSettings(), StreamsSettings(), WorkerSettings(worker_id="one"))


def retention(**changed: dict[str, str]) -> list[Finding]:
    """Of topics as they are made, but for what is changed: by ``messages`` or ``requests``."""
    configs = {one.name: dict(one.config) for one in topics(NAMES, "production", 1)}
    for name, settings in changed.items():
        configs[getattr(NAMES, name)] |= settings
    return [one for one in check_topics(DEPLOYMENT, Topics({}, configs, {})) if one.check == "retention"]


def test_topics_as_they_are_made_keep_requests_long_enough() -> None:
    assert [one.status for one in retention()] == [Status.OK]


def test_requests_that_go_before_their_messages_are_named() -> None:
    (found,) = retention(messages={"retention.ms": str(3 * DAY_MS)}, requests={"retention.ms": str(2 * DAY_MS)})
    assert found.status is Status.FAIL
    assert "chat.messages 3 d, sanm.requests 2 d: requests go before their messages" in found.found
    assert "retention.ms of sanm.requests" in found.to_do


def test_messages_that_are_deleted_by_size_are_named() -> None:
    *_, found = retention(messages={"retention.bytes": "1000000"})
    assert found.status is Status.WARN
    assert "chat.messages: retention.bytes 1000000" in found.found


def test_messages_that_outlive_their_windows_are_named() -> None:
    long = {"retention.ms": str(1000 * DAY_MS)}
    *_, found = retention(messages=long, requests=long)
    assert found.status is Status.FAIL
    assert "WINDOW_TTL_S" in found.found


class Redis:
    """A server, as far as INFO tells it."""

    def __init__(self, policy: str) -> None:
        self.policy = policy

    def ping(self) -> bool:
        return True

    def info(self) -> dict[str, Any]:
        return {
            "redis_version": "7.4.0",
            "maxmemory_policy": self.policy,
            "maxmemory": 0,
            "aof_enabled": 1,
            "used_memory": 2**20,
            "total_system_memory": 2**30,
            "role": "master",
            "cluster_enabled": 0,
        }

    def close(self) -> None:
        """Nothing is open."""


@pytest.mark.parametrize("policy", ["noeviction", "allkeys-lru", "volatile-ttl"])
def test_a_redis_that_evicts_is_named(policy: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redis_server, "connect", lambda _: Redis(policy))
    findings = {one.check: one for one in check_redis(DEPLOYMENT)}
    found = findings.pop("redis eviction")
    assert {one.status for one in findings.values()} == {Status.OK}
    assert policy in found.found
    if policy == "noeviction":
        assert found.status is Status.OK
    else:
        assert found.status is Status.FAIL
        assert "CONFIG SET maxmemory-policy noeviction" in found.to_do
