"""The files under deploy/acls, put into force as their commands say: in Kafka, and in Redis."""

import argparse
import os
import secrets
import shlex
import subprocess
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

import pytest
from _pytest.mark import ParameterSet
from confluent_kafka.admin import (
    AclBinding,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
)

from schemas.connections import KafkaSettings
from sentistream.doctor.cluster import Cluster
from sentistream.doctor.deployment import Deployment, DoctorSettings, Service
from sentistream.doctor.finding import Finding
from sentistream.doctor.rights import check_rights
from sentistream.doctor.topic_checks import Topics
from sentistream.embedded import EmbeddedKafka
from streams.settings import StreamsSettings
from tests.secured_kafka import add_scram_user
from tests.waiting import wait_for
from worker.settings import WorkerSettings

ACLS: Final = Path(__file__).parents[2] / "deploy" / "acls"
PASSWORD: Final = "a-password-of-one-user"
_OPERATIONS: Final = {
    "Read": AclOperation.READ,
    "Write": AclOperation.WRITE,
    "Describe": AclOperation.DESCRIBE,
    "DescribeConfigs": AclOperation.DESCRIBE_CONFIGS,
    "Create": AclOperation.CREATE,
}
_RESOURCES: Final = {
    "topic": ResourceType.TOPIC,
    "group": ResourceType.GROUP,
    "transactional_id": ResourceType.TRANSACTIONAL_ID,
}


def commands(service: str, environment: dict[str, str] | None = None) -> list[str]:
    """The arguments of each kafka-acls.sh that a file runs."""
    given = {"PATH": os.environ["PATH"], "KAFKA_ACLS": "echo", **(environment or {})}
    done = subprocess.run(
        ["/bin/sh", "-e", str(ACLS / f"{service}.sh")], env=given, capture_output=True, text=True, check=True
    )
    return done.stdout.splitlines()


def each_line(service: str) -> list[ParameterSet]:
    """The number of each line of a file, for pytest: what is tried without it."""
    return [pytest.param(number, id=_named(line)) for number, line in enumerate(commands(service))]


def each_line_of(services: Iterable[str]) -> list[ParameterSet]:
    """The same of several files, with the file's name."""
    return [
        pytest.param(service, number, id=f"{service}: {_named(line)}")
        for service in services
        for number, line in enumerate(commands(service))
    ]


def binding(command: str) -> AclBinding:
    """As kafka-acls.sh reads its arguments; anything that it does not know is an error."""
    parser = argparse.ArgumentParser(exit_on_error=True, allow_abbrev=False)
    parser.add_argument("--add", action="store_true", required=True)
    parser.add_argument("--allow-principal", required=True)
    parser.add_argument("--operation", choices=_OPERATIONS, required=True)
    parser.add_argument("--resource-pattern-type", choices=("literal", "prefixed"), default="literal")
    where = parser.add_mutually_exclusive_group(required=True)
    for name in _RESOURCES:
        where.add_argument(f"--{name.replace('_', '-')}")
    asked = parser.parse_args(shlex.split(command))
    kind, name = next((kind, getattr(asked, kind)) for kind in _RESOURCES if getattr(asked, kind) is not None)
    pattern = ResourcePatternType.PREFIXED if asked.resource_pattern_type == "prefixed" else ResourcePatternType.LITERAL
    operation = _OPERATIONS[asked.operation]
    return AclBinding(_RESOURCES[kind], name, pattern, asked.allow_principal, "*", operation, AclPermissionType.ALLOW)


def resource(command: str) -> str:
    """What a line gives a right to."""
    name: str = binding(command).name
    return name


def user_with(kafka: EmbeddedKafka, user: str, given: Sequence[str]) -> KafkaSettings:
    """A new user who may do what these commands say, and nothing else."""
    login = add_scram_user(kafka, "SCRAM-SHA-512", user, PASSWORD)
    if given:
        admin = AdminClient(kafka.connection.librdkafka())
        for done in admin.create_acls([binding(one) for one in given]).values():
            done.result(20)
    # The broker learns of a user from the controller, a moment later.
    wait_for(lambda: _known(login), f"{user} can log in")
    return login


def doctor_on_rights(login: KafkaSettings, prefix: str, service: Service) -> list[Finding]:
    """What `sentistream doctor --service` says of this login's rights."""
    deployment = deployment_of(login, prefix, service)
    cluster = Cluster(login)
    topics = Topics.ask(cluster, [one.name for one in deployment.wanted])
    return list(check_rights(deployment, cluster, topics))


def deployment_of(login: KafkaSettings, prefix: str, service: Service) -> Deployment:
    """As the doctor is told of one service; groups are named by the prefix and the service."""
    given = {**login.model_dump(exclude_unset=True), "topic_prefix": prefix}
    return Deployment(
        DoctorSettings(topic_profile="embedded", doctor_clock_probe=False, store_group=f"{prefix}store"),
        StreamsSettings.model_validate(given | {"streams_group": f"{prefix}streams"}),
        WorkerSettings.model_validate(given | {"worker_group": f"{prefix}worker", "worker_id": "one"}),
        (service,),
    )


def right(command: str) -> str:
    """What a line gives, as the services name it."""
    one = binding(command)
    operation = one.operation.name.title().replace("_", "")
    return f"{operation} on {one.restype.name.lower().replace('_', ' ')} {one.name}"


def _named(command: str) -> str:
    """Without the user."""
    return " ".join(command.split()[3:])


def _known(login: KafkaSettings) -> bool:
    try:
        AdminClient({**login.librdkafka(), "log_level": 0}).list_topics(timeout=2)
    except Exception:  # noqa: BLE001 - not yet
        return False
    return True


def redis_rules(user: str, *, name: str | None = None, password: str = PASSWORD) -> list[str]:
    """The words of one user's ``ACL SETUSER`` in the file, for a user of another name."""
    for line in (ACLS / "redis.acl").read_text().splitlines():
        words = line.split()
        if words[:3] == ["ACL", "SETUSER", user]:
            return ["ACL", "SETUSER", name or user, *(word.replace("PASSWORD", password) for word in words[3:])]
    raise AssertionError(f"no user {user} in redis.acl")


def new_name(kind: str) -> str:
    return f"{kind}-{secrets.token_hex(4)}"
