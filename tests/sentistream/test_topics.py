"""Topics are made once, differences are named, and unequal main topics are refused."""

import secrets

import pytest
from click.testing import CliRunner
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewPartitions

from schemas.connections import KafkaSettings
from schemas.topics import TopicNames, topics
from sentistream.cli import main
from sentistream.embedded import EmbeddedKafka
from sentistream.errors import TopicError
from sentistream.topics import check_equal_partitions, create_topics, describe_topics
from tests.waiting import wait_for

pytestmark = pytest.mark.kafka


@pytest.fixture
def connection(kafka: EmbeddedKafka) -> KafkaSettings:
    return KafkaSettings(kafka_bootstrap_servers=kafka.bootstrap_servers)


@pytest.fixture
def names() -> TopicNames:
    return TopicNames(topic_prefix=f"topics-{secrets.token_hex(4)}.")


def test_topics_are_made_as_wanted_and_only_once(connection: KafkaSettings, names: TopicNames) -> None:
    wanted = topics(names, "embedded", 3)
    assert set(create_topics(connection, wanted)) == {topic.name for topic in wanted}
    assert [state.differences for state in describe_topics(connection, wanted)] == [()] * len(wanted)
    assert create_topics(connection, wanted) == ()


def test_differences_are_named_and_left_alone(connection: KafkaSettings, names: TopicNames) -> None:
    create_topics(connection, topics(names, "embedded", 2))
    wanted = topics(names, "production", 4)
    assert create_topics(connection, wanted) == ()
    messages = next(state for state in describe_topics(connection, wanted) if state.wanted.name == names.messages)
    assert messages.partitions == 2
    assert "2 partitions, wanted 4" in messages.differences
    assert "replication 1, wanted 3" in messages.differences
    assert "min.insync.replicas=1, wanted 2" in messages.differences


def test_unequal_main_topics_are_refused(connection: KafkaSettings, names: TopicNames) -> None:
    wanted = topics(names, "embedded", 2)
    create_topics(connection, wanted)
    assert check_equal_partitions(describe_topics(connection, wanted), names) == 2
    admin = AdminClient({"bootstrap.servers": connection.kafka_bootstrap_servers})
    admin.create_partitions([NewPartitions(names.events, 3)])[names.events].result()
    wait_for(lambda: 3 in {state.partitions for state in describe_topics(connection, wanted)}, "the third partition")
    with pytest.raises(TopicError, match=f"{names.events} 3"):
        check_equal_partitions(describe_topics(connection, wanted), names)


def test_the_command_creates_lists_and_checks(connection: KafkaSettings, names: TopicNames) -> None:
    environment = {
        "KAFKA_BOOTSTRAP_SERVERS": connection.kafka_bootstrap_servers,
        "TOPIC_PREFIX": names.topic_prefix,
        "TOPIC_PROFILE": "embedded",
    }
    runner = CliRunner(env=environment)
    refused = runner.invoke(main, ["topics", "check"])
    assert refused.exit_code == 1
    assert "topics create" in refused.output
    assert f"created {names.messages}" in runner.invoke(main, ["topics", "create", "--partitions", "2"]).output
    assert "have 2 partitions" in runner.invoke(main, ["topics", "check"]).output
    assert f"{names.releases:32} 1" in runner.invoke(main, ["topics", "list"]).output
    described = runner.invoke(main, ["topics", "describe", "--partitions", "2"]).output
    assert "cleanup.policy=compact" in described
    assert "!" not in described
