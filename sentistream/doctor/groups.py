"""The consumer groups: who is in them, how far they are, whether their marks are whole and outlive a stop."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from confluent_kafka import ConsumerGroupState, KafkaException, TopicPartition

from sentistream.doctor.cluster import Cluster
from sentistream.doctor.deployment import Deployment
from sentistream.doctor.finding import Finding, fail, ok, unchecked, warn
from sentistream.doctor.latest_records import Sample, at_offsets
from sentistream.doctor.rights import group_of
from sentistream.doctor.topic_checks import Topics
from worker.errors import WatermarkMissingError
from worker.watermark import Watermark

#: Of the time that Kafka keeps the offsets of a group without members, or the records of a topic.
_HALF: Final = 0.5
_DEFAULT_MINUTES: Final = 7 * 24 * 60


@dataclass(frozen=True, slots=True)
class GroupPlace:
    """One service's group on its topic.

    Attributes:
        group: as Kafka describes it; None where nobody has joined it yet.
        committed: by partition.
        bounds: of the topic's partitions.
    """

    service: str
    name: str
    topic: str
    group: Any
    committed: dict[int, TopicPartition]
    bounds: dict[int, tuple[int, int]]

    @property
    def lag(self) -> int:
        """Records that are there and not done, all partitions together."""
        return sum(
            max(high - max(self.committed[number].offset if number in self.committed else low, low), 0)
            for number, (low, high) in self.bounds.items()
        )

    @property
    def members(self) -> list[Any]:
        """Those who are in the group."""
        return list(self.group.members) if self.group else []


def check_groups(deployment: Deployment, cluster: Cluster, topics: Topics) -> Iterator[Finding]:
    """Stream and worker, as far as they are asked about."""
    for service in deployment.services:
        name = group_of(deployment, service)
        topic = deployment.streams.messages if service == "streams" else deployment.streams.requests
        if name is None or not (count := topics.partitions(topic)):
            continue
        try:
            place = GroupPlace(
                service, name, topic, cluster.group(name), cluster.committed(name, topic, count),
                cluster.bounds(topic, count),
            )  # fmt: skip
        except KafkaException as error:
            yield unchecked(f"group of {service}", error.args[0].str(), "Give this user Describe on group and topic.")
            continue
        yield _members(place)
        if service == "worker":
            yield from _marks(place)
        yield from _lost(place)
        yield from _time_left(deployment, cluster, place, topics.retention_s(topic))


def _members(place: GroupPlace) -> Finding:
    check = f"group of {place.service}"
    lag = f"{place.name}: {len(place.members)} members, lag {place.lag}"
    if not place.members:
        to_do = f"Start {place.service} (`sentistream {place.service}`)."
        return warn(check, f"{lag}; nobody is at work", to_do)
    if place.group.state != ConsumerGroupState.STABLE:
        return warn(check, f"{lag}; it is {place.group.state.name}", "Members come and go: look again in a minute.")
    held = {
        one.partition
        for member in place.members
        for one in (member.assignment.topic_partitions if member.assignment else ())
        if one.topic == place.topic
    }
    if left := sorted(set(place.bounds) - held):
        return fail(
            check,
            f"{lag}; nobody holds partitions {_listed(left)} of {place.topic}",
            f"Stop {place.service} for longer than KAFKA_SESSION_TIMEOUT_MS and start it again.",
        )
    return ok(check, lag)


def _marks(place: GroupPlace) -> Iterator[Finding]:
    check, bad = "watermarks", []
    for number, one in sorted(place.committed.items()):
        try:
            Watermark.from_metadata(one.metadata or "", f"{place.topic} partition {number}")
        except WatermarkMissingError:
            bad.append(number)
    if bad:
        yield fail(
            check,
            f"the offsets that {place.name} committed for partitions {_listed(bad)} carry none that this version reads",
            "Other tools must commit nothing in this group; start the worker once with ACCEPT_MISSING_WATERMARK=true, "
            "or run the newer worker.",
        )
    elif place.committed:
        yield ok(check, f"in step with the offsets of {len(place.committed)} partitions")


def _lost(place: GroupPlace) -> Iterator[Finding]:
    """What Kafka deleted unread, or what stands behind the topic's end since it was made anew."""
    for number, one in sorted(place.committed.items()):
        low, high = place.bounds[number]
        if one.offset < low:
            yield fail(
                "lost range",
                f"{place.topic} partition {number}: offsets {one.offset} to {low - 1} went unread by {place.name}",
                "They are lost: raise retention.ms, and start once with ACCEPT_LOSS=true to go on without them.",
            )
        elif one.offset > high:
            yield fail(
                "lost range",
                f"{place.topic} partition {number} ends at {high}, and {place.name} had come to {one.offset}",
                f"The topic was made anew: stop {place.service}, delete the offsets of group {place.name} for it "
                "(kafka-consumer-groups --delete-offsets), start again.",
            )


def _time_left(
    deployment: Deployment, cluster: Cluster, place: GroupPlace, retention_s: float | None
) -> Iterator[Finding]:
    """Against the topic's retention and the group's own: how long may it still be away?"""
    unread = {
        number: max(one.offset, place.bounds[number][0])
        for number, one in place.committed.items()
        if one.offset < place.bounds[number][1]
    }
    now = deployment.clock()
    try:
        oldest = min((one.at for one in at_offsets(cluster.connection, place.topic, unread).values()), default=None)
        last = {number: one.offset - 1 for number, one in place.committed.items() if one.offset > 0}
        done = at_offsets(cluster.connection, place.topic, last) if not place.members else {}
    except KafkaException as error:
        yield unchecked("time left", f"{place.topic}: {error.args[0].str()}", "Give this user Read on the topic.")
        return
    if oldest is not None and retention_s is not None:
        yield _against_retention(place, now - oldest, retention_s)
    yield from _against_expiry(cluster, place, now, done)


def _against_retention(place: GroupPlace, age_s: float, retention_s: float) -> Finding:
    check = f"time left of {place.service}"
    found = f"the oldest record that {place.name} has not done is {age_s / 3600:.1f} h old"
    if retention_s == float("inf"):
        return ok(check, found)
    found += f", and {place.topic} keeps {retention_s / 3600:.1f} h"
    if age_s > retention_s:
        return fail(check, found, "Kafka deletes them any moment: raise retention.ms now, then catch up.")
    if age_s > retention_s * _HALF:
        return warn(check, found, f"Raise retention.ms of {place.topic} until {place.service} has caught up.")
    return ok(check, found)


def _against_expiry(cluster: Cluster, place: GroupPlace, now: float, done: dict[int, Sample]) -> Iterator[Finding]:
    """Kafka forgets the offsets of a group without members; since when it has none is not told, but not before this."""
    if place.members or not place.committed:
        return
    check = f"offsets of {place.service}"
    try:
        minutes = int(cluster.broker_config()["offsets.retention.minutes"])
        whence = ""
    except (KafkaException, KeyError):
        minutes, whence = _DEFAULT_MINUTES, " (Kafka's default; this user may not see the broker's)"
    kept_s = minutes * 60.0
    away_s = max((now - one.at for one in done.values()), default=0.0)
    found = (
        f"{place.name} has no members, its last work is {away_s / 3600:.1f} h old at most, and Kafka forgets its "
        f"offsets after {kept_s / 3600:.0f} h{whence}"
    )
    if away_s > kept_s * _HALF:
        yield warn(check, found, f"Start {place.service} before then, or raise offsets.retention.minutes.")
    else:
        yield ok(check, found)


def _listed(numbers: list[int]) -> str:
    return ", ".join(map(str, numbers))
