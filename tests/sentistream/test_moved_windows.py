"""`sentistream topics move-windows`: windows follow their conversations to the partitions that were added."""

import asyncio
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import redis
from click.testing import CliRunner
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewPartitions

from prompts.windows import key_of
from sentistream.cli import main
from sentistream.doctor.partitioners import murmur2
from sentistream.embedded import EmbeddedKafka, EmbeddedRedis
from sentistream.forgetting.topics import messages_topic
from streams.redis_client import redis_client
from streams.settings import StreamsSettings
from streams.window import Found, Group, PartitionWork, WindowRule, WindowStore, topic_key, window_keys
from tests.conftest import TopicsFactory
from tests.waiting import wait_for

pytestmark = pytest.mark.kafka

_RULE = WindowRule(turns=3, keep=5, ttl_s=3600)
_CONVERSATIONS = [f"c{number}" for number in range(12)]


def _entry(conversation: str, turn: int) -> bytes:
    return b'"%s.%d"' % (conversation.encode(), turn)


@dataclass
class Deployment:
    """Two partitions of ``chat.messages``, to which more are added, and windows of conversations in them."""

    settings: StreamsSettings
    topic_id: str

    def say(self, conversation: str, partition: int, offset: int, turn: int) -> bytes:
        """Add a turn as the stream does; the window before it."""
        key = key_of("default", conversation)
        work = PartitionWork(
            self.topic_id, partition, -1, offset, 0, [Group(key, offset, [(offset, _entry(conversation, turn))])]
        )
        (found,) = self.ask([work])
        return found.windows[0]

    def ask(self, works: list[PartitionWork]) -> list[Found]:
        async def exchange() -> list[Found]:
            client = redis_client(self.settings, 5.0)
            found = await WindowStore(client, _RULE, 5.0).exchange(works)
            await client.aclose()
            return [one for one in found if isinstance(one, Found)]

        return asyncio.run(exchange())

    def grows(self, partitions: int) -> bool:
        """Whether a stream that starts now finds that partitions were added."""

        async def count() -> bool:
            client = redis_client(self.settings, 5.0)
            grown = await WindowStore(client, _RULE, 5.0).count_partitions(self.topic_id, partitions)
            await client.aclose()
            return grown

        return asyncio.run(count())

    def add_partitions(self, count: int) -> None:
        admin = AdminClient(self.settings.librdkafka())
        admin.create_partitions([NewPartitions(self.settings.messages, count)])[self.settings.messages].result(10)
        wait_for(lambda: messages_topic(self.settings, self.settings).partitions == count, "the topic has grown")

    def run(self, *more: str) -> Any:
        environment = {
            "KAFKA_BOOTSTRAP_SERVERS": self.settings.kafka_bootstrap_servers,
            "TOPIC_PREFIX": self.settings.topic_prefix,
            "REDIS_URL": self.settings.redis_url,
            "STREAMS_GROUP": self.settings.streams_group,
        }
        return CliRunner().invoke(main, ["topics", "move-windows", *more], env=environment)


@pytest.fixture
def server(redis_server: EmbeddedRedis) -> Iterator["redis.Redis"]:
    client = redis.Redis.from_url(redis_server.url)
    yield client
    client.close()


@pytest.fixture
def deployment(kafka: EmbeddedKafka, redis_server: EmbeddedRedis, topics: TopicsFactory) -> Deployment:
    names = topics(2)
    settings = StreamsSettings(
        **kafka.connection.model_dump(),
        topic_prefix=names.topic_prefix,
        redis_url=redis_server.url,
        streams_group=f"{names.topic_prefix}streams",
    )
    made = Deployment(settings, messages_topic(settings, settings).topic_id)
    assert not made.grows(2)
    for turn in range(4):
        for number, conversation in enumerate(_CONVERSATIONS):
            made.say(conversation, murmur2(conversation.encode()) % 2, turn * 100 + number, turn)
    return made


