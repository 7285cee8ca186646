"""A stream whose machine's clock is far ahead: Kafka refuses its requests, and it ends and says what to mend."""

import sys
from pathlib import Path

import pytest

from sentistream.embedded import EmbeddedKafka, EmbeddedRedis
from streams.intake import FAILED
from tests.conftest import TopicsFactory
from tests.streams.stream_rig import StreamRig, make_messages, published, stop
from tests.waiting import wait_for

pytestmark = pytest.mark.kafka


def test_a_stream_whose_requests_are_too_far_ahead_ends_and_says_so(
    kafka: EmbeddedKafka, redis_server: EmbeddedRedis, topics: TopicsFactory, model: Path, tmp_path: Path
) -> None:
    """More than Kafka's own default of an hour (log.message.timestamp.after.max.ms)."""
    rig = StreamRig(kafka.bootstrap_servers, redis_server.url, topics(3), model)
    rig.publish(published(make_messages(30)))
    log = tmp_path / "ahead"
    with rig.stream(log, sys.executable, "-m", "tests.streams.ahead_child") as child:
        assert child.wait(60) == FAILED, log.read_text()
    assert "set this machine's clock" in log.read_text()
    assert rig.done() == 0
    assert not any(rig.requests().values())
    log = tmp_path / "right"
    with rig.stream(log) as child:
        wait_for(lambda: rig.done() == 30, "all is taken once the clock is right")
        assert stop(child) == 0, log.read_text()
