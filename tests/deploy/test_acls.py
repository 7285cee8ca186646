"""Each service runs with exactly the rights in deploy/acls; with any one taken away it says which is missing."""

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, cast, get_args

import pytest
import redis
from confluent_kafka import Consumer, KafkaException, Producer
from pydantic import SecretStr

from prompts.profile import SHIPPED_MODEL, find_model
from prompts.settings import PromptSettings, ServedBuilders
from schemas.adapter import weights_sha256
from schemas.codec import encode
from schemas.connections import KafkaSettings, RedisSettings
from schemas.topics import TopicNames, topics
from sentistream.doctor.deployment import Service
from sentistream.doctor.finding import Status
from sentistream.embedded import EmbeddedKafka, EmbeddedRedis
from sentistream.publisher import Place
from sentistream.topic_reader import read_topic
from sentistream.topics import create_topics, describe_topics
from streams.errors import StreamsError
from streams.redis_client import RIGHTS, redis_client
from streams.window import Group, PartitionWork, WindowRule, WindowStore
from tests.deploy.acl_rig import (
    ACLS,
    PASSWORD,
    commands,
    doctor_on_rights,
    each_line_of,
    new_name,
    redis_rules,
    resource,
    user_with,
)
from tests.sentistream.synthetic import make_event
from tests.streams.secured_rig import environment_of
from tests.streams.stream_rig import make_messages, published
from tests.trainer.feedback_rig import Platform, chat
from tests.waiting import wait_for
from tests.worker.adapter_folder import make_adapter_folder, release_of
from tests.worker.kafka_rig import Rig, make_rejected, make_request
from trainer.errors import LockTakenError, TrainerError
from trainer.feedback.collect import collect
from trainer.lock import RIGHTS as LOCK_RIGHTS
from trainer.lock import Lease
from trainer.registry.errors import ReleaseError
from trainer.registry.topic import ReleaseTopic

pytestmark = pytest.mark.kafka

MODEL = SHIPPED_MODEL


class RefusedError(Exception):
    """A service did not do its work; the text is what it said."""


@dataclass
class Cluster:
    """Topics and names of one test, on the broker that asks for rights."""

    kafka: EmbeddedKafka
    redis: EmbeddedRedis
    folder: Path
    names: TopicNames = field(default_factory=lambda: TopicNames(topic_prefix=f"{new_name('acl')}."))

    def __post_init__(self) -> None:
        create_topics(self.kafka.connection, topics(self.names, "embedded", 1))

    def commands(self, service: str) -> list[str]:
        """Those of the service's file, for names of our own."""
        environment = {"TOPIC_PREFIX": self.names.topic_prefix}
        for one in ("STREAMS", "WORKER", "TRAINER", "READER"):
            environment[f"{one}_USER"] = environment[f"{one}_GROUP"] = f"{self.names.topic_prefix}{one.lower()}"
        return commands(service, environment)

    def login(self, service: str, without: int | None = None) -> KafkaSettings:
        """A user with the file's rights, but for one."""
        given = [one for number, one in enumerate(self.commands(service)) if number != without]
        return user_with(self.kafka, f"{self.names.topic_prefix}{service}", given)

    def redis_user(self, service: str) -> dict[str, str]:
        """Variables of a Redis user with the file's rights."""
        name = new_name(service)
        redis.Redis.from_url(self.redis.url).execute_command(*redis_rules(service, name=name))  # type: ignore[no-untyped-call]
        return {"REDIS_URL": self.redis.url, "REDIS_USERNAME": name, "REDIS_PASSWORD": PASSWORD}

    @contextmanager
    def process(self, login: KafkaSettings, *command: str, **settings: str) -> Iterator["Process"]:
        """One of our commands."""
        log = self.folder / f"{new_name(command[0])}.log"
        environment = {
            **os.environ,
            **environment_of(login),
            "TOPIC_PREFIX": self.names.topic_prefix,
            "KAFKA_SESSION_TIMEOUT_MS": "6000",
            "LOG_FORMAT": "json",
            "MODEL": MODEL,
            "OMP_NUM_THREADS": "1",
            **settings,
        }
        with log.open("wb") as output:
            child = subprocess.Popen(
                [sys.executable, "-m", "sentistream", *command], stdout=output, stderr=output, env=environment
            )
        try:
            yield Process(child, log)
        finally:
            child.kill()
            child.wait(20)


