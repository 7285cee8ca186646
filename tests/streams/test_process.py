"""The real process between a real Kafka and a real Redis."""

import json
import random
import socket
import sys
import time
import urllib.request
from pathlib import Path

import pytest
import redis
from confluent_kafka import Producer, TopicPartition
from confluent_kafka.admin import AdminClient

from prompts.parts import PartsBuilder
from schemas.request import Rejected, SanmRequest
from sentistream.embedded import EmbeddedKafka, EmbeddedRedis
from tests.conftest import TopicsFactory
from tests.streams.stream_rig import (
    StreamRig,
    accepted,
    check_like_offline,
    make_messages,
    published,
    stop,
    unlike_offline,
    wait_for_log,
)
from tests.waiting import wait_for

pytestmark = pytest.mark.kafka


def check_accepted(found: dict[int, list[SanmRequest | Rejected]]) -> None:
    """A worker takes each message once, in order, and sees no gap."""
    for requests in found.values():
        offsets = sorted({one.source.offset for one in requests})
        assert accepted(requests) == (offsets, [])


def test_each_message_becomes_one_request_like_an_offline_replay(
    rig: StreamRig, tmp_path: Path, builder: PartsBuilder
) -> None:
    log = tmp_path / "log"
    rig.publish(published(make_messages(3000)))
    with rig.stream(log) as child:
        found = rig.wait_for_requests(3000)
        assert stop(child) == 0, log.read_text()
    check_like_offline(rig, found, builder)
    for partition, requests in found.items():
        offsets = [one.source.offset for one in requests]
        assert offsets == list(range(len(requests)))
        assert accepted(requests) == (offsets, [])
        assert {one.source.partition for one in requests} == {partition}
    assert rig.committed() == {partition: len(requests) for partition, requests in found.items()}


def test_records_that_are_no_messages_go_on_as_rejected(rig: StreamRig, tmp_path: Path, builder: PartsBuilder) -> None:
    log = tmp_path / "log"
    good = published(make_messages(30))
    bad = [(0, b"k", None), (1, None, b"\xff\xfe"), (2, b"k", b"{}"), (0, b"k", b"x" * 1_000_000)]
    rig.publish([*good[:15], *bad, *good[15:]])
    with rig.stream(log) as child:
        found = rig.wait_for_requests(34)
        assert stop(child) == 0, log.read_text()
    rejected = [one for rows in found.values() for one in rows if isinstance(one, Rejected)]
    assert sorted(one.reason for one in rejected) == ["empty", "invalid", "not_json", "not_utf8"]
    assert {one.value for one in rejected} == {value for _, _, value in bad}
    check_like_offline(rig, found, builder)
    check_accepted(found)


@pytest.mark.parametrize("point", ["after_window", "after_send", "before_ack", "after_ack"])
def test_killed_at_a_point_nothing_is_missing_and_duplicates_show(
    rig: StreamRig, tmp_path: Path, builder: PartsBuilder, point: str
) -> None:
    log = tmp_path / "log"
    rig.publish(published(make_messages(2000)))
    with rig.stream(log, sys.executable, "-m", "tests.streams.child", point, "3", BATCH_SIZE="200") as child:
        assert child.wait(90) == -9, log.read_text()
    with rig.stream(log) as child:
        found = rig.wait_for_requests(2000)
        assert stop(child) == 0, log.read_text()
    check_like_offline(rig, found, builder)
    check_accepted(found)
    if point in {"after_send", "before_ack"}:
        assert sum(map(len, found.values())) > 2000, "the batch that was sent and not committed comes again"


def test_acknowledging_before_the_send_would_lose_records(rig: StreamRig, tmp_path: Path) -> None:
    """Negative control: a commit that runs ahead of the send, and a kill between them."""
    log = tmp_path / "log"
    rig.publish(published(make_messages(600)))
    with rig.stream(log, sys.executable, "-m", "tests.streams.child", "acknowledge_first", "1") as child:
        wait_for(lambda: max(rig.committed().values()) > 0, "a commit")
        child.kill()
        child.wait(30)
    with rig.stream(tmp_path / "again") as child:
        wait_for_log(tmp_path / "again", "streams_ready")
        wait_for(lambda: sum(rig.committed().values()) == 600, "the rest to be committed")
        assert stop(child) == 0, log.read_text()
    assert sum(map(len, rig.requests().values())) < 600


def test_killed_at_random_with_two_processes_nothing_is_missing(
    rig: StreamRig, tmp_path: Path, builder: PartsBuilder
) -> None:
    log = tmp_path / "log"
    draw = random.Random(5)
    messages = published(make_messages(6000))
    rig.publish(messages[:2000])
    with rig.stream(log, BATCH_SIZE="100") as steady:
        for round_ in range(2):
            with rig.stream(log, BATCH_SIZE="100") as child:
                rig.publish(messages[2000 * (round_ + 1) : 2000 * (round_ + 2)])
                time.sleep(draw.uniform(2.0, 6.0))  # when, not whether: what is asserted holds for every moment
                child.kill()
                child.wait(30)
        found = rig.wait_for_requests(6000)
        assert stop(steady) == 0, log.read_text()
    check_like_offline(rig, found, builder)
    check_accepted(found)


def test_windows_that_redis_lost_are_rebuilt_before_the_stream_goes_on(
    rig: StreamRig, tmp_path: Path, builder: PartsBuilder
) -> None:
    log = tmp_path / "log"
    messages = published(make_messages(2000))
    rig.publish(messages[:1000])
    with rig.stream(log) as child:
        rig.wait_for_requests(1000)
        redis.Redis.from_url(rig.redis_url).flushdb()
        rig.publish(messages[1000:])
        found = rig.wait_for_requests(2000)
        assert stop(child) == 0, log.read_text()
    assert "windows_rebuilt" in log.read_text()
    check_like_offline(rig, found, builder)
    assert not any(one.degraded for rows in found.values() for one in rows if isinstance(one, SanmRequest))


