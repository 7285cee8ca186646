"""Kafka forgot how far the stream was: it begins at the log's start, and what it repeats is known as repetition."""

from pathlib import Path

import pytest
from confluent_kafka import TopicPartition
from confluent_kafka.admin import AdminClient

from sentistream.consumer_groups import group_state
from sentistream.embedded import EmbeddedKafka, EmbeddedRedis
from tests.conftest import TopicsFactory
from tests.streams.stream_rig import StreamRig, accepted, make_messages, published, stop
from tests.waiting import wait_for

pytestmark = [pytest.mark.kafka, pytest.mark.soak]


def test_forgotten_offsets_double_and_lose_nothing_and_a_deleted_range_is_named(
    kafka: EmbeddedKafka, redis_server: EmbeddedRedis, topics: TopicsFactory, model: Path, tmp_path: Path
) -> None:
    log = tmp_path / "log"
    rig = StreamRig(kafka.bootstrap_servers, redis_server.url, topics(1), model)
    messages = published(make_messages(400), 1)
    # Its answers only come while it lives.
    admin = AdminClient({"bootstrap.servers": rig.bootstrap})

    def forget() -> None:
        group = f"{rig.names.topic_prefix}streams"
        wait_for(lambda: not group_state(kafka.connection, group, rig.names.messages).members, "the group is empty")
        admin.delete_consumer_groups([group])[group].result(10)

    def ran_until(committed: int) -> None:
        with rig.stream(log) as child:
            wait_for(lambda: rig.done(1) == committed, f"{committed} messages are done")
            assert stop(child) == 0, log.read_text()

    rig.publish(messages[:100])
    ran_until(100)
    forget()
    rig.publish(messages[100:200])
    ran_until(200)
    found = rig.requests(1)[0]
    assert len(found) == 300, "the first hundred came again"
    assert accepted(found) == ([*range(200)], [])

    # Away for longer than the retention, and forgotten too: Redis still knows how far the stream was.
    rig.publish(messages[200:])
    place = TopicPartition(rig.names.messages, 0, 300)
    admin.delete_records([place])[place].result(10)
    forget()
    with rig.stream(log) as child:
        assert child.wait(60) == 70
    assert "offsets 200 to 299 of partition 0" in log.read_text()
