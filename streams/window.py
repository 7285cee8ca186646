"""Windows in Redis: one script call per partition of a batch, all in one round trip, and patience with an outage."""

import asyncio
import hashlib
import time
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any, Final, cast

import structlog
from redis.asyncio import Redis
from redis.exceptions import NoPermissionError, NoScriptError, RedisError

from schemas.redis_refusals import lacking_right
from streams.errors import WindowStoreError
from streams.metrics import REDIS_AWAY, REDIS_SECONDS
from streams.redis_client import GIVE_RIGHTS, RedisClient

log = structlog.get_logger()

_SCRIPT: Final = (files("streams") / "window.lua").read_text(encoding="utf-8")
_SHA: Final = hashlib.sha1(_SCRIPT.encode()).hexdigest()  # noqa: S324 - Redis names scripts by it
_FIRST_PAUSE_S: Final = 0.05
_LONGEST_PAUSE_S: Final = 2.0


@dataclass(frozen=True, slots=True)
class Group:
    """What a batch asks and adds of one conversation, or what a replay asks.

    Attributes:
        below: return the newest entries before this source offset.
        entries: source offset and entry, in order; none for a replay.
    """

    conversation: str
    below: int
    entries: Sequence[tuple[int, bytes]]


@dataclass(frozen=True, slots=True)
class PartitionWork:
    """One partition's share of a batch.

    Attributes:
        after: what the process had reached before it; Redis must have reached as much.
        last: the batch's highest offset.
        floor: no process goes back behind this offset.
        check: off while windows are rebuilt.
    """

    topic_id: str
    partition: int
    after: int
    last: int
    floor: int
    groups: Sequence[Group]
    check: bool = True


@dataclass(frozen=True, slots=True)
class Found:
    """The windows of the groups, as the script returns them.

    Attributes:
        lost_at: what was sent before this time (seconds since 1970) may be missing; None: nothing is.
    """

    windows: Sequence[bytes]
    lost_at: float | None


@dataclass(frozen=True, slots=True)
class Lost:
    """Redis knows less than the stream had reached, or windows were trimmed beyond where it stands."""

    reached: int
    floor: int


@dataclass(frozen=True, slots=True)
class WindowRule:
    """Attributes: turns that a prompt may hold, turns kept below the floor, seconds until Redis forgets a window."""

    turns: int
    keep: int
    ttl_s: int


