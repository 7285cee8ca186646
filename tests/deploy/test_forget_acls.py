"""`sentistream forget` works with exactly deploy/acls/forget.sh and its user in redis.acl; what lacks it names."""

from dataclasses import dataclass, field
from pathlib import Path

import pytest
import redis

from console.settings import DatabaseSettings
from console.store.database import Database, sqlite_url
from console.store.migrate import migrate
from schemas.connections import KafkaSettings, RedisSettings
from schemas.topics import TopicNames, relabel_topic, topics
from sentistream.embedded import EmbeddedKafka, EmbeddedRedis
from sentistream.forgetting.everywhere import forget_everywhere
from sentistream.forgetting.places import RIGHTS
from sentistream.forgetting.report import ForgetReport
from sentistream.topics import create_topics
from tests.console.store.making import Filler, make_event
from tests.deploy.acl_rig import PASSWORD, binding, commands, each_line, new_name, redis_rules, user_with

pytestmark = pytest.mark.kafka

#: As the command's own words and Kafka's documents spell them.
SPELT = {"DESCRIBE": "Describe", "DESCRIBE_CONFIGS": "DescribeConfigs"}
LINES = each_line("forget")
WORDS = [word for word in redis_rules("forget") if word.startswith(("+", "~"))]


@dataclass
class Deployment:
    """Topics of our own, and a place of each kind that something is forgotten in."""

    kafka: EmbeddedKafka
    redis: EmbeddedRedis
    folder: Path
    names: TopicNames = field(default_factory=lambda: TopicNames(topic_prefix=f"{new_name('acl')}."))

    def __post_init__(self) -> None:
        create_topics(
            self.kafka.connection,
            (*topics(self.names, "embedded", 1), relabel_topic(self.names, "embedded", 1)),
        )
        (self.folder / "trainer").mkdir()
        database = Database(sqlite_url(self.folder / "events.db"))
        migrate(database)
        Filler(database).write(make_event(0, conversation_id="private"))
        database.close()

    def commands(self) -> list[str]:
        """Those of the file, for names of our own."""
        prefix = self.names.topic_prefix
        return commands("forget", {"TOPIC_PREFIX": prefix, "FORGET_USER": f"{prefix}forget"})

    def kafka_login(self, without: int | None = None) -> KafkaSettings:
        """A user with the file's rights, but for one."""
        given = [one for number, one in enumerate(self.commands()) if number != without]
        return user_with(self.kafka, f"{self.names.topic_prefix}forget", given)

    def redis_login(self, without: str | None = None) -> RedisSettings:
        """A user with the file's rights, but for one word."""
        admin = redis.Redis.from_url(self.redis.url)
        # What an earlier test loaded would hide that a script may not be loaded.
        admin.script_flush()
        name = new_name("forget")
        admin.execute_command(*(one for one in redis_rules("forget", name=name) if one != without))  # type: ignore[no-untyped-call]
        return RedisSettings.model_validate(
            {"redis_url": self.redis.url, "redis_username": name, "redis_password": PASSWORD}
        )

    def forget(self, kafka: KafkaSettings, redis_settings: RedisSettings) -> ForgetReport:
        """As the command does it."""
        given = kafka.model_dump(exclude_unset=True) | {"store_database": self.folder / "events.db"}
        database = DatabaseSettings.model_validate(given)
        folder = self.folder / "trainer"
        return forget_everywhere("acme", "private", database, redis_settings, self.names, folder, "a-model")


@pytest.fixture
def deployment(secure_kafka: EmbeddedKafka, redis_server: EmbeddedRedis, tmp_path: Path) -> Deployment:
    return Deployment(secure_kafka, redis_server, tmp_path)


def test_forget_works_with_exactly_its_rights(deployment: Deployment) -> None:
    report = deployment.forget(deployment.kafka_login(), deployment.redis_login())
    assert report.problems == ()
    assert report.store.counts["events"] == 1
    assert len(report.kafka) == 6
    assert all(one.until is not None for one in report.kafka)


@pytest.mark.parametrize("without", LINES)
def test_without_any_one_right_in_kafka_it_is_named(deployment: Deployment, without: int) -> None:
    lacking = binding(deployment.commands()[without])
    report = deployment.forget(deployment.kafka_login(without), deployment.redis_login())
    assert f"lacks {SPELT[lacking.operation.name]} on topic {lacking.name}" in (report.kafka_problem or "")
    assert "deploy/acls has all that is needed" in (report.kafka_problem or "")
    assert report.store.counts["events"] == 1


@pytest.mark.parametrize("without", WORDS)
def test_without_any_one_right_in_redis_it_is_named(deployment: Deployment, without: str) -> None:
    report = deployment.forget(deployment.kafka.connection, deployment.redis_login(without))
    said = " ".join(one for one in (report.redis.problem, report.trainer.problem) if one)
    assert "ACL SETUSER NAME" in said
    assert ("key" if without.startswith("~") else without.strip("+").split("|")[0]) in said.lower()
    assert without in said


def test_the_advice_of_a_refusal_is_what_the_file_says() -> None:
    assert " ".join(redis_rules("forget")[5:]) == RIGHTS


def test_a_topic_that_is_not_there_is_left_out(deployment: Deployment) -> None:
    none = deployment.names.model_copy(update={"topic_prefix": "nothing-of-this-name."})
    deployment.names = none
    report = deployment.forget(deployment.kafka.connection, deployment.redis_login())
    assert "nothing-of-this-name.chat.messages" in (report.kafka_problem or "")
