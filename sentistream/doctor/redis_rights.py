"""May this login do in Redis what the stream and the trainer do? Tried on keys of its own, which vanish."""

import asyncio
import secrets
from collections.abc import Iterator
from typing import Final

from redis.exceptions import LockError, NoPermissionError, RedisError
from redis.lock import Lock

from sentistream.doctor.deployment import Deployment
from sentistream.doctor.finding import Finding, fail, ok, unchecked
from streams.errors import StreamsError
from streams.redis_client import GIVE_RIGHTS, redis_client
from streams.window import Group, PartitionWork, WindowRule, WindowStore
from trainer.lock import connect, lock_name

_SECONDS: Final = 5


def check_redis_rights(deployment: Deployment) -> Iterator[Finding]:
    """One finding for the stream's windows, one for the trainer's lock."""
    if "streams" in deployment.services:
        yield _windows(deployment)
    if "trainer" in deployment.services:
        yield _lock(deployment)


def _windows(deployment: Deployment) -> Finding:
    check = "redis rights of streams"
    try:
        asyncio.run(_try_a_window(deployment))
    except StreamsError as error:
        text = str(error)
        if isinstance(error.__cause__, NoPermissionError):
            return fail(check, text.partition(". ")[0], f"{GIVE_RIGHTS}.")
        return unchecked(check, text, "Look at Redis's log.")
    return ok(check, "a window was written, read and has gone")


async def _try_a_window(deployment: Deployment) -> None:
    """Through the stream's own store, so that every command of it is tried."""
    client = redis_client(deployment.streams, _SECONDS)
    store = WindowStore(client, WindowRule(1, 1, _SECONDS), 1.0)
    # The entry's key expires by itself, and so does nothing else of this topic: it is known to nobody.
    name = f"doctor-{secrets.token_hex(8)}"
    work = PartitionWork(name, 0, -1, 0, 0, [Group("probe", 1, [(0, b"[0]")])])
    try:
        await store.exchange([work])
        await store.mark_rebuilt(work, None)
        await client.hdel(f"sentistream:window:{{{name}:0}}", "reached", "floor", "lost_at")
    finally:
        await store.close()


def _lock(deployment: Deployment) -> Finding:
    check = "redis rights of trainer"
    name = lock_name(deployment.streams.topic_prefix, f"doctor-{secrets.token_hex(8)}")
    try:
        lock = Lock(connect(deployment.streams), name, timeout=_SECONDS)
        lock.acquire(blocking=False)
        lock.extend(_SECONDS, replace_ttl=True)
        lock.release()
    except NoPermissionError as error:
        return fail(
            check,
            f"Redis refuses: {error}",
            "Give the user its rights: deploy/acls names them (ACL SETUSER).",
        )
    except (RedisError, LockError, OSError) as error:
        return unchecked(check, str(error), "Look at Redis's log.")
    return ok(check, "a lock was taken, renewed and given back")
