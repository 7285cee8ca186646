"""The client for one Redis or a Redis Cluster, from the settings, and what to check where Redis refuses it."""

import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, TypeAlias
from urllib.parse import SplitResult, urlsplit

import redis.asyncio as aioredis
from redis.asyncio.cluster import RedisCluster
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import AuthenticationError, NoPermissionError, RedisError

from schemas.connections import RedisSettings
from streams.errors import ConfigurationError

RedisClient: TypeAlias = aioredis.Redis | RedisCluster

_SCHEMES: Final = ("redis", "rediss", "unix")
#: All that a user of the stream's own (Redis ACL) needs; those after ``evalsha`` are called by its script. Where
#: REDIS_URL names another database than 0, ``+select`` too.
RIGHTS: Final = (
    "~sentistream:window:* +ping +multi +exec +hset +hdel +script|load +evalsha +hmget +expire +zadd +zcard +zcount "
    "+zremrangebyscore +zrevrangebyscore"
)
GIVE_RIGHTS: Final = f"Give the user its rights: ACL SETUSER NAME {RIGHTS}"


def redis_client(settings: RedisSettings, timeout_s: float) -> RedisClient:
    """A client that neither retries nor waits by itself: the store of windows decides that.

    A user name and a password in the settings count more than those in the address.

    Raises:
        ConfigurationError: the address is none, or the authorities' file is missing.
    """
    _address(settings)
    url, login = settings.redis_py()
    if (authorities := login.get("ssl_ca_certs")) and not Path(authorities).is_file():
        raise ConfigurationError(f"REDIS_SSL_CA is {authorities}, and there is no such file")
    options: dict[str, Any] = {
        **login,
        "socket_timeout": timeout_s,
        "socket_connect_timeout": timeout_s,
        "health_check_interval": 0,
    }
    if settings.redis_cluster:
        return RedisCluster.from_url(url, **options)
    return aioredis.Redis.from_url(url, retry=Retry(NoBackoff(), 0), **options)


async def check_access(client: RedisClient, settings: RedisSettings) -> None:
    """Redis takes us, or is away; the store of windows waits for one that is away.

    Raises:
        ConfigurationError: it refuses us, or we it, which waiting would not mend.
    """
    try:
        await client.ping()
    except (RedisError, OSError) as error:
        where = _address(settings).netloc.rpartition("@")[2]
        for cause in _causes(error):
            if advice := _advice(cause):
                raise ConfigurationError(f"Redis at {where} and we do not come to terms: {cause}. {advice}") from error


def _address(settings: RedisSettings) -> SplitResult:
    address = urlsplit(settings.redis_url)
    if address.scheme not in _SCHEMES:
        raise ConfigurationError("REDIS_URL must begin with redis://, rediss:// (TLS) or unix://")
    return address


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _advice(error: BaseException) -> str | None:
    """What to check; None for an outage."""
    # Redis asks for a password by an error of another kind than it refuses a wrong one with.
    if isinstance(error, AuthenticationError) or (isinstance(error, RedisError) and "NOAUTH" in str(error)):
        return "Check REDIS_USERNAME and REDIS_PASSWORD, or the user and the password in REDIS_URL"
    if isinstance(error, NoPermissionError):
        return GIVE_RIGHTS
    if isinstance(error, ssl.SSLCertVerificationError):
        return "Check REDIS_SSL_CA (the authorities that sign Redis), and the host in REDIS_URL"
    return None
