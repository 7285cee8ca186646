"""One refresh of a model at a time: a lock in Redis that its holder has to renew."""

import threading
import time
from types import TracebackType
from typing import Any, Final, Self

import redis
import structlog
from redis.cluster import RedisCluster
from redis.exceptions import LockNotOwnedError, NoPermissionError, RedisError
from redis.lock import Lock

from schemas.connections import RedisSettings
from schemas.redis_refusals import lacking_right
from schemas.shown_address import shown_address
from trainer.errors import LockLostError, LockTakenError, RedisFailedError

log = structlog.get_logger()

#: All that a user of the trainer's own (Redis ACL) needs; those before ``evalsha`` but ``set`` are called by scripts.
RIGHTS: Final = "~*trainer:* +set +get +del +pexpire +pttl +evalsha +script|load"
GIVE_RIGHTS: Final = f"Give the user its rights: ACL SETUSER NAME {RIGHTS}"
_ANSWER_S: Final = 5.0
#: Renewals in one lease: two may fail before it runs out.
_RENEWALS: Final = 3


def connect(settings: RedisSettings) -> "redis.Redis | RedisCluster":
    """A client for one Redis or a Redis Cluster; nothing is sent yet by the former."""
    url, login = settings.redis_py()
    options: dict[str, Any] = {**login, "socket_timeout": _ANSWER_S, "socket_connect_timeout": _ANSWER_S}
    if settings.redis_cluster:
        return RedisCluster.from_url(url, **options)
    return redis.Redis.from_url(url, **options)


def lock_name(prefix: str, model: str) -> str:
    """The key of a model's lock; deployments that share a Redis have prefixes of their own."""
    return f"{prefix}trainer:{model}"


class Lease:
    """The lock for the length of a ``with`` block, renewed by a thread.

    A holder that is killed loses it after ``seconds``. One that cannot renew it in that time has lost it as well, by
    its own clock: it must not publish, for another may be at work. `check` asks Redis, and is called before anything
    that others see.

    Attributes:
        lost: is set once the lock is another's, or may be.
    """

    def __init__(self, settings: RedisSettings, name: str, seconds: float) -> None:
        self._address = shown_address(settings.redis_url)
        self._settings = settings
        self._name = name
        self._seconds = seconds
        self.lost = threading.Event()
        self._ending = threading.Event()
        self._renewer = threading.Thread(target=self._renew, name="lease", daemon=True)

    def __enter__(self) -> Self:
        """Take the lock.

        Raises:
            LockTakenError: another holds it.
            RedisFailedError: there is no answer.
        """
        try:
            # Not of this thread alone: the renewing one needs the token too.
            self._lock = Lock(connect(self._settings), self._name, timeout=self._seconds, thread_local=False)
            self._until = time.monotonic() + self._seconds
            taken = self._lock.acquire(blocking=False)
            if taken:
                # A right that lacks for this is better known now than after hours of training.
                self._extend()
        except (RedisError, OSError) as error:
            raise RedisFailedError(f"no lock from Redis at {self._address}: {_reason(error)}") from error
        if not taken:
            raise LockTakenError(
                f"another refresh holds {self._name} in Redis: wait for it. If it was killed, the lock is free again "
                f"after {self._seconds:.0f} s"
            )
        self._renewer.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Give it back if it is still ours; otherwise it runs out."""
        self._ending.set()
        self._renewer.join()
        try:
            self._lock.release()
        except LockNotOwnedError:
            log.warning("lock_was_lost", name=self._name)
        except (RedisError, OSError) as problem:
            log.warning("lock_not_released", name=self._name, reason=_reason(problem, Lock.LUA_RELEASE_SCRIPT))

    def check(self) -> None:
        """Go on only if the lock is ours, and for a whole lease from now.

        Raises:
            LockLostError: it is not, or Redis does not say.
        """
        if not self.lost.is_set():
            try:
                self._extend()
            except LockNotOwnedError:
                self.lost.set()
            except (RedisError, OSError) as error:
                raise LockLostError(f"Redis at {self._address} does not confirm the lock: {error}") from error
        if self.lost.is_set():
            raise LockLostError(
                f"{self._name} was not renewed within {self._seconds:.0f} s, so that another run may have begun: "
                "nothing was released"
            )

    def _extend(self) -> None:
        until = time.monotonic() + self._seconds
        self._lock.extend(self._seconds, replace_ttl=True)
        self._until = until

    def _renew(self) -> None:
        while not self._ending.wait(self._seconds / _RENEWALS) and not self.lost.is_set():
            try:
                self._extend()
            except LockNotOwnedError:
                self._lose()
            except (RedisError, OSError) as error:
                log.warning("lock_not_renewed", name=self._name, reason=str(error))
                if time.monotonic() >= self._until - self._seconds / _RENEWALS:
                    self._lose()

    def _lose(self) -> None:
        log.error("lock_lost", name=self._name)
        self.lost.set()


def _reason(error: Exception, script: str = Lock.LUA_EXTEND_SCRIPT) -> str:
    """The error, and what to do about it."""
    if isinstance(error, NoPermissionError):
        return f"{error}. {GIVE_RIGHTS}"
    if right := lacking_right(str(error), script):
        return f"this user lacks {right}. {GIVE_RIGHTS}"
    return f"{error}. See REDIS_URL"
