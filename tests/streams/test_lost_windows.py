"""Windows that Redis has lost are made again once, also where the offsets before a record are a transaction's."""

import secrets
from collections.abc import AsyncIterator, Sequence

import pytest

from prompts.parts import PartsBuilder
from schemas.codec import encode
from schemas.connections import RedisSettings
from sentistream.embedded import EmbeddedRedis
from streams.batch import BatchBuilder, Outgoing
from streams.faultpoints import NoFaults
from streams.processor import Processor
from streams.rebuild import Rebuilder
from streams.records import Record
from streams.redis_client import redis_client
from streams.window import PartitionWork, WindowRule, WindowStore
from tests.streams.stream_rig import make_messages


class NothingToRead(Rebuilder):
    """All that was before the batch was taken back: there is no turn to be read again.

    Attributes:
        rebuilt: partitions, in order.
    """

    def __init__(self, store: WindowStore) -> None:
        self.rebuilt: list[int] = []
        self._store = store

    async def rebuild(self, work: PartitionWork) -> None:
        assert work.partition not in self.rebuilt, "its windows were made already"
        self.rebuilt.append(work.partition)
        await self._store.mark_rebuilt(work, None)


class Committed:
    """The marks and what was aborted before the record, offsets 10 to 19, are committed before it is answered."""

    def committed(self, partition: int) -> int | None:  # noqa: ARG002 -- of any
        return 20

    async def log_start(self, partition: int) -> int:  # noqa: ARG002 -- of any
        return 0


@pytest.fixture
async def store(redis_server: EmbeddedRedis) -> AsyncIterator[WindowStore]:
    client = redis_client(RedisSettings(redis_url=redis_server.url), 5.0)
    yield WindowStore(client, WindowRule(turns=3, keep=5, ttl_s=3600), 10.0)
    await client.aclose()


@pytest.mark.parametrize("partitions", [1, 2])
async def test_a_gap_that_is_committed_before_its_record_makes_no_window_lost_for_ever(
    store: WindowStore, builder: PartsBuilder, partitions: int
) -> None:
    sent: list[Outgoing] = []

    async def send(outgoing: Sequence[Sequence[Outgoing]]) -> None:
        sent.extend(one for share in outgoing for one in share)

    rebuilder = NothingToRead(store)
    processor = Processor(
        BatchBuilder(builder, secrets.token_hex(8)),
        store,
        rebuilder,
        send,
        NoFaults(),
        partitions=partitions,
        accept_loss=False,
    )
    values = [encode(one) for one in make_messages(partitions, conversations=partitions, seed=1)]
    records = [Record(place, 20, 9, 1_700_000_000.0, b"c", value) for place, value in enumerate(values)]
    await processor.process(records, Committed())
    assert rebuilder.rebuilt == [*range(partitions)]
    assert len(sent) == partitions
