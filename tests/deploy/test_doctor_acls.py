"""What the doctor asks for is what deploy/acls gives: with a file's rights all is well, without a line it is named."""

import pytest
from confluent_kafka.admin import AclBinding, ResourcePatternType, ResourceType

from schemas.connections import KafkaSettings
from schemas.topics import TopicNames, topics
from sentistream.doctor.deployment import SERVICES, Service
from sentistream.doctor.finding import Status
from sentistream.doctor.rights import group_needs, needs
from sentistream.embedded import EmbeddedKafka
from sentistream.topics import create_topics
from tests.deploy.acl_rig import (
    binding,
    commands,
    deployment_of,
    doctor_on_rights,
    each_line_of,
    new_name,
    right,
    user_with,
)
from worker.clients import transactional_id

_DESCRIBES = {"READ", "WRITE"}
#: Store and console are asked without each of their lines where they are run.
FILES: tuple[Service, ...] = ("streams", "worker", "trainer")
LINES = each_line_of(FILES)


@pytest.fixture(scope="module")
def names(secure_kafka: EmbeddedKafka) -> TopicNames:
    """Topics that nothing here changes, and names of groups."""
    made = TopicNames(topic_prefix=f"{new_name('acl')}.")
    create_topics(secure_kafka.connection, topics(made, "embedded", 1))
    return made


def given(names: TopicNames, service: Service, user: str) -> list[str]:
    """The lines of a service's file, for names of our own."""
    prefix = names.topic_prefix
    own = {f"{one.upper()}_GROUP": f"{prefix}{one}" for one in SERVICES}
    return commands(service, {"TOPIC_PREFIX": prefix, f"{service.upper()}_USER": user, **own})


def covers(one: AclBinding, operation: str, name: str) -> bool:
    """Kafka takes Describe from Read and Write."""
    prefixed = one.resource_pattern_type is ResourcePatternType.PREFIXED
    fits = name.startswith(one.name) if prefixed else name == one.name
    return fits and (one.operation.name == operation or (operation == "DESCRIBE" and one.operation.name in _DESCRIBES))


@pytest.mark.parametrize("service", SERVICES)
def test_the_doctor_asks_for_what_the_file_gives_and_for_nothing_else(service: Service) -> None:
    names = TopicNames(topic_prefix="acl.")
    deployment = deployment_of(KafkaSettings(), names.topic_prefix, service)
    topic, group = ResourceType.TOPIC, ResourceType.GROUP
    asked = {(topic, one, name) for name, wanted in needs(deployment, service).items() for one in wanted}
    asked |= {(group, one, name) for name, one in group_needs(deployment, service).items()}
    if service == "worker":
        asked.add((ResourceType.TRANSACTIONAL_ID, "WRITE", transactional_id(deployment.worker)))
        # Asked for apart: a warning.
        asked.add((topic, "READ", names.events))
    lines = [binding(one) for one in given(names, service, "somebody")]
    uncovered = {
        (operation, name)
        for kind, operation, name in asked
        if not any(one.restype is kind and covers(one, operation, name) for one in lines)
    }
    assert not uncovered, "the file lacks what the doctor asks for"
    unasked = [
        one
        for one in lines
        if not any(one.restype is kind and covers(one, operation, name) and operation == one.operation.name
                   for kind, operation, name in asked)
    ]  # fmt: skip
    assert not unasked, "the doctor does not ask for what the file gives"


@pytest.mark.soak
@pytest.mark.kafka
@pytest.mark.parametrize(("service", "without"), LINES)
def test_the_doctor_names_any_one_right_that_lacks(
    secure_kafka: EmbeddedKafka, names: TopicNames, service: Service, without: int
) -> None:
    user = new_name(service)
    lines = given(names, service, user)
    login = user_with(secure_kafka, user, [one for number, one in enumerate(lines) if number != without])
    found = [one for one in doctor_on_rights(login, names.topic_prefix, service) if one.status is not Status.OK]
    assert found, "nothing was missing"
    # Of a prefix that the file names it has the whole name.
    assert right(lines[without]) in " ".join(one.found for one in found)
