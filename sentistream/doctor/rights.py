"""What each service must be allowed to do in Kafka, and whether this login is."""

from collections.abc import Iterator
from typing import Any, Final

from confluent_kafka import KafkaException

from sentistream.doctor.cluster import Cluster
from sentistream.doctor.deployment import Deployment, Service
from sentistream.doctor.finding import Finding, fail, ok, unchecked, warn
from sentistream.doctor.topic_checks import Topics
from sentistream.topic_reader import READER_GROUP
from trainer.feedback.consumer import GROUP as TRAINER_GROUP
from trainer.registry.topic import RELEASES_GROUP
from worker.clients import transactional_id
from worker.release_reader import releases_group

_READ: Final = ("READ", "DESCRIBE")
_WRITE: Final = ("WRITE", "DESCRIBE")


def needs(deployment: Deployment, service: Service) -> dict[str, tuple[str, ...]]:
    """By topic, the operations that a service cannot do without."""
    names = deployment.streams
    if service == "streams":
        return {
            names.messages: (*_READ, "DESCRIBE_CONFIGS"),
            names.requests: _WRITE,
            names.events: ("DESCRIBE",),
        }
    if service == "worker":
        return {
            names.messages: ("DESCRIBE",),
            names.requests: _READ,
            names.events: _WRITE,
            names.dead_letters: _WRITE,
            names.releases: _READ,
        }
    if service == "trainer":
        return {names.messages: _READ, names.events: _READ, names.labels: _READ, names.releases: (*_READ, *_WRITE)}
    if service == "store":
        return {names.events: _READ, names.labels: _READ}
    return {
        names.messages: (*_READ, *_WRITE),
        names.requests: _READ,
        names.events: _READ,
        names.labels: (*_READ, *_WRITE),
        names.releases: (*_READ, *_WRITE),
        names.dead_letters: _READ,
    }


def check_rights(deployment: Deployment, cluster: Cluster, topics: Topics) -> Iterator[Finding]:
    """One finding for each service; a topic that is missing has no rights to look at."""
    for service in deployment.services:
        missing = [
            f"{_spelt(operation)} on topic {name}"
            for name, wanted in needs(deployment, service).items()
            for operation in _lacking(topics, name, wanted)
        ]
        try:
            for name, right in group_needs(deployment, service).items():
                missing += _lacking_in_group(cluster, name, right)
        except KafkaException as error:
            reason = error.args[0]
            yield unchecked(
                f"rights of {service}", f"{reason.name()}: {reason.str()}", "Give this user Describe on the group."
            )
            continue
        if service == "worker" and (refused := _transactional_id_refused(deployment)):
            missing.append(refused)
        yield _finding(deployment, service, missing)
        if service == "worker" and not missing and _lacking(topics, deployment.streams.events, ("READ",)):
            yield warn(
                "rights of worker",
                f"lacks Read on topic {deployment.streams.events}: forgotten offsets look like a first start",
                "Give it Read there: else it answers again what Kafka still holds, should its offsets expire.",
            )


def _finding(deployment: Deployment, service: Service, missing: list[str]) -> Finding:
    check = f"rights of {service}"
    kafka = deployment.streams
    who = (kafka.kafka_sasl_username or "this user") if kafka.uses_sasl else "this user"
    if missing:
        return fail(
            check,
            f"{who} lacks {', '.join(missing)}",
            f"deploy/acls/{service}.sh gives them; or run the doctor with {service}'s own login.",
        )
    return ok(check, f"{who} may do all that {service} does in Kafka")


def _lacking(topics: Topics, name: str, wanted: tuple[str, ...]) -> list[str]:
    refused = topics.refused.get(name)
    if refused is not None:
        # Of a topic that we may not even describe nothing else can be told.
        return list(dict.fromkeys(wanted)) if refused.name() == "TOPIC_AUTHORIZATION_FAILED" else []
    may = _names(topics.described[name].authorized_operations)
    return [one for one in dict.fromkeys(wanted) if one not in may]


def _lacking_in_group(cluster: Cluster, name: str, right: str) -> list[str]:
    lacking = [f"{_spelt(right)} on group {name}"]
    try:
        found = cluster.group(name)
    except KafkaException as error:
        if error.args[0].name() != "GROUP_AUTHORIZATION_FAILED":
            raise
        return lacking
    # A group that nobody has joined yet tells nothing.
    return [] if found is None or right in _names(found.authorized_operations) else lacking


def group_needs(deployment: Deployment, service: Service) -> dict[str, str]:
    """By consumer group, the operation that a service cannot do without."""
    if service == "store":
        return {deployment.doctor.store_group: "READ"}
    if service == "console":
        seen = (deployment.streams.streams_group, deployment.worker.worker_group, READER_GROUP, RELEASES_GROUP)
        return {deployment.doctor.store_group: "READ"} | dict.fromkeys(seen, "DESCRIBE")
    if service == "trainer":
        return dict.fromkeys((TRAINER_GROUP, RELEASES_GROUP), "DESCRIBE")
    if service == "worker":
        return {deployment.worker.worker_group: "READ", releases_group(deployment.model_name): "DESCRIBE"}
    return {deployment.streams.streams_group: "READ"}


def group_of(deployment: Deployment, service: Service) -> str | None:
    """The consumer group that a service joins: stream and worker join one."""
    return {"streams": deployment.streams.streams_group, "worker": deployment.worker.worker_group}.get(service)


def _transactional_id_refused(deployment: Deployment) -> str | None:
    """To ask who coordinates it needs Describe, which Write brings along; a producer of ours would fence the worker."""
    from sentistream.doctor.transaction_coordinator import may_be_described

    name = transactional_id(deployment.worker)
    return None if may_be_described(deployment.streams, name) else f"Write on transactional id {name}"


def _spelt(operation: str) -> str:
    """As kafka-acls.sh takes it: DESCRIBE_CONFIGS is DescribeConfigs."""
    return operation.title().replace("_", "")


def _names(operations: Any) -> set[str]:
    return {one.name for one in operations or ()}
