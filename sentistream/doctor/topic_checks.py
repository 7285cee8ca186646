"""The six topics: are they there, as many partitions, as safe, kept as long and as large as guarantee 12 needs?"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

from confluent_kafka import KafkaError

from schemas.topics import MAX_RECORD_BYTES, TopicNames
from sentistream.doctor.cluster import Cluster
from sentistream.doctor.deployment import Deployment
from sentistream.doctor.finding import Finding, fail, ok, unchecked, warn

_MISSING: Final = KafkaError.UNKNOWN_TOPIC_OR_PART
_FOR_EVER: Final = float("inf")


@dataclass(frozen=True, slots=True)
class Topics:
    """The topics as Kafka has them.

    Attributes:
        described: those that are there and that we may see, by name.
        configs: their settings, where we may see them.
        refused: why the others are not in `described`.
    """

    described: dict[str, Any]
    configs: dict[str, dict[str, str]]
    refused: dict[str, KafkaError]

    @classmethod
    def ask(cls, cluster: Cluster, names: list[str]) -> "Topics":
        """All of them at once."""
        found = cluster.topics(names)
        described = {name: one for name, one in found.items() if not isinstance(one, KafkaError)}
        configs = cluster.topic_configs(described) if described else {}
        return cls(
            described,
            {name: one for name, one in configs.items() if not isinstance(one, KafkaError)},
            {name: one for name, one in found.items() if isinstance(one, KafkaError)},
        )

    def partitions(self, name: str) -> int:
        """0 where it is not there, or not to be seen."""
        return len(self.described[name].partitions) if name in self.described else 0

    def retention_s(self, name: str) -> float | None:
        """Seconds, infinity for ever; None where it is not to be seen."""
        if (value := self.configs.get(name, {}).get("retention.ms")) is None:
            return None
        return _FOR_EVER if int(value) < 0 else int(value) / 1000


def check_topics(deployment: Deployment, topics: Topics) -> Iterator[Finding]:
    """All that can be told from the topics' descriptions and settings."""
    names = deployment.streams
    yield _there(topics)
    if hidden := sorted(set(topics.described) - set(topics.configs)):
        yield unchecked(
            "topic settings",
            f"may not be seen: {', '.join(hidden)}",
            "Give this user DescribeConfigs on the topics, or ask as another one.",
        )
    yield from _equal_counts(names, topics)
    yield from _durable(deployment, topics)
    yield from _retention(deployment, topics)
    yield from _sizes(names, topics)
    yield from _cleanup(names, topics)


def _there(topics: Topics) -> Finding:
    missing = sorted(name for name, error in topics.refused.items() if error.code() == _MISSING)
    if missing:
        return fail("topics", f"missing: {', '.join(missing)}", "`sentistream topics create` makes missing topics.")
    if topics.refused:
        listed = ", ".join(f"{name} ({error.name()})" for name, error in sorted(topics.refused.items()))
        return unchecked("topics", f"not to be seen: {listed}", "Give this user Describe on the topics.")
    return ok("topics", f"all {len(topics.described)} are there")


def _equal_counts(names: TopicNames, topics: Topics) -> Iterator[Finding]:
    counts = {name: topics.partitions(name) for name in (names.messages, names.requests, names.events)}
    if not all(counts.values()):
        return
    listed = ", ".join(f"{name} {count}" for name, count in counts.items())
    if len(set(counts.values())) == 1:
        yield ok("partition counts", listed)
        return
    yield fail(
        "partition counts",
        f"not equal: {listed}",
        f"Stop the services and bring all three to {max(counts.values())} as docs/lifecycle.md says.",
    )


