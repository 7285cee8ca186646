"""All checks, in the order in which one explains the next."""

from collections.abc import Callable, Iterable, Iterator
from typing import Final

import structlog
from confluent_kafka import KafkaException

from sentistream.doctor.adapter_check import check_adapter
from sentistream.doctor.brokers import check_brokers
from sentistream.doctor.clock_check import check_broker_clock, check_redis_clock
from sentistream.doctor.cluster import Cluster, UnreachableError
from sentistream.doctor.deployment import Deployment
from sentistream.doctor.finding import Finding, Status, unchecked
from sentistream.doctor.groups import check_groups
from sentistream.doctor.latest_records import latest
from sentistream.doctor.partitioner_check import CHECK as PARTITIONER
from sentistream.doctor.partitioner_check import check_partitioner
from sentistream.doctor.redis_rights import check_redis_rights
from sentistream.doctor.redis_server import check_redis
from sentistream.doctor.rights import check_rights
from sentistream.doctor.topic_checks import Topics, check_topics

log = structlog.get_logger()

#: Services that use Redis: windows, and the lock.
_WITH_REDIS: Final = {"streams", "trainer"}
#: Services that fetch the live adapter.
_WITH_ADAPTERS: Final = {"worker", "trainer"}


def examine(deployment: Deployment) -> Iterator[Finding]:
    """Every finding as it is made."""
    cluster = Cluster(deployment.streams)
    brokers = list(check_brokers(cluster))
    yield from brokers
    if brokers[0].status is not Status.UNCHECKED:
        yield from _kafka(deployment, cluster)
    if _WITH_REDIS & set(deployment.services):
        yield from _redis(deployment)


def _kafka(deployment: Deployment, cluster: Cluster) -> Iterator[Finding]:
    try:
        topics = Topics.ask(cluster, [topic.name for topic in deployment.wanted])
    except (UnreachableError, KafkaException) as error:
        yield unchecked("topics", str(error), "Look at the brokers' logs.")
        return
    checks: list[tuple[str, Callable[[], Iterable[Finding]]]] = [
        ("topics", lambda: check_topics(deployment, topics)),
        ("rights", lambda: check_rights(deployment, cluster, topics)),
    ]
    if "streams" in deployment.services and topics.partitions(deployment.streams.messages):
        checks.append((PARTITIONER, lambda: _partitioner(deployment, cluster, topics)))
    checks.append(("groups", lambda: check_groups(deployment, cluster, topics)))
    if _WITH_ADAPTERS & set(deployment.services) and topics.partitions(deployment.streams.releases):
        checks.append(("live adapter", lambda: check_adapter(deployment)))
    checks.append(("clock of kafka", lambda: check_broker_clock(deployment, cluster)))
    for name, check in checks:
        yield from _guarded(name, check)


def _redis(deployment: Deployment) -> Iterator[Finding]:
    server = list(check_redis(deployment))
    yield from server
    if server[0].status is Status.UNCHECKED:
        return
    yield from _guarded("redis rights", lambda: check_redis_rights(deployment))
    yield from _guarded("clock of redis", lambda: check_redis_clock(deployment))


def _partitioner(deployment: Deployment, cluster: Cluster, topics: Topics) -> Iterator[Finding]:
    name = deployment.streams.messages
    count = topics.partitions(name)
    records = latest(cluster.connection, name, cluster.bounds(name, count), deployment.doctor.doctor_sample)
    yield from check_partitioner(records, count)


def _guarded(name: str, check: Callable[[], Iterable[Finding]]) -> Iterator[Finding]:
    """One check that cannot be made must not keep the others from being made."""
    try:
        yield from check()
    except KafkaException as error:
        yield unchecked(name, error.args[0].str(), "Look at this user's rights and at the brokers' logs.")
    except Exception as error:
        log.debug("check_failed", check=name, exc_info=True)
        yield unchecked(name, f"{type(error).__name__}: {error}", "LOG_LEVEL=debug shows more; please report it.")
