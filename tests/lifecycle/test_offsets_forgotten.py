"""Kafka forgets the offsets of a group that was away for long: the worker neither begins anew nor answers twice."""

import pytest
from confluent_kafka import ConsumerGroupTopicPartitions, TopicPartition
from confluent_kafka.admin import AdminClient

from sentistream.consumer_groups import group_state
from sentistream.embedded import EmbeddedKafka
from tests.conftest import TopicsFactory
from tests.waiting import wait_for
from tests.worker.fake_labelling import FakeLabelling
from tests.worker.kafka_rig import Rig, RunningWorker, make_request, running
from worker.errors import WatermarkMissingError

pytestmark = pytest.mark.kafka


@pytest.fixture
def rig(kafka: EmbeddedKafka, topics: TopicsFactory) -> Rig:
    return Rig(kafka.connection, topics(1), 1)


def _forget(rig: Rig) -> None:
    """What Kafka does after offsets.retention.minutes without members."""
    group = f"{rig.names.topic_prefix}group"
    wait_for(lambda: not group_state(rig.connection, group, rig.names.requests).members, "the session's end")
    admin = AdminClient(rig.connection.librdkafka())
    admin.delete_consumer_groups([group])[group].result(10)
    place = ConsumerGroupTopicPartitions(group, [TopicPartition(rig.names.requests, 0)])
    found = admin.list_consumer_group_offsets([place])[group].result(10)
    assert found.topic_partitions[0].offset < 0


def test_forgotten_offsets_end_the_worker_and_one_word_goes_on_behind_the_last_answer(rig: Rig) -> None:
    quick = {"kafka_session_timeout_ms": 1_500}
    topic_id = _messages_topic_id(rig)
    rig.publish(make_request(0, offset, topic_id=topic_id) for offset in range(20))
    with running(rig.settings(**quick)):
        rig.events(at_least=20)
    _forget(rig)
    rig.publish(make_request(0, offset, topic_id=topic_id) for offset in range(20, 25))
    error = RunningWorker(rig.settings(**quick), FakeLabelling(), None).join()
    assert isinstance(error, WatermarkMissingError)
    assert "holds the answer to offset 19" in str(error)
    assert "ACCEPT_MISSING_WATERMARK=true" in str(error)
    with running(rig.settings(**quick, accept_missing_watermark=True)):
        seen = rig.events(at_least=25, settle_s=1.0)
    assert seen.offsets(0) == list(range(25)), "each message is answered once"


def test_a_topic_made_anew_is_no_forgotten_offset(rig: Rig) -> None:
    """Events of the topic that was deleted stand there; requests of the new one are taken from their beginning."""
    quick = {"kafka_session_timeout_ms": 1_500}
    rig.publish(make_request(0, offset, topic_id="of-before") for offset in range(5))
    with running(rig.settings(**quick)):
        rig.events(at_least=5)
    _forget(rig)
    rig.delete(rig.names.requests, 0, 5)
    topic_id = _messages_topic_id(rig)
    rig.publish(make_request(0, offset, topic_id=topic_id) for offset in range(3))
    with running(rig.settings(**quick)):
        seen = rig.events(at_least=8, settle_s=0.5)
    assert seen.offsets(0) == [0, 1, 2, 3, 4, 0, 1, 2]


def _messages_topic_id(rig: Rig) -> str:
    from confluent_kafka import TopicCollection

    from schemas.topic_id import as_text

    admin = AdminClient(rig.connection.librdkafka())
    found = admin.describe_topics(TopicCollection([rig.names.messages]))[rig.names.messages].result(10)
    return as_text(found.topic_id)