def test_prompts_that_lack_what_cannot_be_rebuilt_say_so(rig: StreamRig, tmp_path: Path, builder: PartsBuilder) -> None:
    log = tmp_path / "log"
    messages = published(make_messages(1100))
    rig.publish(messages[:1000])
    with rig.stream(log, REBUILD_MESSAGES="10") as child:
        rig.wait_for_requests(1000)
        redis.Redis.from_url(rig.redis_url).flushdb()
        rig.publish(messages[1000:])
        found = rig.wait_for_requests(1100)
        assert stop(child) == 0, log.read_text()
    others = [one for rows in unlike_offline(rig, found, builder).values() for one in rows]
    assert others, "the loss changed no prompt, so this test shows nothing"
    assert all(one.degraded for one in others)


def test_messages_that_kafka_deleted_unread_end_the_stream_with_their_range(rig: StreamRig, tmp_path: Path) -> None:
    log = tmp_path / "log"
    messages = published(make_messages(600), 1)
    rig.publish(messages[:200])
    with rig.stream(log) as child:
        rig.wait_for_requests(200)
        assert stop(child) == 0
    rig.publish(messages[200:])
    admin = AdminClient({"bootstrap.servers": rig.bootstrap})
    (future,) = admin.delete_records([TopicPartition(rig.names.messages, 0, 300)]).values()
    future.result(10)
    with rig.stream(log) as child:
        assert child.wait(60) == 70
    assert "offsets 200 to 299 of partition 0" in log.read_text()
    with rig.stream(log, ACCEPT_LOSS="true") as child:
        found = rig.wait_for_requests(500)
        assert stop(child) == 0, log.read_text()
    assert accepted(found[0]) == ([*range(200), *range(300, 600)], [])


def test_what_a_platform_aborted_was_never_said(rig: StreamRig, tmp_path: Path, builder: PartsBuilder) -> None:
    log = tmp_path / "log"
    messages = published(make_messages(90))
    producer = Producer({"bootstrap.servers": rig.bootstrap, "transactional.id": rig.names.topic_prefix})
    producer.init_transactions()
    for start in range(0, 90, 30):
        producer.begin_transaction()
        for partition, key, value in messages[start : start + 30]:
            producer.produce(rig.names.messages, value=value, key=key, partition=partition)
        producer.flush()
        if start == 30:
            producer.abort_transaction()
        else:
            producer.commit_transaction()
    with rig.stream(log) as child:
        found = rig.wait_for_requests(60)
        assert stop(child) == 0, log.read_text()
    assert sum(map(len, found.values())) == 60
    check_like_offline(rig, found, builder)
    check_accepted(found)


def test_an_outage_of_redis_is_waited_for_and_health_tells(
    kafka: EmbeddedKafka, topics: TopicsFactory, model: Path, tmp_path: Path, builder: PartsBuilder
) -> None:
    log = tmp_path / "log"
    with EmbeddedRedis(tmp_path / "redis") as server:
        rig = StreamRig(kafka.bootstrap_servers, server.url, topics(), model)
        messages = published(make_messages(1000))
        rig.publish(messages[:500])
        with rig.stream(log) as child:
            rig.wait_for_requests(500)
            assert health(log)["healthy"]
            server.kill()
            rig.publish(messages[500:])
            wait_for_log(log, "redis_unavailable")
            assert child.poll() is None
            server.start()
            found = rig.wait_for_requests(1000)
            assert stop(child) == 0, log.read_text()
    check_like_offline(rig, found, builder)
    check_accepted(found)


def test_a_redis_that_stays_away_ends_the_stream_uncommitted(
    kafka: EmbeddedKafka, topics: TopicsFactory, model: Path, tmp_path: Path
) -> None:
    log = tmp_path / "log"
    rig = StreamRig(kafka.bootstrap_servers, "redis://127.0.0.1:1/0", topics(), model)
    rig.publish(published(make_messages(10)))
    with rig.stream(log, REDIS_DEADLINE_S="1") as child:
        assert child.wait(60) == 70
    assert "Check REDIS_URL" in log.read_text()
    assert set(rig.committed().values()) == {-1}


def test_unequal_partition_counts_are_refused(rig: StreamRig, tmp_path: Path) -> None:
    from confluent_kafka.cimpl import NewPartitions

    admin = AdminClient({"bootstrap.servers": rig.bootstrap})
    (future,) = admin.create_partitions([NewPartitions(rig.names.requests, 4)]).values()
    future.result(10)
    wait_for(
        lambda: len(admin.list_topics(timeout=5).topics[rig.names.requests].partitions) == 4, "the fourth partition"
    )
    with rig.stream(tmp_path / "log") as child:
        assert child.wait(60) == 1
    assert "equal partition counts" in (tmp_path / "log").read_text()


def test_a_port_that_is_taken_ends_it_with_a_reason(rig: StreamRig, tmp_path: Path) -> None:
    log = tmp_path / "log"
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        with rig.stream(log, STREAMS_PORT=port) as child:
            assert child.wait(60) == 1, log.read_text()
    told = log.read_text().splitlines()[-1]
    assert told.startswith("Error: ")
    assert "set STREAMS_PORT to a free port" in told
    assert "Traceback" not in log.read_text()


def health(log: Path) -> dict[str, object]:
    lines = [json.loads(line) for line in log.read_text().splitlines() if line.startswith("{")]
    port = next(line["port"] for line in lines if line["event"] == "health_listening")
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=5) as answer:
        found: dict[str, object] = json.load(answer)
    return found