class WindowStore:
    """The windows of one topic's partitions."""

    def __init__(self, client: RedisClient, rule: WindowRule, deadline_s: float) -> None:
        self._client = client
        self._rule = rule
        self._deadline_s = deadline_s

    async def exchange(self, work: Sequence[PartitionWork]) -> list[Found | Lost]:
        """Read and add, in one round trip; waits for a Redis that is away.

        Raises:
            WindowStoreError: it stayed away.
        """
        calls = [self._arguments(one) for one in work]
        replies = await self._persist(lambda: self._evaluate(calls), "exchange")
        return [_understand(reply) for reply in replies]

    async def mark_rebuilt(self, work: PartitionWork, lost_at: float | None) -> None:
        """Redis knows again all that can be known up to ``work.after``."""
        key = _state_key(work.topic_id, work.partition)

        async def write() -> None:
            fields: dict[Any, Any] = {"reached": work.after, "floor": max(work.floor, 0)}
            if lost_at is not None:
                fields["lost_at"] = repr(lost_at)
            pipe = self._client.pipeline()
            if lost_at is None:
                pipe.hdel(key, "lost_at")
            pipe.hset(key, mapping=fields)
            await pipe.execute()

        await self._persist(write, "mark_rebuilt")

    async def count_partitions(self, topic_id: str, partitions: int) -> bool:
        """Note how many there are; True where there were fewer before: no window reaches back behind that, for sure."""
        topic = topic_key(topic_id)

        async def note() -> bool:
            known = (await cast("Any", self._client.hmget(topic, ["partitions"])))[0]
            grown = known is not None and int(known) < partitions
            if grown:
                now = repr(time.time())
                for number in range(partitions):
                    await cast("Any", self._client.hset(_state_key(topic_id, number), "grown_at", now))
            # Last: a process that dies before it notes the growth again.
            await cast("Any", self._client.hset(topic, "partitions", str(partitions)))
            return grown

        found: bool = await self._persist(note, "count_partitions")
        return found

    async def ping(self) -> None:
        """Raise RedisError unless Redis answers."""
        await self._client.ping()

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    def _arguments(self, work: PartitionWork) -> tuple[int, list[str | bytes | int]]:
        state = _state_key(work.topic_id, work.partition)
        keys: dict[str, int] = {state: 1}
        values: list[str | bytes | int] = [
            work.after,
            work.last,
            work.floor,
            self._rule.turns,
            self._rule.keep,
            self._rule.ttl_s,
            1 if work.check else 0,
        ]
        for group in work.groups:
            index = keys.setdefault(f"{state}:{group.conversation}", len(keys) + 1)
            values += (index, group.below, len(group.entries))
            for entry in group.entries:
                values += entry
        return len(keys), [*keys, *values]

    async def _evaluate(self, calls: Sequence[tuple[int, list[str | bytes | int]]]) -> list[Any]:
        with REDIS_SECONDS.time():
            try:
                return await self._send(calls)
            except NoScriptError:
                await self._client.script_load(_SCRIPT)
                return await self._send(calls)

    async def _send(self, calls: Sequence[tuple[int, list[str | bytes | int]]]) -> list[Any]:
        if isinstance(self._client, Redis):
            pipe = self._client.pipeline(transaction=False)
            for count, values in calls:
                pipe.evalsha(_SHA, count, *values)
            return await pipe.execute()
        # A cluster has no pipeline for scripts; its partitions lie on several nodes anyway.
        return await asyncio.gather(*(self._client.evalsha(_SHA, count, *values) for count, values in calls))

    async def _persist(self, call: Any, what: str) -> Any:
        """An outage is not bad input: the same call again, until it works or the deadline has passed."""
        since, pause = time.monotonic(), _FIRST_PAUSE_S
        while True:
            try:
                reply = await call()
            except NoPermissionError as error:
                raise WindowStoreError(f"Redis refuses: {error}. {GIVE_RIGHTS}") from error
            except (RedisError, OSError) as error:
                if right := lacking_right(str(error), _SCRIPT):
                    raise WindowStoreError(f"Redis refuses: this user lacks {right}. {GIVE_RIGHTS}") from error
                away = time.monotonic() - since
                REDIS_AWAY.set(away)
                if away > self._deadline_s:
                    msg = f"Redis did not do its work for {away:.0f} s: {error}. Check REDIS_URL, then start again."
                    raise WindowStoreError(msg) from error
                log.warning("redis_unavailable", call=what, error=str(error), seconds=round(away, 1))
                await asyncio.sleep(pause)
                pause = min(pause * 2, _LONGEST_PAUSE_S)
            else:
                REDIS_AWAY.set(0)
                return reply


def _state_key(topic_id: str, partition: int) -> str:
    """The braces keep all keys of a partition on one node of a cluster."""
    return f"sentistream:window:{{{topic_id}:{partition}}}"


def topic_key(topic_id: str) -> str:
    """Where Redis has how many partitions the topic had when a stream last looked (field ``partitions``)."""
    return f"sentistream:window:{{{topic_id}}}"


def window_keys(topic_id: str, partitions: int, conversation: str) -> list[str]:
    """Where Redis may have a conversation's window: partitions may have been added since it began.

    Args:
        topic_id: Kafka's id of ``chat.messages``.
        partitions: it has.
        conversation: see `prompts.windows.conversation_key`.
    """
    return [f"{_state_key(topic_id, number)}:{conversation}" for number in range(partitions)]


def _understand(reply: list[bytes]) -> Found | Lost:
    kind, first, *rest = reply
    if kind == b"lost":
        return Lost(int(first), int(rest[0]))
    return Found(rest, float(first) if first else None)
