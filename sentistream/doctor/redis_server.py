"""Redis as a server: its version, that it forgets nothing, and how much room is left."""

from collections.abc import Iterator
from contextlib import suppress
from typing import Any, Final

from redis.exceptions import NoPermissionError, RedisError

from schemas.shown_address import shown_address
from sentistream.doctor.deployment import Deployment
from sentistream.doctor.finding import Finding, fail, ok, unchecked, warn
from trainer.lock import connect

#: From which on scripts, ACLs for single subcommands and CLIENT SETINFO are as we use them.
_LEAST_VERSION: Final = (6, 2)
_FULL: Final = 0.8


def check_redis(deployment: Deployment) -> Iterator[Finding]:
    """The first finding says whether it answers; nothing else follows where it does not."""
    settings = deployment.streams
    where = shown_address(settings.redis_url)
    try:
        client: Any = connect(settings)
        with suppress(NoPermissionError):
            client.ping()
    except (RedisError, OSError, ValueError) as error:
        yield unchecked(
            "redis", f"{where}: {error}", "Check REDIS_URL, REDIS_USERNAME, REDIS_PASSWORD and REDIS_SSL_CA."
        )
        return
    try:
        info: dict[str, Any] = client.info(**({"target_nodes": "random"} if settings.redis_cluster else {}))
    except NoPermissionError:
        yield ok("redis", f"{where} answers")
        yield unchecked(
            "redis server", "this user may not ask INFO", "Add +info to its rights, or run the doctor as another user."
        )
        return
    finally:
        client.close()
    yield _version(where, info)
    yield _eviction(info)
    yield _persistence(info)
    yield _memory(info)
    yield from _role(info)
    yield _cluster(info, wanted=settings.redis_cluster)


def _version(where: str, info: dict[str, Any]) -> Finding:
    version = str(info["redis_version"])
    if tuple(int(part) for part in version.split(".")[:2]) < _LEAST_VERSION:
        return fail("redis", f"{where} is version {version}", "Upgrade it to 6.2 or later.")
    return ok("redis", f"{where} answers, version {version}")


def _eviction(info: dict[str, Any]) -> Finding:
    if (policy := info.get("maxmemory_policy")) != "noeviction":
        return fail(
            "redis eviction",
            f"maxmemory-policy is {policy}: windows vanish when memory is short",
            "CONFIG SET maxmemory-policy noeviction, and the same in redis.conf.",
        )
    return ok("redis eviction", "maxmemory-policy noeviction")


def _persistence(info: dict[str, Any]) -> Finding:
    if not info.get("aof_enabled"):
        return warn(
            "redis persistence",
            "no append-only file: a restart loses the windows, and the stream rebuilds them from Kafka",
            "Set appendonly yes.",
        )
    if info.get("aof_last_write_status", "ok") != "ok":
        return fail("redis persistence", "the last write of the append-only file failed", "Look at Redis's disk.")
    return ok("redis persistence", "append-only file, last write ok")


def _memory(info: dict[str, Any]) -> Finding:
    used, most = int(info["used_memory"]), int(info["maxmemory"])
    system = int(info.get("total_system_memory", 0))
    limit = most or system
    found = f"{used / 2**20:.0f} MiB used of {limit / 2**20:.0f} MiB ({'maxmemory' if most else 'of the machine'})"
    if limit and used > limit * _FULL:
        return warn("redis memory", found, "Give it more memory: when it is full the stream stands still.")
    if system and most > system:
        return warn("redis memory", f"{found}, more than the machine has", "Set maxmemory below the machine's memory.")
    return ok("redis memory", found)


def _role(info: dict[str, Any]) -> Iterator[Finding]:
    if info.get("role") == "slave":
        yield fail("redis role", "it is a replica, which takes no writes", "Set REDIS_URL to the primary.")


def _cluster(info: dict[str, Any], *, wanted: bool) -> Finding:
    is_one = bool(int(info.get("cluster_enabled", 0)))
    if is_one != wanted:
        return fail(
            "redis cluster",
            "it is a Redis Cluster" if is_one else "it is none, and REDIS_CLUSTER is on",
            f"Set REDIS_CLUSTER={'true' if is_one else 'false'}.",
        )
    return ok("redis cluster", "a Redis Cluster, as set" if is_one else "one server, as set")