def _durable(deployment: Deployment, topics: Topics) -> Iterator[Finding]:
    check, good = "replication", True
    for wanted in deployment.wanted:
        if (described := topics.described.get(wanted.name)) is None:
            continue
        replicas = min(len(one.replicas) for one in described.partitions)
        in_sync = min(len(one.isr) for one in described.partitions)
        least = topics.configs.get(wanted.name, {}).get("min.insync.replicas")
        asked = wanted.config["min.insync.replicas"]
        found = f"{wanted.name}: {replicas} replicas, {in_sync} in sync, min.insync.replicas {least or 'unknown'}"
        if least is not None and in_sync < int(least):
            good = False
            yield fail(check, found, "Writes are refused: bring the brokers back that hold the missing replicas.")
        elif replicas < wanted.replication or (least is not None and int(least) < int(asked)):
            good = False
            yield fail(
                check,
                found,
                f"Set replication {wanted.replication} and min.insync.replicas {asked}, or TOPIC_PROFILE=embedded if "
                "losing a broker may lose messages.",
            )
        elif in_sync < replicas:
            good = False
            yield warn(check, found, "One more broker lost may stop writes: look at the broker that is behind.")
    if good and topics.described:
        yield ok(check, f"as the profile {deployment.doctor.topic_profile} wants it")


def _retention(deployment: Deployment, topics: Topics) -> Iterator[Finding]:
    names, check = deployment.streams, "retention"
    messages, requests = topics.retention_s(names.messages), topics.retention_s(names.requests)
    if messages is None or requests is None:
        return
    found = f"{names.messages} {_span(messages)}, {names.requests} {_span(requests)}"
    if requests < messages:
        yield fail(
            check,
            f"{found}: requests go before their messages",
            f"Set retention.ms of {names.requests} to at least that of {names.messages}.",
        )
    else:
        yield ok(check, found)
    for name in (names.messages, names.requests):
        if (size := topics.configs[name].get("retention.bytes", "-1")) != "-1":
            yield warn(
                check,
                f"{name}: retention.bytes {size} deletes messages before their time, read or not",
                "Unset retention.bytes and give the disks room for retention.ms.",
            )
    if "streams" in deployment.services and deployment.streams.window_ttl_s < messages < _FOR_EVER:
        yield fail(
            check,
            f"WINDOW_TTL_S is {_span(deployment.streams.window_ttl_s)}, less than {names.messages} is kept",
            "The stream refuses to start: raise WINDOW_TTL_S.",
        )


def _sizes(names: TopicNames, topics: Topics) -> Iterator[Finding]:
    way = (names.messages, names.requests, names.dead_letters)
    if not all(name in topics.configs for name in way):
        return
    sizes = {name: int(topics.configs[name]["max.message.bytes"]) for name in way}
    listed = ", ".join(f"{name} {size}" for name, size in sizes.items())
    if any(left >= right for left, right in pairwise(sizes.values())):
        yield fail(
            "record sizes",
            f"max.message.bytes must rise: {listed}",
            "Raise it along the way, for a request carries its message and a dead letter its request.",
        )
    elif sizes[names.messages] > MAX_RECORD_BYTES // 4:
        yield warn(
            "record sizes",
            f"{names.messages} takes {sizes[names.messages]} bytes, and our clients send {MAX_RECORD_BYTES} at most",
            f"Set max.message.bytes of {names.messages} to {MAX_RECORD_BYTES // 4}.",
        )
    else:
        yield ok("record sizes", f"max.message.bytes rises: {listed}")


def _cleanup(names: TopicNames, topics: Topics) -> Iterator[Finding]:
    wrong = []
    for name, settings in topics.configs.items():
        wanted = "compact" if name == names.releases else "delete"
        if (policy := settings.get("cleanup.policy", "")) != wanted:
            wrong.append(name)
            yield fail(
                "cleanup.policy",
                f"{name}: {policy}, wanted {wanted}",
                "The decision which adapter is live would be deleted: set cleanup.policy=compact."
                if wanted == "compact"
                else "Records would be deleted by their keys: set cleanup.policy=delete.",
            )
    if not wrong and names.releases in topics.configs:
        yield ok("cleanup.policy", f"{names.releases} compact, the others delete")


def _span(seconds: float) -> str:
    if seconds == _FOR_EVER:
        return "for ever"
    return f"{seconds / 86_400:.3g} d" if seconds >= 86_400 else f"{seconds / 3600:.3g} h"  # noqa: PLR2004 - a day
