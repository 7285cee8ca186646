"""How far each service is behind, as Kafka knows it."""

import time
from collections.abc import Sequence
from typing import Any, Literal

from confluent_kafka import KafkaException

from console.errors import PortError
from console.ports import GroupLag
from schemas.connections import KafkaSettings
from sentistream.doctor.cluster import Cluster, UnreachableError
from sentistream.doctor.latest_records import at_offsets

Service = Literal["streams", "worker", "store"]


class KafkaPipeline:
    """Asks for groups, offsets and the times of the oldest records that were not read.

    Args:
        kafka: the connection.
        groups: service, group, topic.
    """

    def __init__(self, kafka: KafkaSettings, groups: Sequence[tuple[Service, str, str]]) -> None:
        self._kafka = kafka
        self._groups = groups

    def lags(self) -> Sequence[GroupLag]:
        """Of each service."""
        try:
            cluster = Cluster(self._kafka)
            partitions = {name: len(found.partitions) for name, found in self._topics(cluster).items()}
            return [self._lag(cluster, *one, partitions[one[2]]) for one in self._groups]
        except UnreachableError as error:
            raise PortError(f"Kafka does not answer: {error}") from error
        except KafkaException as error:
            raise PortError(f"Kafka refuses to say how far the services are: {error.args[0].str()}") from error

    def _topics(self, cluster: Cluster) -> dict[str, Any]:
        names = [topic for _, _, topic in self._groups]
        found = cluster.topics(names)
        missing = sorted(name for name in names if not hasattr(found[name], "partitions"))
        if missing:
            raise PortError(f"missing topics: {', '.join(missing)}. `sentistream topics create` makes them.")
        return found

    def _lag(self, cluster: Cluster, service: Service, group: str, topic: str, partitions: int) -> GroupLag:
        # The store reads outside of its group, which only shows how far it is.
        described = None if service == "store" else cluster.group(group)
        committed, bounds = cluster.committed(group, topic, partitions), cluster.bounds(topic, partitions)
        places = {
            number: max(committed[number].offset if number in committed else low, low)
            for number, (low, _) in bounds.items()
        }
        behind = {number: place for number, place in places.items() if place < bounds[number][1]}
        # What ends a transaction counts as an offset and is no record: only what can be read is behind.
        oldest = at_offsets(self._kafka, topic, behind)
        age_s = time.time() - min((one.at for one in oldest.values()), default=time.time())
        return GroupLag(
            service=service,
            group=group,
            topic=topic,
            members=None if service == "store" else len(described.members) if described else 0,
            records=sum(bounds[number][1] - one.offset for number, one in oldest.items()),
            seconds=max(age_s, 0.0),
        )
