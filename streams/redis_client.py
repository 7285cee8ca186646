"""The client for one Redis or a Redis Cluster, from the settings."""

from typing import Any, TypeAlias

import redis.asyncio as aioredis
from redis.asyncio.cluster import RedisCluster
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from schemas.connections import RedisSettings

RedisClient: TypeAlias = aioredis.Redis | RedisCluster


def redis_client(settings: RedisSettings, timeout_s: float) -> RedisClient:
    """A client that neither retries nor waits by itself: the store of windows decides that."""
    options: dict[str, Any] = {
        "username": settings.redis_username,
        "password": settings.redis_password.get_secret_value() if settings.redis_password else None,
        "socket_timeout": timeout_s,
        "socket_connect_timeout": timeout_s,
        "health_check_interval": 0,
    }
    if settings.redis_ssl_ca and settings.redis_url.startswith("rediss://"):
        options["ssl_ca_certs"] = settings.redis_ssl_ca
    # A password in the address counts where no other is given.
    given = {name: value for name, value in options.items() if value is not None}
    if settings.redis_cluster:
        return RedisCluster.from_url(settings.redis_url, **given)
    return aioredis.Redis.from_url(settings.redis_url, retry=Retry(NoBackoff(), 0), **given)
