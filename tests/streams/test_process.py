"""The real process between a real Kafka and a real Redis."""

from pathlib import Path

import pytest

from prompts.parts import PartsBuilder
from sentistream.embedded import EmbeddedKafka, EmbeddedRedis
from tests.conftest import TopicsFactory
from tests.streams.stream_rig import (
    StreamRig,
    accepted,
    check_like_offline,
    make_messages,
    published,
    stop,
)

pytestmark = pytest.mark.kafka


@pytest.fixture
def rig(kafka: EmbeddedKafka, redis_server: EmbeddedRedis, topics: TopicsFactory, model: Path) -> StreamRig:
    return StreamRig(kafka.bootstrap_servers, redis_server.url, topics(), model)


def test_each_message_becomes_one_request_like_an_offline_replay(
    rig: StreamRig, tmp_path: Path, builder: PartsBuilder
) -> None:
    log = tmp_path / "log"
    messages = make_messages(3000)
    rig.publish(published(messages))
    with rig.stream(log) as child:
        found = rig.wait_for_requests(3000)
        assert stop(child) == 0, log.read_text()
    assert sum(map(len, found.values())) == 3000
    check_like_offline(rig, found, builder)
    for partition, requests in found.items():
        offsets = [one.source.offset for one in requests]
        assert offsets == list(range(len(requests)))
        assert accepted(requests) == (offsets, [])
        assert {one.source.partition for one in requests} == {partition}
    assert rig.committed() == {partition: len(requests) for partition, requests in found.items()}
