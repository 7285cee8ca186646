"""Kafka as the checks ask it: answers or the broker's refusals, and no waiting for one that has refused us."""

import time
from collections.abc import Iterable, Mapping
from concurrent.futures import Future, wait
from typing import Any, Final

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicCollection, TopicPartition
from confluent_kafka.admin import AdminClient, ConfigResource, OffsetSpec, ResourceType

from schemas.connections import KafkaSettings
from schemas.group_description import ask_for_group
from schemas.kafka_refusals import Refusals

_TIMEOUT_S: Final = 15.0
_POLL_S: Final = 0.05
#: A cluster makes its topic of offsets when the first group is asked for, and loads it after an election.
_COORDINATOR_COMES: Final = ("COORDINATOR_NOT_AVAILABLE", "COORDINATOR_LOAD_IN_PROGRESS", "NOT_COORDINATOR")


class UnreachableError(Exception):
    """No broker takes us; the text says which protocol, why, and what to check."""


class Cluster:
    """Every method raises UnreachableError where no broker answers, and KafkaException for what it refuses."""

    def __init__(self, connection: KafkaSettings) -> None:
        self.connection = connection
        self._refusals = Refusals(connection)
        self._last: KafkaError | None = None
        self._down = False
        self._readers: dict[str, Consumer] = {}
        self.admin = AdminClient({**connection.librdkafka(), "log_level": 0, "error_cb": self._hear})

    def nodes(self) -> list[Any]:
        """The brokers, as they announce themselves."""
        asked = self.admin.describe_cluster(request_timeout=_TIMEOUT_S)
        found: list[Any] = self._results({"": asked})[""].nodes
        return found

    def topics(self, names: Iterable[str]) -> dict[str, Any]:
        """A description of each topic with the operations that we may do on it, or the KafkaError it has."""
        asked = self.admin.describe_topics(
            TopicCollection(list(names)), include_authorized_operations=True, request_timeout=_TIMEOUT_S
        )
        return self._each(asked)

    def topic_configs(self, names: Iterable[str]) -> dict[str, Any]:
        """The settings of each topic by name, or its KafkaError."""
        return self._configs(ResourceType.TOPIC, names)

    def broker_config(self) -> dict[str, str]:
        """The settings of one broker; KafkaException where we may not see them."""
        number = str(self.nodes()[0].id)
        found = self._configs(ResourceType.BROKER, [number])[number]
        if isinstance(found, KafkaError):
            raise KafkaException(found)
        settings: dict[str, str] = found
        return settings

    def group(self, name: str) -> Any:
        """A consumer group with the operations that we may do on it; None where there is none of this name."""
        deadline = time.monotonic() + _TIMEOUT_S
        while True:
            asked = ask_for_group(self.admin, name, include_authorized_operations=True)
            found = self._each({name: asked})[name]
            if not isinstance(found, KafkaError):
                return found
            if found.name() == "GROUP_ID_NOT_FOUND":
                return None
            if found.name() not in _COORDINATOR_COMES or time.monotonic() > deadline:
                raise KafkaException(found)
            time.sleep(_POLL_S)

    def committed(self, group: str, topic: str, partitions: int) -> dict[int, TopicPartition]:
        """What a group has committed in a topic, with metadata; partitions without a commit are left out."""
        places = [TopicPartition(topic, number) for number in range(partitions)]
        # Not by the AdminClient: its answer ends the process where the group's coordinator is just moving
        # (librdkafka 2.16, rd_kafka_ListConsumerGroupOffsetsResponse_parse).
        if group not in self._readers:
            # It joins nothing, and knows what its group has committed.
            self._readers[group] = Consumer({**self.connection.librdkafka_reader(group), "log_level": 0})
        try:
            found = self._readers[group].committed(places, timeout=_TIMEOUT_S)
        except KafkaException as error:
            raise KafkaException(self._refusal(error)) from error
        for one in found:
            if one.error is not None:
                raise KafkaException(one.error)
        return {one.partition: one for one in found if one.offset >= 0}

    def bounds(self, topic: str, partitions: int) -> dict[int, tuple[int, int]]:
        """The first offset that is there and the next one to be written, of each partition."""
        places = [TopicPartition(topic, number) for number in range(partitions)]
        low, high = (
            self._results(self.admin.list_offsets(dict.fromkeys(places, spec()), request_timeout=_TIMEOUT_S))
            for spec in (OffsetSpec.earliest, OffsetSpec.latest)
        )
        ends = {place.partition: one.offset for place, one in high.items()}
        return {place.partition: (one.offset, ends[place.partition]) for place, one in low.items()}

    def _configs(self, kind: ResourceType, names: Iterable[str]) -> dict[str, Any]:
        asked = self.admin.describe_configs([ConfigResource(kind, name) for name in names], request_timeout=_TIMEOUT_S)
        return {
            resource.name: found
            if isinstance(found, KafkaError)
            else {entry.name: entry.value for entry in found.values()}
            for resource, found in self._each(asked).items()
        }

    def _results(self, futures: Mapping[Any, "Future[Any]"]) -> dict[Any, Any]:
        found = self._each(futures)
        for one in found.values():
            if isinstance(one, KafkaError):
                raise KafkaException(one)
        return found

    def _each(self, futures: Mapping[Any, "Future[Any]"]) -> dict[Any, Any]:
        """Every answer or KafkaError; a refusal of ourselves ends the wait."""
        deadline = time.monotonic() + _TIMEOUT_S + 1
        unfinished = set(futures.values())
        while unfinished and time.monotonic() < deadline:
            # Polling calls `_hear` alone: it would not return when an answer is there.
            _, unfinished = wait(unfinished, _POLL_S)
            self.admin.poll(0)
            self._check()
        return {key: self._answer(one) for key, one in futures.items()}

    def _answer(self, future: "Future[Any]") -> Any:
        try:
            return future.result(_POLL_S)
        except TimeoutError:
            return self._refusal(KafkaException(KafkaError(KafkaError._TIMED_OUT)))  # noqa: SLF001 - librdkafka's name
        except KafkaException as error:
            return self._refusal(error)

    def _refusal(self, error: KafkaException) -> KafkaError:
        """What Kafka said; silence is UnreachableError."""
        reason: KafkaError = error.args[0]
        if reason.code() in (KafkaError._TIMED_OUT, KafkaError._TRANSPORT):  # noqa: SLF001 - librdkafka's names
            self._check()
            raise UnreachableError(self._away(reason)) from error
        return reason

    def _hear(self, error: KafkaError) -> None:
        self._refusals.hear(error)
        if error.code() == KafkaError._ALL_BROKERS_DOWN:  # noqa: SLF001
            self._down = True
        else:
            self._last = error

    def _check(self) -> None:
        where = f"{self.connection.kafka_bootstrap_servers} in {self.connection.kafka_security_protocol}"
        if refusal := self._refusals.found:
            raise UnreachableError(f"{where}: {refusal}")
        if self._down:
            raise UnreachableError(self._away(self._last))

    def _away(self, error: KafkaError | None) -> str:
        where = f"{self.connection.kafka_bootstrap_servers} in {self.connection.kafka_security_protocol}"
        why = error.str() if error else "no broker answers"
        return f"{where}: {why}. Check KAFKA_BOOTSTRAP_SERVERS and KAFKA_SECURITY_PROTOCOL"