@dataclass
class Process:
    child: "subprocess.Popen[bytes]"
    log: Path

    @property
    def said(self) -> str:
        """Its log, but for its settings, in which each name stands whatever happens."""
        return "".join(one for one in self.log.read_text().splitlines(keepends=True) if '"streams_starting"' not in one)

    def until(self, done: Callable[[], bool], seconds: float = 60.0) -> None:
        """Wait for its work; RefusedError with its log when it ends instead."""
        wait_for(lambda: self.child.poll() is not None or done(), "its work", seconds)
        if self.child.poll() is not None:
            raise RefusedError(self.said)


@pytest.fixture
def cluster(secure_kafka: EmbeddedKafka, redis_server: EmbeddedRedis, tmp_path: Path) -> Cluster:
    return Cluster(secure_kafka, redis_server, tmp_path)


def streams(cluster: Cluster, login: KafkaSettings) -> str:
    """Messages to requests, the windows lost on the way, so that it reads its topic again."""
    own = {"STREAMS_GROUP": f"{cluster.names.topic_prefix}streams", "STREAMS_PORT": "0"}
    with cluster.process(login, "streams", **own, **cluster.redis_user("streams")) as running:
        for count in (3, 6):
            say(cluster, [(0, key, value) for _, key, value in published(make_messages(6))[count - 3 : count]])
            running.until(partial(has_records, cluster, cluster.names.requests, count))
            redis.Redis.from_url(cluster.redis.url).flushdb()
        return running.said


def worker(cluster: Cluster, login: KafkaSettings, rest_s: float = 0.0) -> str:
    """A request to an event, a record that could not be taken to a dead letter, and an adapter released.

    After ``rest_s`` of nothing to do, once more.
    """
    rig = Rig(cluster.kafka.connection, cluster.names, 1)
    rig.publish_messages(0, 2)
    # Of a topic that is gone: the worker, which has committed nothing, looks whether this is the answer to offset 9.
    of_before = Producer(cluster.kafka.connection.librdkafka())
    of_before.produce(cluster.names.events, encode(make_event(Place(0, 9), topic_id="of-before")), partition=0)
    assert of_before.flush(20) == 0
    tokenizer = ServedBuilders(PromptSettings(model=MODEL)).tokenizer.sha256
    rig.publish([make_request(0, 0, tokenizer=tokenizer), make_rejected(0, 1, b"not json")])
    own = {
        "WORKER_GROUP": f"{cluster.names.topic_prefix}worker",
        "WORKER_ID": "one",
        "ENGINE": "scripted",
        "METRICS_PORT": "0",
        "KAFKA_DEADLINE_SECONDS": "15",
        "ADAPTERS_CACHE": str(cluster.folder / "cache"),
    }
    with cluster.process(login, "worker", **own) as running:
        running.until(partial(has_records, cluster, cluster.names.events, 2))
        running.until(partial(has_records, cluster, cluster.names.dead_letters, 1))
        base = weights_sha256(find_model(MODEL))
        folder = make_adapter_folder(cluster.folder / "adapter", "v1", model=MODEL, base_sha256=base)
        ReleaseTopic(cluster.kafka.connection, cluster.names.releases).publish(release_of(folder, "v1", model=MODEL))
        running.until(lambda: '"adapter_live"' in running.log.read_text())
        if rest_s:
            rested = time.monotonic() + rest_s
            running.until(lambda: time.monotonic() > rested)
            rig.publish_messages(0, 1)
            rig.publish([make_request(0, 2, tokenizer=tokenizer)])
            running.until(partial(has_records, cluster, cluster.names.events, 3))
        return running.said


