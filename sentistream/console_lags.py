"""How far each service is behind, as Kafka knows it."""

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final, Literal

from confluent_kafka import KafkaError, KafkaException

from console.errors import PortError
from console.ports import GroupLag
from schemas.connections import KafkaSettings
from schemas.kafka_refusals import lacks_right
from sentistream.doctor.cluster import Cluster, UnreachableError
from sentistream.doctor.latest_records import KeptReader
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
                return [self._visible_lag(cluster, *one, found) for one in self._groups]
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

    def _visible_lag(
        self, cluster: Cluster, service: Service, group: str, topic: str, found: dict[str, Any]
    ) -> GroupLag:
        read = (topic, *self._stored) if service == "store" else (topic,)
        lacking = [f"Read on topic {name}" for name in dict.fromkeys(read) if not _may_read(found[name])]
        if not lacking:
            try:
                return self._lag(cluster, service, group, topic, len(found[topic].partitions))
            except _NoRightError as error:
                lacking = [str(error)]
        return GroupLag(service, group, topic, None, 0, 0.0, tuple(lacking))

    def _lag(self, cluster: Cluster, service: Service, group: str, topic: str, partitions: int) -> GroupLag:
        # The store reads outside of its group, which only shows how far it is.
        with _right(f"Describe on group {group}"):
            described = None if service == "store" else cluster.group(group)
            committed = cluster.committed(group, topic, partitions)
        bounds = cluster.bounds(topic, partitions)
        places = {
            number: max(committed[number].offset if number in committed else low, low)
            for number, (low, _) in bounds.items()
        }
        behind = {number: place for number, place in places.items() if place < bounds[number][1]}
        # What ends a transaction counts as an offset and is no record: only what can be read is behind.
        with _right(f"Describe on group {READER_GROUP}"):
            oldest = self._reader.at_offsets(topic, behind)
        age_s = time.time() - min((one.at for one in oldest.values()), default=time.time())
        return GroupLag(
            service=service,
            group=group,
            topic=topic,
            members=None if service == "store" else len(described.members) if described else 0,
            records=sum(bounds[number][1] - one.offset for number, one in oldest.items()),
            seconds=max(age_s, 0.0),
        )


class _NoRightError(Exception):
    """The text names the right that this login lacks."""


@contextmanager
def _right(named: str) -> Iterator[None]:
    """All that this right is for."""
    try:
        yield
    except KafkaException as error:
        if not lacks_right(error.args[0]):
            raise
        raise _NoRightError(named) from error


def _may_read(described: Any) -> bool:
    if isinstance(described, KafkaError):
        return False
    return any(one.name == "READ" for one in described.authorized_operations or ())
