"""The places one by one; each says what it removed, or why it could not."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import redis
from redis.cluster import RedisCluster
from redis.exceptions import RedisError

from console.settings import DatabaseSettings
from console.store.database import Database, database_url, is_passing
from console.store.errors import StoreError
from console.store.forget import ForgottenRows
from console.store.forget import forget as forget_rows
from console.store.migrate import migrate
from prompts.windows import key_of
from schemas.connections import RedisSettings
from schemas.topics import TopicNames
from sentistream.forgetting.report import Removed
from sentistream.forgetting.topics import MessagesTopic
from streams.window import window_keys
from trainer.errors import TrainerError
from trainer.forget import forget as forget_learnt
from trainer.lock import RIGHTS as LOCK_RIGHTS

#: All that a user of this command's own (Redis ACL) needs: for the windows, and for the trainer's lock.
RIGHTS: Final = f"~sentistream:window:* {LOCK_RIGHTS}"
_ANSWER_S: Final = 5.0


def from_store(settings: DatabaseSettings, tenant: str, conversation: str) -> tuple[Removed, datetime | None]:
    """The event store's rows; with it, when the conversation's last event was decided, if the store knew one."""
    if settings.secret("store_database_url") is None and not settings.store_database.expanduser().exists():
        return Removed(absent=f"no event store at {settings.store_database} (STORE_DATABASE)"), None
    try:
        database = Database(database_url(settings))
        try:
            migrate(database)
            found = forget_rows(database, tenant, conversation)
        finally:
            database.close()
    except Exception as error:
        if not isinstance(error, StoreError) and not is_passing(error):
            raise
        return Removed(problem=f"{_line(error)}. Check STORE_DATABASE or STORE_DATABASE_URL, and try again"), None
    counts = {"events": found.events, "labels": found.labels, "alerts": found.alerts}
    return Removed(counts=counts), _time(found)


def from_redis(connection: RedisSettings, topic: MessagesTopic, conversation: str) -> Removed:
    """The window of its last turns, in every partition where it may be.

    Args:
        connection: to Redis.
        topic: by whose id windows are named.
        conversation: see `prompts.windows.conversation_key`.
    """
    try:
        keys = window_keys(topic.topic_id, topic.partitions, conversation)
        client = _client(connection)
        try:
            # One by one: in a cluster they lie on several nodes.
            removed = sum(int(client.delete(key)) for key in keys)
        finally:
            client.close()
    except (RedisError, OSError) as error:
        return Removed(problem=f"{_line(error)}. Check REDIS_URL; a user of its own needs ACL SETUSER NAME {RIGHTS}")
    return Removed(counts={"windows": removed})


def from_trainer(folder: Path, model: str, connection: RedisSettings, names: TopicNames, conversation: str) -> Removed:
    """All models' archives and runs in the trainer's folder."""
    folder = folder.expanduser()
    if not folder.is_dir():
        return Removed(
            absent=f"no trainer's folder at {folder}: run `sentistream trainer forget` where the trainer runs"
        )
    models = {model} | {one.name for one in folder.iterdir() if any(one.glob("labelled*")) or (one / "runs").is_dir()}
    archived = in_runs = 0
    for one in sorted(models):
        try:
            found = forget_learnt(folder, one, conversation, connection, names.topic_prefix)
        except TrainerError as error:
            return Removed(problem=f"{one}: {error}. Try again: what is gone stays gone")
        archived += found.archived
        in_runs += found.in_runs
    return Removed(counts={"archived messages": archived, "messages in runs": in_runs})


def conversation_of(tenant: str, conversation: str) -> str:
    """As Redis and the trainer name it."""
    return key_of(tenant, conversation)


def _client(connection: RedisSettings) -> "redis.Redis | RedisCluster":
    url, login = connection.redis_py()
    options = {**login, "socket_timeout": _ANSWER_S, "socket_connect_timeout": _ANSWER_S}
    make: Callable[..., redis.Redis | RedisCluster] = (
        RedisCluster.from_url if connection.redis_cluster else redis.Redis.from_url
    )
    return make(url, **options)


def _time(found: ForgottenRows) -> datetime | None:
    return None if found.last_ms is None else datetime.fromtimestamp(found.last_ms / 1000, UTC)


def _line(error: BaseException) -> str:
    return " ".join(str(getattr(error, "orig", None) or error).split())[:300]