def trainer(cluster: Cluster, login: KafkaSettings) -> str:
    """All that a refresh does in Kafka: the live release, labels, events and messages read, and a release written."""
    platform = Platform(cluster.kafka.connection, cluster.names, model=MODEL)
    (source,) = platform.say([chat("c", 1.0)])
    platform.answer([source])
    platform.label(source, "joy")
    try:
        releases = ReleaseTopic(login, cluster.names.releases)
        assert releases.latest(MODEL) is None
        found = collect(login, cluster.names, platform.builders)
        assert found.counts.labelled == 1
        releases.publish(release_of(None, None, model=MODEL))
        assert releases.latest(MODEL) is not None
    except (TrainerError, ReleaseError) as error:
        raise RefusedError(str(error)) from error
    return ""


def reader(cluster: Cluster, login: KafkaSettings) -> str:
    """A dashboard in the shortest form: a group that reads both topics, and a label that somebody gives."""
    names = cluster.names
    writer = Producer({**cluster.kafka.connection.librdkafka()})
    for topic in (names.events, names.dead_letters):
        writer.produce(topic, b"{}", partition=0)
    assert writer.flush(20) == 0
    settings = {"group.id": f"{names.topic_prefix}reader", "auto.offset.reset": "earliest", "log_level": 0}
    consumer = Consumer({**login.librdkafka(), **settings})
    consumer.subscribe([names.events, names.dead_letters])
    try:
        seen: set[str] = set()
        while len(seen) < 2:
            record = consumer.poll(20)
            assert record is not None, "nothing to read"
            if (error := record.error()) is not None:
                raise RefusedError(f"{settings['group.id']} {record.topic()}: {error.str()}")
            seen.add(str(record.topic()))
        consumer.commit(asynchronous=False)
        told: list[Any] = []
        own = Producer({**login.librdkafka(), "log_level": 0})
        own.produce(names.labels, b"{}", partition=0, on_delivery=lambda error, _: told.append(error))
        own.flush(20)
        if told[0] is not None:
            raise RefusedError(f"{names.labels}: {told[0].str()}")
    except KafkaException as error:
        raise RefusedError(f"{settings['group.id']}: {error.args[0].str()}") from error
    finally:
        consumer.close()
    return ""


def say(cluster: Cluster, records: list[tuple[int, bytes | None, bytes | None]]) -> None:
    producer = Producer(cluster.kafka.connection.librdkafka())
    for partition, key, value in records:
        producer.produce(cluster.names.messages, value, key, partition)
    assert producer.flush(20) == 0


def has_records(cluster: Cluster, topic: str, count: int) -> bool:
    return sum(1 for _ in read_topic(cluster.kafka.connection, topic)) >= count


SERVICES: dict[str, Callable[[Cluster, KafkaSettings], str]] = {
    "streams": streams,
    "worker": worker,
    "trainer": trainer,
    "reader": reader,
}
LINES = each_line_of(SERVICES)


@pytest.mark.parametrize("service", ["streams", "worker", "trainer", "reader"])
def test_a_service_works_with_exactly_its_rights(cluster: Cluster, service: str) -> None:
    login = cluster.login(service)
    said = SERVICES[service](cluster, login)
    assert "AUTHORIZATION" not in said.upper(), said
    assert "not_visible" not in said
    # Without this the test below would find them whatever happened.
    assert not [one for one in cluster.commands(service) if resource(one) in said]
    if service in get_args(Service):
        findings = doctor_on_rights(login, cluster.names.topic_prefix, cast("Service", service))
        assert [one.status for one in findings] == [Status.OK], findings


def test_the_topics_are_made_with_exactly_their_rights(cluster: Cluster) -> None:
    names = TopicNames(topic_prefix=f"{new_name('acl')}.")
    user = f"{names.topic_prefix}topics"
    given = commands("topics", {"TOPIC_PREFIX": names.topic_prefix, "TOPICS_USER": user})
    login = user_with(cluster.kafka, user, given)
    wanted = topics(names, "embedded", 2)
    assert set(create_topics(login, wanted)) == {one.name for one in wanted}
    assert create_topics(login, wanted) == ()
    assert not [state.differences for state in describe_topics(login, wanted) if state.differences]


