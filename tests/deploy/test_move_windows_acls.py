"""`sentistream topics move-windows` works with exactly deploy/acls/move-windows.sh and its user in redis.acl."""

import asyncio
from dataclasses import dataclass, field

import pytest
import redis
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewPartitions

from prompts.windows import key_of
from schemas.connections import KafkaSettings
from schemas.topics import TopicNames, topics
from sentistream.doctor.partitioners import murmur2
from sentistream.embedded import EmbeddedKafka, EmbeddedRedis
from sentistream.errors import SentistreamError
from sentistream.forgetting.topics import messages_topic
from sentistream.moved_windows import RIGHTS, Moves, move_windows
from sentistream.topics import create_topics
from streams.redis_client import redis_client
from streams.settings import StreamsSettings
from streams.window import Group, PartitionWork, WindowRule, WindowStore, window_keys
from tests.deploy.acl_rig import PASSWORD, commands, each_line, new_name, redis_rules, right, user_with
from tests.waiting import wait_for

pytestmark = pytest.mark.kafka

LINES = each_line("move-windows")
WORDS = [word for word in redis_rules("move-windows") if word.startswith(("+", "~"))]
#: Of these some stay in the first of two partitions and some move.
CONVERSATIONS = [f"c{number}" for number in range(6)]
MOVED = sum(murmur2(one.encode()) % 2 for one in CONVERSATIONS)


@dataclass
class Deployment:
    """A topic whose one partition has windows in Redis, and to which another is added."""

    kafka: EmbeddedKafka
    redis: EmbeddedRedis
    names: TopicNames = field(default_factory=lambda: TopicNames(topic_prefix=f"{new_name('acl')}."))

    def __post_init__(self) -> None:
        connection = self.kafka.connection
        create_topics(connection, topics(self.names, "embedded", 1))
        self.topic_id = messages_topic(connection, self.names).topic_id
        asyncio.run(self._fill(self.topic_id))
        admin = AdminClient(connection.librdkafka())
        admin.create_partitions([NewPartitions(self.names.messages, 2)])[self.names.messages].result(10)
        wait_for(lambda: messages_topic(connection, self.names).partitions == 2, "the topic has grown")

    async def _fill(self, topic_id: str) -> None:
        """As the stream does it; with a loss, which is carried over too."""
        client = redis_client(StreamsSettings(redis_url=self.redis.url), 5.0)
        store = WindowStore(client, WindowRule(3, 5, 3600), 5.0)
        await store.count_partitions(topic_id, 1)
        groups = [
            Group(key_of("default", one), number, [(number, b'"hello"')]) for number, one in enumerate(CONVERSATIONS)
        ]
        await store.exchange([PartitionWork(topic_id, 0, -1, len(groups), 0, groups)])
        await client.hset(f"sentistream:window:{{{topic_id}:0}}", "lost_at", "1.5")
        await store.close()

    def moved(self) -> int:
        """Windows that stand in the partition that was added."""
        keys = [window_keys(self.topic_id, 2, key_of("default", one))[1] for one in CONVERSATIONS]
        return int(redis.Redis.from_url(self.redis.url).exists(*keys))

    def commands(self) -> list[str]:
        """Those of the file, for names of our own."""
        prefix = self.names.topic_prefix
        own = {"TOPIC_PREFIX": prefix, "STREAMS_GROUP": f"{prefix}streams", "MOVE_WINDOWS_USER": f"{prefix}move"}
        return commands("move-windows", own)

    def kafka_login(self, without: int | None = None) -> KafkaSettings:
        """A user with the file's rights, but for one."""
        given = [one for number, one in enumerate(self.commands()) if number != without]
        return user_with(self.kafka, f"{self.names.topic_prefix}move", given)

    def move(self, login: KafkaSettings, without: str | None = None) -> Moves:
        """As the command does it, by a Redis user with the file's rights, but for one word."""
        name = new_name("move")
        rules = [one for one in redis_rules("move-windows", name=name) if one != without]
        redis.Redis.from_url(self.redis.url).execute_command(*rules)  # type: ignore[no-untyped-call]
        own = {
            "topic_prefix": self.names.topic_prefix,
            "streams_group": f"{self.names.topic_prefix}streams",
            "redis_url": self.redis.url,
            "redis_username": name,
            "redis_password": PASSWORD,
        }
        return move_windows(StreamsSettings.model_validate(login.model_dump(exclude_unset=True) | own))


@pytest.fixture
def deployment(secure_kafka: EmbeddedKafka, redis_server: EmbeddedRedis) -> Deployment:
    return Deployment(secure_kafka, redis_server)


def test_windows_are_moved_with_exactly_the_rights(deployment: Deployment) -> None:
    assert 0 < MOVED < len(CONVERSATIONS)
    assert deployment.move(deployment.kafka_login()) == Moves(MOVED, 0)
    assert deployment.moved() == MOVED


@pytest.mark.parametrize("without", LINES)
def test_without_any_one_right_in_kafka_it_is_named(deployment: Deployment, without: int) -> None:
    with pytest.raises(SentistreamError, match="deploy/acls has all that is needed") as refused:
        deployment.move(deployment.kafka_login(without))
    assert right(deployment.commands()[without]) in str(refused.value)


def test_without_any_one_right_in_redis_it_is_named(deployment: Deployment) -> None:
    for word in WORDS:
        with pytest.raises(SentistreamError) as refused:
            deployment.move(deployment.kafka.connection, word)
        told = str(refused.value).lower().partition("this command's user needs")[0]
        assert ("key" if word.startswith("~") else word.strip("+")) in told, word
    assert deployment.moved() == MOVED, "nothing was lost on the way"


def test_the_advice_of_a_refusal_is_what_the_file_says() -> None:
    assert " ".join(redis_rules("move-windows")[5:]) == RIGHTS
