"""What happens to Redis: each kind with what ends it."""

from collections.abc import Callable
from typing import Final

import redis

from sentistream.embedded import EmbeddedRedis
from tests.faults.outages import Outage

#: Seconds that writes are refused for.
READ_ONLY_S: Final = 8.0
#: Nobody listens there: a copy of nothing keeps its data and takes no writes.
_NO_MASTER: Final = ("127.0.0.1", "1")


def _nothing() -> None:
    """It is over at once."""


def _says(server: EmbeddedRedis, *words: str) -> Callable[[], None]:
    def say() -> None:
        with redis.Redis.from_url(server.url, socket_timeout=10) as client:
            client.execute_command(*words)

    return say


def killed(server: EmbeddedRedis) -> Outage:
    """SIGKILL; its file is found again."""

    def blow() -> None:
        server.kill()
        server.start()

    return Outage("Redis SIGKILL", blow, _nothing)


def restarted(server: EmbeddedRedis) -> Outage:
    """A clean stop and a start: connections are gone, and so are the scripts that it knew."""
    return Outage("Redis restart", server.restart, _nothing)


def emptied(server: EmbeddedRedis) -> Outage:
    """FLUSHALL: it answers as ever, and has forgotten all."""
    return Outage("Redis FLUSHALL", _says(server, "FLUSHALL"), _nothing)


def away(server: EmbeddedRedis, seconds: float) -> Outage:
    """Not there for a while."""
    return Outage(f"Redis {seconds:.0f} s away", server.stop, server.start, seconds)


def read_only(server: EmbeddedRedis, seconds: float = READ_ONLY_S) -> Outage:
    """It answers, and refuses to write."""
    begin = _says(server, "REPLICAOF", *_NO_MASTER)
    return Outage(f"Redis read-only for {seconds:.0f} s", begin, _says(server, "REPLICAOF", "NO", "ONE"), seconds)
