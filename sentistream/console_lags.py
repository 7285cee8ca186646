"""How far each service is behind, as Kafka knows it."""

import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from confluent_kafka import KafkaError, KafkaException

from console.errors import PortError
from console.ports import GroupLag
from schemas.connections import KafkaSettings
from schemas.kafka_refusals import lacks_right
from sentistream.doctor.cluster import Cluster, UnreachableError
from sentistream.doctor.latest_records import KeptReader, Place, Sample
from sentistream.topic_reader import READER_GROUP

Service = Literal["streams", "worker", "store"]

#: How long the end waits for a question that is under way.
_CLOSE_S: Final = 5.0


class KafkaPipeline:
    """Asks for groups, offsets and the times of the oldest records that were not read.

    Its connections are kept: over TLS, new ones for each question would take seconds. After an error they are made
    anew, for a client that has met a broken broker may not get over it.

    Args:
        kafka: the connection.
        groups: service, group, topic.
        stored: topics that the console's own store reads by this login; none where the store is another process.
    """

    def __init__(
        self, kafka: KafkaSettings, groups: Sequence[tuple[Service, str, str]], stored: Sequence[str] = ()
    ) -> None:
        self._kafka = kafka
        self._groups = groups
        self._stored = stored
        self._lock = threading.Lock()
        self._cluster: Cluster | None = None
        self._reader = KeptReader(kafka)

    def lags(self) -> Sequence[GroupLag]:
        """Of each service; of one that Kafka does not show to this login, why."""
        with self._lock:
            try:
                cluster = self._cluster = self._cluster or Cluster(self._kafka)
                found = self._topics(cluster)
                behind = [self._look(cluster, *one, found) for one in self._groups]
                oldest = self._oldest(behind)
                return [one.lag(oldest) for one in behind]
            except UnreachableError as error:
                self._hang_up()
                raise PortError(f"Kafka does not answer: {error}", code="kafka_away") from error
            except KafkaException as error:
                self._hang_up()
                text = f"Kafka refuses to say how far the services are: {error.args[0].str()}"
                raise PortError(text, code="kafka_refuses") from error

    def close(self) -> None:
        """Hang up; a question that is under way has some seconds to end."""
        if self._lock.acquire(timeout=_CLOSE_S):
            try:
                self._hang_up()
            finally:
                self._lock.release()

    def _hang_up(self) -> None:
        self._cluster = None
        self._reader.close()

    def _topics(self, cluster: Cluster) -> dict[str, Any]:
        names = [topic for _, _, topic in self._groups]
        found = cluster.topics(dict.fromkeys((*names, *self._stored)))
        wrong = {name: one for name, one in found.items() if isinstance(one, KafkaError) and not lacks_right(one)}
        if wrong:
            missing = ", ".join(sorted(wrong))
            text = f"missing topics: {missing}. `sentistream topics create` makes them."
            raise PortError(text, code="topics_missing", topics=missing)
        return found

    def _look(self, cluster: Cluster, service: Service, group: str, topic: str, found: dict[str, Any]) -> "_Behind":
        read = (topic, *self._stored) if service == "store" else (topic,)
        lacking = [f"Read on topic {name}" for name in dict.fromkeys(read) if not _may_read(found[name])]
        if lacking:
            return _Behind(service, group, topic, tuple(lacking))
        partitions = len(found[topic].partitions)
        try:
            # A right that lacks is told here at once; asked for offsets, the client would wait for its coordinator.
            described = cluster.group(group)
            committed = cluster.committed(group, topic, partitions)
        except KafkaException as error:
            if not lacks_right(error.args[0]):
                raise
            return _Behind(service, group, topic, (f"Describe on group {group}",))
        ends = {}
        places = {}
        for number, (low, end) in cluster.bounds(topic, partitions).items():
            place = max(committed[number].offset if number in committed else low, low)
            if place < end:
                places[topic, number], ends[topic, number] = place, end
        # The store reads outside of its group, which only shows how far it is.
        members = None if service == "store" else len(described.members) if described else 0
        return _Behind(service, group, topic, (), members, places, ends)

    def _oldest(self, behind: Sequence["_Behind"]) -> dict[Place, Sample] | None:
        """What waits the longest, of all services in one look; None where this login may not."""
        try:
            return self._reader.at_places({place: at for one in behind for place, at in one.places.items()})
        except KafkaException as error:
            if not lacks_right(error.args[0]):
                raise
            self._reader.close()
            return None


@dataclass(frozen=True, slots=True)
class _Behind:
    """One service's group, before its records were looked at.

    Attributes:
        places: the next offset of each partition that it is behind in; `ends` the next one to be written there.
    """

    service: Service
    group: str
    topic: str
    lacking: tuple[str, ...]
    members: int | None = None
    places: Mapping[Place, int] = field(default_factory=dict)
    ends: Mapping[Place, int] = field(default_factory=dict)

    def lag(self, oldest: Mapping[Place, Sample] | None) -> GroupLag:
        """What ends a transaction counts as an offset and is no record: only what can be read is behind."""
        lacking = self.lacking
        if oldest is None and self.places:
            lacking = (f"Describe on group {READER_GROUP}",)
        if lacking:
            return GroupLag(self.service, self.group, self.topic, None, 0, 0.0, lacking)
        found = {place: one for place, one in (oldest or {}).items() if place in self.places}
        age_s = time.time() - min((one.at for one in found.values()), default=time.time())
        records = sum(self.ends[place] - one.offset for place, one in found.items())
        return GroupLag(self.service, self.group, self.topic, self.members, records, max(age_s, 0.0))


def _may_read(described: Any) -> bool:
    if isinstance(described, KafkaError):
        return False
    return any(one.name == "READ" for one in described.authorized_operations or ())