@pytest.mark.soak
@pytest.mark.parametrize(("service", "without"), LINES)
def test_without_any_one_right_a_service_fails_and_names_it(cluster: Cluster, service: str, without: int) -> None:
    login = cluster.login(service, without)
    missing = resource(cluster.commands(service)[without])
    try:
        said = SERVICES[service](cluster, login)
    except RefusedError as refusal:
        said = str(refusal)
    else:
        # What the worker does without: its looks at where chat.messages begins, and at what it answered long ago.
        assert "messages_not_visible" in said or "events_not_visible" in said, "nothing was missing"
    assert missing in said, said[-3000:]


async def windows(url: str, user: str) -> None:
    """All that the stream does in Redis: windows begun, read, trimmed and rebuilt."""
    login = RedisSettings(redis_url=url, redis_username=user, redis_password=SecretStr(PASSWORD))
    store = WindowStore(redis_client(login, 5.0), WindowRule(2, 2, 60), 0.2)
    try:
        await store.ping()
        name = new_name("topic")
        entries = [(offset, b"[%d]" % offset) for offset in range(40)]
        for check in (True, False):
            group = Group("c", 40, entries)
            await store.exchange([PartitionWork(name, 0, -1, 39, 40, [group], check=check)])
        await store.mark_rebuilt(PartitionWork(name, 0, 39, 39, 40, []), None)
    finally:
        await store.close()


def lock(url: str, user: str) -> None:
    """All that the trainer does in Redis: the lock taken, refused to another, renewed and given back."""
    login = RedisSettings(redis_url=url, redis_username=user, redis_password=SecretStr(PASSWORD))
    name = f"trainer:{new_name('model')}"
    with Lease(login, name, 3.0) as lease:
        lease.check()
        with pytest.raises(LockTakenError), Lease(login, name, 3.0):
            pass
    if redis.Redis.from_url(url).get(name) is not None:
        raise RefusedError("the lock was not given back: del")


REDIS = {"streams": lambda url, user: asyncio.run(windows(url, user)), "trainer": lock}
WORDS = [
    pytest.param(service, word, id=f"{service}: {word}")
    for service in REDIS
    for word in redis_rules(service)
    if word.startswith(("+", "~"))
]


def redis_user(server: EmbeddedRedis, rules: list[str]) -> str:
    admin = redis.Redis.from_url(server.url)
    # What an earlier test loaded would hide that a script may not be loaded.
    admin.script_flush()
    admin.execute_command(*rules)  # type: ignore[no-untyped-call]
    return rules[2]


@pytest.mark.parametrize("service", REDIS)
def test_redis_is_used_with_exactly_its_rights(redis_server: EmbeddedRedis, service: str) -> None:
    REDIS[service](redis_server.url, redis_user(redis_server, redis_rules(service, name=new_name(service))))


@pytest.mark.parametrize(("service", "word"), WORDS)
def test_without_any_one_right_in_redis_it_is_named(redis_server: EmbeddedRedis, service: str, word: str) -> None:
    user = redis_user(redis_server, [one for one in redis_rules(service, name=new_name(service)) if one != word])
    with pytest.raises((TrainerError, StreamsError, redis.RedisError, RefusedError)) as refused:
        REDIS[service](redis_server.url, user)
    named = "key" if word.startswith("~") else word.strip("+").split("|")[0]
    assert named in str(refused.value).lower()


def test_the_advice_of_a_refusal_is_what_the_file_says() -> None:
    assert " ".join(redis_rules("streams")[5:]) == RIGHTS
    assert " ".join(redis_rules("trainer")[5:]) == LOCK_RIGHTS


def test_every_topic_of_the_files_is_one_of_ours() -> None:
    known = {one.name for one in topics(TopicNames(), "embedded", 1)} | {TopicNames().relabels}
    for file in ACLS.glob("*.sh"):
        for line in commands(file.stem):
            if "--topic" in line:
                assert resource(line) in known
