"""The windows in a real Redis."""

import secrets
from collections.abc import AsyncIterator

import pytest

from schemas.connections import RedisSettings
from sentistream.embedded import EmbeddedRedis
from streams.errors import WindowStoreError
from streams.redis_client import RedisClient, redis_client
from streams.window import Found, Group, Lost, PartitionWork, WindowRule, WindowStore

RULE = WindowRule(turns=3, keep=5, ttl_s=3600)


@pytest.fixture
async def client(redis_server: EmbeddedRedis) -> AsyncIterator[RedisClient]:
    made = redis_client(RedisSettings(redis_url=redis_server.url), 5.0)
    yield made
    await made.aclose()


@pytest.fixture
def store(client: RedisClient) -> WindowStore:
    return WindowStore(client, RULE, 10.0)


@pytest.fixture
def topic() -> str:
    return secrets.token_hex(8)


def entry(offset: int) -> bytes:
    return b'"e%d"' % offset


def work(
    topic: str,
    offsets: list[int],
    *,
    after: int | None = None,
    floor: int = 0,
    below: int | None = None,
    add: bool = True,
) -> PartitionWork:
    """One conversation's share of a batch."""
    group = Group("c", offsets[0] if below is None else below, [(one, entry(one)) for one in offsets] if add else [])
    return PartitionWork(topic, 0, offsets[0] - 1 if after is None else after, offsets[-1], floor, [group])


async def exchange(store: WindowStore, *given: PartitionWork) -> list[bytes]:
    replies = await store.exchange(given)
    windows: list[bytes] = []
    for reply in replies:
        assert isinstance(reply, Found), reply
        windows += reply.windows
    return windows


def window(*offsets: int, trimmed: bool = False) -> bytes:
    return b"[" + b",".join([b"1" if trimmed else b"0", *map(entry, offsets)]) + b"]"


async def test_a_window_is_the_newest_turns_before_an_offset(store: WindowStore, topic: str) -> None:
    assert await exchange(store, work(topic, [0, 1])) == [window()]
    assert await exchange(store, work(topic, [2, 3, 4])) == [window(1, 0)]
    assert await exchange(store, work(topic, [5])) == [window(4, 3, 2)]


async def test_the_same_batch_again_gets_the_same_windows(store: WindowStore, topic: str) -> None:
    await exchange(store, work(topic, [0, 1, 2]))
    first = await exchange(store, work(topic, [3, 4]))
    await exchange(store, work(topic, [5, 6]))
    assert await exchange(store, work(topic, [3, 4])) == first


async def test_trimming_keeps_what_a_restart_may_need(store: WindowStore, topic: str) -> None:
    committed = 20
    await exchange(store, work(topic, list(range(20))))
    expected = await exchange(store, work(topic, list(range(20, 60)), floor=committed))
    await exchange(store, work(topic, list(range(60, 100)), floor=committed))
    assert expected == [window(19, 18, 17)]
    assert await exchange(store, work(topic, list(range(20, 60)), floor=committed)) == expected


async def test_trimming_by_count_alone_would_lose_history_on_a_restart(
    store: WindowStore, client: RedisClient, topic: str
) -> None:
    """Negative control: what most examples do, `ZREMRANGEBYRANK key 0 -(keep + 1)`."""
    await exchange(store, work(topic, list(range(20))))
    expected = await exchange(store, work(topic, list(range(20, 60))))
    await client.zremrangebyrank(f"sentistream:window:{{{topic}:0}}:c", 0, -(RULE.keep + 1))
    assert await exchange(store, work(topic, list(range(20, 60)))) != expected


async def test_what_no_restart_needs_is_trimmed(store: WindowStore, client: RedisClient, topic: str) -> None:
    for start in range(0, 400, 20):
        await exchange(store, work(topic, list(range(start, start + 20)), floor=start))
    kept = await client.zcard(f"sentistream:window:{{{topic}:0}}:c")
    assert kept <= RULE.keep + 20 + 1


async def test_a_replay_sees_its_originals_window_and_knows_when_it_is_gone(store: WindowStore, topic: str) -> None:
    for start in range(0, 100, 20):
        await exchange(store, work(topic, list(range(start, start + 20)), floor=start))
    late = work(topic, [100], below=90, add=False)
    assert await exchange(store, late) == [window(89, 88, 87)]
    assert await exchange(store, work(topic, [101], below=40, add=False)) == [window(trimmed=True)]


async def test_a_redis_that_lost_its_data_is_noticed(store: WindowStore, client: RedisClient, topic: str) -> None:
    await exchange(store, work(topic, [0, 1, 2]))
    await client.delete(f"sentistream:window:{{{topic}:0}}")
    assert await store.exchange([work(topic, [3])]) == [Lost(-1, 0)]
    again = work(topic, [3])
    await store.mark_rebuilt(again, 5.5)
    (reply,) = await store.exchange([again])
    assert isinstance(reply, Found)
    assert reply.lost_at == 5.5


async def test_a_redis_that_is_behind_is_noticed(store: WindowStore, topic: str) -> None:
    await exchange(store, work(topic, [0, 1, 2]))
    assert await store.exchange([work(topic, [5], after=4)]) == [Lost(2, 0)]


async def test_offsets_set_back_behind_the_floor_are_noticed(store: WindowStore, topic: str) -> None:
    await exchange(store, work(topic, list(range(50)), floor=40))
    assert await store.exchange([work(topic, [10], after=9)]) == [Lost(49, 40)]


async def test_partitions_go_in_one_trip(store: WindowStore, topic: str) -> None:
    shares = [PartitionWork(topic, number, -1, 0, 0, [Group("c", 0, [(0, entry(0))])]) for number in range(5)]
    assert await exchange(store, *shares) == [window()] * 5


async def test_a_flushed_script_is_loaded_again(store: WindowStore, client: RedisClient, topic: str) -> None:
    await exchange(store, work(topic, [0]))
    await client.script_flush()
    assert await exchange(store, work(topic, [1])) == [window(0)]


async def test_a_redis_that_stays_away_ends_the_wait() -> None:
    away = redis_client(RedisSettings(redis_url="redis://127.0.0.1:1/0"), 0.2)
    with pytest.raises(WindowStoreError, match="REDIS_URL"):
        await WindowStore(away, RULE, 0.3).exchange([work("t", [0])])
