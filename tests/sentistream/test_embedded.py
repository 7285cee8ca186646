"""The embedded servers keep their data, come back where they were, and never outlive whoever started them."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import orjson
import psutil
import pytest
import redis
from confluent_kafka import Consumer, Producer
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from schemas.connections import KafkaSettings, RedisSettings
from schemas.topics import TopicNames
from sentistream.embedded import EmbeddedKafka, EmbeddedRedis, EmbeddedStack
from sentistream.errors import FolderInUseError, MissingPrerequisiteError, StartError, TopicError
from tests.waiting import wait_for

DEADLINE_S = 60.0


def publish(bootstrap: str, topic: str, value: bytes) -> None:
    producer = Producer({"bootstrap.servers": bootstrap, "acks": "all"})
    producer.produce(topic, value)
    assert producer.flush(DEADLINE_S) == 0


def first_value(bootstrap: str, topic: str) -> bytes | None:
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "test", "auto.offset.reset": "earliest"})
    consumer.subscribe([topic])
    try:
        record = consumer.poll(DEADLINE_S)
        assert record is not None
        value: bytes | None = record.value()
        return value
    finally:
        consumer.close()


@pytest.mark.kafka
@pytest.mark.parametrize("end", ["stop", "kill"])
def test_kafka_keeps_records_and_address(tmp_path: Path, end: str) -> None:
    with EmbeddedKafka(tmp_path) as kafka:
        address = kafka.bootstrap_servers
        admin = AdminClient({"bootstrap.servers": address})
        admin.create_topics([NewTopic("t", 1, 1)])["t"].result()
        publish(address, "t", b"kept")
        getattr(kafka, end)()
        assert not kafka.is_running
        kafka.start()
        assert kafka.bootstrap_servers == address
        assert first_value(address, "t") == b"kept"


def test_redis_keeps_entries_and_address(tmp_path: Path) -> None:
    with EmbeddedRedis(tmp_path) as server:
        address = server.url
        redis.Redis.from_url(address).set("window", "kept")
        server.restart()
        assert server.url == address
        assert redis.Redis.from_url(address).get("window") == b"kept"


def test_a_paused_server_is_silent_until_it_is_resumed(tmp_path: Path) -> None:
    with EmbeddedRedis(tmp_path) as server:
        client = redis.Redis.from_url(server.url, socket_timeout=0.3, retry=None)
        server.pause()
        with pytest.raises(redis.TimeoutError):
            client.ping()
        server.resume()
        assert redis.Redis.from_url(server.url).ping()


def test_two_servers_take_different_ports(tmp_path: Path) -> None:
    with EmbeddedRedis(tmp_path / "a") as one, EmbeddedRedis(tmp_path / "b") as other:
        assert one.url != other.url


def test_a_taken_port_is_replaced_by_a_free_one(tmp_path: Path) -> None:
    with EmbeddedRedis(tmp_path / "a") as one:
        (tmp_path / "b").mkdir()
        (tmp_path / "b" / "redis.ports.json").write_bytes(orjson.dumps(one.ports))
        with EmbeddedRedis(tmp_path / "b") as other:
            assert one.url != other.url


@pytest.mark.kafka
def test_a_failed_start_quotes_the_servers_log(tmp_path: Path) -> None:
    with pytest.raises(StartError, match=r"(?s)kafka .*num\.io\.threads"):
        EmbeddedKafka(tmp_path, properties={"num.io.threads": "many"}).start()


def test_a_java_that_is_too_old_is_one_line_with_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    java = tmp_path / "bin" / "java"
    java.parent.mkdir()
    # As Java 11 says it, with its stack.
    refused = (
        "Error: LinkageError occurred\njava.lang.UnsupportedClassVersionError: kafka/Kafka has been compiled by ..."
    )
    java.write_text(f"#!/bin/sh\necho '{refused}\n\tat java.base/java.lang.ClassLoader.defineClass1' >&2\nexit 1\n")
    java.chmod(0o755)
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    with pytest.raises(MissingPrerequisiteError, match=r"^Java 17 or later is missing.*openjdk-17[^\n]*$") as found:
        EmbeddedKafka(tmp_path / "data").start()
    assert str(tmp_path) in str(found.value)


@pytest.fixture
def up(tmp_path: Path) -> Iterator[Callable[[], tuple[subprocess.Popen[bytes], dict[str, str]]]]:
    """Runs `sentistream up` on one folder; returns the process and the addresses that it printed."""
    started: list[subprocess.Popen[bytes]] = []

    def run() -> tuple[subprocess.Popen[bytes], dict[str, str]]:
        process = subprocess.Popen(
            [sys.executable, "-m", "sentistream", "up", "--json", "--data", str(tmp_path)],
            stdout=subprocess.PIPE,
            env=os.environ,
        )
        started.append(process)
        assert process.stdout
        return process, orjson.loads(process.stdout.readline())

    yield run
    for process in started:
        process.kill()
        process.wait()
        if process.stdout:
            process.stdout.close()


@pytest.mark.kafka
def test_a_killed_stack_leaves_no_process_and_its_data_is_found_again(
    up: Callable[[], tuple[subprocess.Popen[bytes], dict[str, str]]],
) -> None:
    process, addresses = up()
    publish(addresses["KAFKA_BOOTSTRAP_SERVERS"], "chat.messages", b"kept")
    children = psutil.Process(process.pid).children(recursive=True)
    assert {"java", "redis-server"} <= {child.name() for child in children}

    process.send_signal(signal.SIGKILL)
    process.wait()
    _, alive = psutil.wait_procs(children, timeout=15)
    assert not alive

    process, addresses = up()
    assert first_value(addresses["KAFKA_BOOTSTRAP_SERVERS"], "chat.messages") == b"kept"
    children = psutil.Process(process.pid).children(recursive=True)
    process.send_signal(signal.SIGINT)
    assert process.wait(DEADLINE_S) == 0
    assert not any(child.is_running() for child in children)


def test_a_server_dies_even_with_its_supervisor(tmp_path: Path) -> None:
    if sys.platform != "linux":
        pytest.skip("only Linux can tie a process to its parent")
    with EmbeddedRedis(tmp_path) as server:
        assert server.pid
        child = psutil.Process(server.pid)
        supervisor = child.parent()
        assert supervisor
        supervisor.kill()
        wait_for(lambda: not child.is_running() or child.status() == psutil.STATUS_ZOMBIE, "the server has ended")


@pytest.mark.kafka
def test_given_addresses_are_used_and_nothing_is_started(
    kafka: EmbeddedKafka, redis_server: EmbeddedRedis, tmp_path: Path
) -> None:
    stack = EmbeddedStack(
        tmp_path / "unused",
        names=TopicNames(topic_prefix="given."),
        kafka=KafkaSettings(kafka_bootstrap_servers=kafka.bootstrap_servers),
        redis=RedisSettings(redis_url=redis_server.url),
        profile="embedded",
    )
    with stack:
        assert stack.kafka.kafka_bootstrap_servers == kafka.bootstrap_servers
        assert stack.redis.redis_url == redis_server.url
        assert "given.chat.messages" in AdminClient({"bootstrap.servers": kafka.bootstrap_servers}).list_topics().topics
    assert not (tmp_path / "unused").exists()
    assert kafka.is_running
    assert redis_server.is_running


@pytest.mark.kafka
def test_one_stack_per_folder(kafka: EmbeddedKafka, tmp_path: Path) -> None:
    given = KafkaSettings(kafka_bootstrap_servers=kafka.bootstrap_servers)
    names = TopicNames(topic_prefix="folder.")
    with (
        EmbeddedStack(tmp_path, kafka=given, names=names, profile="embedded"),
        pytest.raises(FolderInUseError, match=str(os.getpid())),
    ):
        EmbeddedStack(tmp_path, kafka=given, names=names, profile="embedded").__enter__()
    with EmbeddedStack(tmp_path, kafka=given, names=names, profile="embedded") as again:
        assert redis.Redis.from_url(again.redis.redis_url).ping()


def test_a_stack_that_cannot_reach_kafka_stops_what_it_started(tmp_path: Path) -> None:
    stack = EmbeddedStack(tmp_path, kafka=KafkaSettings(kafka_bootstrap_servers="127.0.0.1:1"))
    with pytest.raises(TopicError, match=r"127\.0\.0\.1:1"):
        stack.__enter__()
    assert not [
        child for child in psutil.Process().children(recursive=True) if str(tmp_path) in " ".join(child.cmdline())
    ]
