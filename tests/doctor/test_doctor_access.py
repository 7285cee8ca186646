"""What a login may not do is named: on the secured broker, and in a Redis with users."""

import secrets
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka.admin import (
    AclBinding,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
)
from pydantic import SecretStr

from prompts.profile import SHIPPED_MODEL
from schemas.connections import KafkaSettings
from schemas.topics import TopicNames
from schemas.topics import topics as all_topics
from sentistream.doctor.deployment import Deployment, DoctorSettings
from sentistream.doctor.examination import examine
from sentistream.doctor.finding import Finding, Status
from sentistream.embedded import EmbeddedKafka, EmbeddedRedis
from sentistream.topics import create_topics
from streams.redis_client import RIGHTS
from streams.settings import StreamsSettings
from tests.secured_kafka import add_scram_user
from trainer.lock import connect
from worker.settings import WorkerSettings

pytestmark = pytest.mark.kafka


def _allow(admin: AdminClient, user: str, kind: ResourceType, name: str, *operations: AclOperation) -> None:
    bindings = [
        AclBinding(kind, name, ResourcePatternType.LITERAL, f"User:{user}", "*", operation, AclPermissionType.ALLOW)
        for operation in operations
    ]
    for done in admin.create_acls(bindings).values():
        done.result(10)


def _worker(connection: KafkaSettings, names: TopicNames) -> list[Finding]:
    given = {**connection.model_dump(), "topic_prefix": names.topic_prefix}
    deployment = Deployment(
        DoctorSettings(topic_profile="embedded", doctor_clock_probe=False),
        StreamsSettings(**given),
        WorkerSettings(**given, worker_group=f"{names.topic_prefix}worker", worker_id="one"),
        ("worker",),
    )
    return list(examine(deployment))


def test_rights_that_a_worker_lacks_in_kafka_are_listed(secure_kafka: EmbeddedKafka) -> None:
    names = TopicNames(topic_prefix=f"doctor-{secrets.token_hex(4)}.")
    create_topics(secure_kafka.connection, all_topics(names, "embedded", 2))
    user = f"user-{secrets.token_hex(4)}"
    login = add_scram_user(secure_kafka, "SCRAM-SHA-256", user, "its-password")
    admin = AdminClient(secure_kafka.connection.librdkafka())
    topic = ResourceType.TOPIC
    _allow(admin, user, topic, names.requests, AclOperation.READ, AclOperation.DESCRIBE_CONFIGS)
    _allow(admin, user, topic, names.messages, AclOperation.DESCRIBE, AclOperation.DESCRIBE_CONFIGS)
    _allow(admin, user, topic, names.events, AclOperation.READ)
    _allow(admin, user, topic, names.releases, AclOperation.READ)
    rights = next(one for one in _worker(login, names) if one.check == "rights of worker")
    assert rights.status is Status.FAIL
    lacking = rights.found.partition(" lacks ")[2].split(", ")
    releases = f"sentistream-releases-{SHIPPED_MODEL}"
    transactional = f"{names.topic_prefix}{names.topic_prefix}worker-one"
    assert lacking == [
        f"Write on topic {names.events}",
        f"Write on topic {names.dead_letters}",
        f"Describe on topic {names.dead_letters}",
        f"Read on group {names.topic_prefix}worker",
        f"Describe on group {releases}",
        f"Write on transactional id {transactional}",
    ]
    _allow(admin, user, topic, names.events, AclOperation.WRITE)
    _allow(admin, user, topic, names.dead_letters, AclOperation.WRITE)
    _allow(admin, user, ResourceType.GROUP, f"{names.topic_prefix}worker", AclOperation.READ)
    _allow(admin, user, ResourceType.GROUP, releases, AclOperation.DESCRIBE)
    _allow(admin, user, ResourceType.TRANSACTIONAL_ID, transactional, AclOperation.WRITE)
    rights = next(one for one in _worker(login, names) if one.check == "rights of worker")
    assert rights.status is Status.OK, rights


def test_a_login_that_kafka_refuses_is_named_with_what_to_check(secure_kafka: EmbeddedKafka) -> None:
    wrong = secure_kafka.connection.model_copy(update={"kafka_sasl_password": SecretStr("wrong")})
    (found,) = _worker(wrong, TopicNames())
    assert found.status is Status.UNCHECKED
    assert "KAFKA_SASL_PASSWORD" in found.to_do
    plain = KafkaSettings(kafka_bootstrap_servers=secure_kafka.bootstrap_servers)
    (found,) = _worker(plain, TopicNames())
    assert "KAFKA_SECURITY_PROTOCOL" in found.to_do


def test_rights_that_lack_in_redis_are_named(tmp_path: Path) -> None:
    from sentistream.doctor.redis_rights import check_redis_rights
    from sentistream.doctor.redis_server import check_redis

    with EmbeddedRedis(tmp_path) as server:
        admin: Any = connect(StreamsSettings(redis_url=server.url))
        for user, rights in (("full", RIGHTS), ("short", RIGHTS.replace("+evalsha", ""))):
            admin.execute_command("ACL", "SETUSER", user, "on", ">word", *rights.split())
        keys = admin.dbsize()

        def told(user: str) -> list[Finding]:
            streams = StreamsSettings(redis_url=server.url, redis_username=user, redis_password=SecretStr("word"))
            deployment = Deployment(DoctorSettings(), streams, WorkerSettings())
            return [*check_redis(deployment), *check_redis_rights(deployment)]

        full, short = told("full"), told("short")
        (left,) = [key for key in [*admin.keys(), b"none"] if not key.startswith(b"sentistream:window:{doctor-")]
    statuses = {one.check: one.status for one in full}
    assert statuses == {
        "redis": Status.OK,
        # The stream's user sees nothing of the server.
        "redis server": Status.UNCHECKED,
        "redis rights of streams": Status.OK,
        "redis rights of trainer": Status.FAIL,
    }
    (refused,) = [one for one in short if one.check == "redis rights of streams"]
    assert refused.status is Status.FAIL
    assert "evalsha" in refused.found
    assert "ACL SETUSER NAME" in refused.to_do
    assert keys == 0
    assert left == b"none"