def test_windows_follow_their_conversations_and_nothing_is_degraded(
    deployment: Deployment, server: "redis.Redis"
) -> None:
    deployment.add_partitions(3)
    done = deployment.run()
    assert done.exit_code == 0, done.output
    moves = [one for one in _CONVERSATIONS if murmur2(one.encode()) % 2 != murmur2(one.encode()) % 3]
    assert moves
    assert done.output.startswith(f"{len(moves)} windows moved")
    assert not deployment.grows(3), "the stream has nothing to mark"
    for conversation in _CONVERSATIONS:
        partition, key = murmur2(conversation.encode()) % 3, key_of("default", conversation)
        here = [bool(server.exists(one)) for one in window_keys(deployment.topic_id, 3, key)]
        assert here == [number == partition for number in range(3)]
        # Offsets of a new partition begin at 0.
        place = 0 if conversation in moves else 1_000
        window = deployment.say(conversation, partition, place, 4)
        assert window == b"[0," + b",".join(_entry(conversation, turn) for turn in (3, 2, 1)) + b"]"
        window = deployment.say(conversation, partition, place + 1, 5)
        assert window == b"[0," + b",".join(_entry(conversation, turn) for turn in (4, 3, 2)) + b"]"
    again = deployment.run()
    assert again.output.startswith("0 windows moved")


def test_what_was_moved_is_trimmed_like_the_rest(deployment: Deployment) -> None:
    deployment.add_partitions(3)
    assert deployment.run().exit_code == 0
    conversation = next(one for one in _CONVERSATIONS if murmur2(one.encode()) % 3 == 2)
    key = key_of("default", conversation)
    entries = [(offset, _entry(conversation, 4 + offset)) for offset in range(20)]
    deployment.ask([PartitionWork(deployment.topic_id, 2, -1, 19, 18, [Group(key, 0, entries)])])
    # More turns than stand above what was trimmed: that older ones are gone is told.
    (found,) = deployment.ask([PartitionWork(deployment.topic_id, 2, 19, 19, 18, [Group(key, 14, [])])])
    assert found.windows == [b"[1," + _entry(conversation, 17) + b"]"]


def test_a_second_run_goes_on_where_the_first_was_broken_off(deployment: Deployment, server: "redis.Redis") -> None:
    conversation = next(one for one in _CONVERSATIONS if murmur2(one.encode()) % 3 == 2)
    key = key_of("default", conversation)
    before = window_keys(deployment.topic_id, 3, key)[murmur2(conversation.encode()) % 2]
    copy = server.dump(before)
    assert copy is not None
    deployment.add_partitions(3)
    assert deployment.run().exit_code == 0
    # As if it had ended between the copy and the deletion.
    server.restore(before, 60_000, copy)
    server.hset(topic_key(deployment.topic_id), "partitions", "2")
    assert deployment.run().output.startswith("1 windows moved")
    assert not server.exists(before)
    window = deployment.say(conversation, 2, 0, 4)
    assert window == b"[0," + b",".join(_entry(conversation, turn) for turn in (3, 2, 1)) + b"]"


def test_what_came_by_another_key_is_left_and_the_stream_marks_it(deployment: Deployment) -> None:
    stray = next(one for one in (f"s{number}" for number in range(20)) if murmur2(one.encode()) % 6 == 2)
    deployment.say(stray, 1, 5_000, 0)
    deployment.add_partitions(3)
    done = deployment.run()
    assert done.exit_code == 0
    assert "1 stand where the murmur2 of their conversation_id does not lead" in done.output
    assert deployment.grows(3), "the stream marks what may lack turns"


def test_what_a_partition_had_lost_is_missing_after_the_move_too(deployment: Deployment, server: "redis.Redis") -> None:
    lost_at = time.time()
    state = window_keys(deployment.topic_id, 2, "")[0].removesuffix(":")
    server.hset(state, "lost_at", repr(lost_at))
    deployment.add_partitions(4)
    assert deployment.run().exit_code == 0
    (found,) = deployment.ask([PartitionWork(deployment.topic_id, 2, -1, 0, 0, [Group("x", 0, [])])])
    assert found.lost_at == pytest.approx(lost_at)


def test_nothing_is_moved_while_messages_wait_or_a_stream_is_there(deployment: Deployment) -> None:
    settings = deployment.settings
    deployment.add_partitions(3)
    producer = Producer(settings.librdkafka())
    producer.produce(settings.messages, b"{}", partition=2)
    assert producer.flush(20) == 0
    refused = deployment.run()
    assert refused.exit_code == 1
    assert "1 messages of" in refused.output
    consumer = Consumer({**settings.librdkafka(), "group.id": settings.streams_group})
    consumer.subscribe([settings.messages])
    wait_for(lambda: consumer.poll(0.2) is not None or bool(consumer.assignment()), "it is a member")
    consumer.commit(offsets=[TopicPartition(settings.messages, 2, 1)], asynchronous=False)
    refused = deployment.run()
    consumer.close()
    assert refused.exit_code == 1
    assert "has 1 members. Stop all streams first" in refused.output
    assert deployment.grows(3), "nothing was moved"
