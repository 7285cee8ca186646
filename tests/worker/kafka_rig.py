"""Requests in, what a `read_committed` reader sees out, and a worker between: in a thread, or as a child process."""

import json
import os
import subprocess
import sys
import threading
import time
from base64 import b64encode
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewPartitions

from schemas.chat import ChatMessage, Source, Turn
from schemas.codec import decode, encode
from schemas.connections import KafkaSettings
from schemas.event import EmotionEvent
from schemas.prompt import PromptParts
from schemas.request import Rejected, SanmRequest
from schemas.taxonomy import load_taxonomy
from schemas.topics import TopicNames
from tests.waiting import wait_for
from tests.worker.fake_labelling import FakeLabelling
from worker.service import Labelling, Seams, WorkerService
from worker.settings import WorkerSettings

TOPIC_ID = "topic-a"
DEADLINE_S = 60.0
_LABELS = load_taxonomy("meld").labels
_THEN = datetime(2024, 5, 1, tzinfo=UTC)


def make_request(
    partition: int,
    offset: int,
    *,
    after: int | None = None,
    text: str = "well",
    topic_id: str = TOPIC_ID,
    tokenizer: str = "t",
    tenant: str = "default",
    logged_at: datetime | None = None,
) -> SanmRequest:
    """A request as the stream makes it; by default its source follows on the offset before it."""
    return SanmRequest(
        source=Source(topic_id=topic_id, partition=partition, offset=offset),
        after=offset - 1 if after is None else after,
        received_at=_THEN,
        logged_at=logged_at,
        message=ChatMessage(
            message_id=f"m-{partition}-{offset}",
            conversation_id=f"c-{partition}-{offset % 3}",
            speaker="ann",
            text=text,
            sent_at=_THEN,
            tenant=tenant,
        ),
        prompt=PromptParts(
            template="completion",
            language="en",
            message=Turn(speaker="ann", text=text),
            history=tuple(Turn(speaker="bob", text=f"turn {turn}") for turn in range(5)),
            taxonomy="meld",
            labels=_LABELS,
        ),
        prompt_hash="h",
        tokenizer=tokenizer,
        requested_at=_THEN,
    )


def make_rejected(partition: int, offset: int, value: bytes) -> Rejected:
    """A record that the stream could not take."""
    return Rejected.model_validate(
        {
            "source": {"topic_id": TOPIC_ID, "partition": partition, "offset": offset},
            "after": offset - 1,
            "received_at": _THEN,
            "reason": "not_json",
            "detail": "broken",
            "key": b64encode(b"the key"),
            "value": b64encode(value),
        }
    )


@dataclass(frozen=True)
class Seen:
    """All that a `read_committed` reader finds in a topic."""

    messages: list[Any] = field(default_factory=list)

    @property
    def events(self) -> list[EmotionEvent]:
        return [decode(EmotionEvent, message.value()) for message in self.messages]

    def offsets(self, partition: int) -> list[int]:
        """Source offsets in the order of the partition they stand in."""
        return [
            event.source.offset
            for message, event in zip(self.messages, self.events, strict=True)
            if message.partition() == partition
        ]


class Rig:
    """One set of topics on the real Kafka."""

    def __init__(self, connection: KafkaSettings, names: TopicNames, partitions: int) -> None:
        self.names = names
        self.partitions = partitions
        self.connection = connection
        self._client = connection.librdkafka()
        self._admin = AdminClient(self._client)
        self._producer = Producer({**connection.librdkafka(), "enable.idempotence": True})

    def settings(self, **changed: Any) -> WorkerSettings:
        """A worker's settings for these topics, with short time-outs."""
        given: dict[str, Any] = {
            **self.connection.model_dump(),
            "topic_prefix": self.names.topic_prefix,
            "kafka_session_timeout_ms": 6_000,
            "worker_id": "one",
            "worker_group": f"{self.names.topic_prefix}group",
            "metrics_port": 0,
            "kafka_deadline_seconds": 30.0,
            "stop_seconds": 10.0,
        }
        return WorkerSettings(**(given | changed))

    def publish(self, requests: Iterable[SanmRequest | Rejected], headers: Any = None) -> None:
        """Write requests to their partitions, in order."""
        for request in requests:
            key = request.message.conversation_id.encode() if isinstance(request, SanmRequest) else None
            self.publish_bytes(request.source.partition, encode(request), key=key, headers=headers, flush=False)
        assert self._producer.flush(30) == 0

    def publish_bytes(
        self, partition: int, value: bytes, *, key: bytes | None = None, headers: Any = None, flush: bool = True
    ) -> None:
        """Write any bytes."""
        while True:
            try:
                self._producer.produce(self.names.requests, value, key, partition=partition, headers=headers or [])
            except BufferError:
                self._producer.poll(0.1)
            else:
                break
        if flush:
            assert self._producer.flush(30) == 0

    def read(self, topic: str, *, at_least: int = 0, settle_s: float = 0.0) -> Seen:
        """Everything committed in a topic, once there is as much as is awaited, or AssertionError."""
        consumer = Consumer(
            {
                **self._client,
                "group.id": f"reader-{time.monotonic_ns()}",
                "isolation.level": "read_committed",
                "enable.auto.commit": False,
                "auto.offset.reset": "earliest",
            }
        )
        count = len(consumer.list_topics(topic, timeout=10).topics[topic].partitions)
        consumer.assign([TopicPartition(topic, partition, 0) for partition in range(count)])
        seen = Seen()
        deadline, quiet = time.monotonic() + DEADLINE_S, time.monotonic()
        while time.monotonic() < deadline:
            message = consumer.poll(0.2)
            if message is not None and message.error() is None:
                seen.messages.append(message)
                quiet = time.monotonic()
            elif len(seen.messages) >= at_least and time.monotonic() - quiet >= settle_s:
                consumer.close()
                return seen
        consumer.close()
        raise AssertionError(f"{topic}: {len(seen.messages)} records, awaited {at_least}")

    def events(self, at_least: int = 0, settle_s: float = 0.0) -> Seen:
        return self.read(self.names.events, at_least=at_least, settle_s=settle_s)

    def dead_letters(self, at_least: int = 0) -> Seen:
        return self.read(self.names.dead_letters, at_least=at_least)

    def commit_without_watermark(self, partition: int, offset: int) -> None:
        """What any other tool would do to the group."""
        consumer = self._group_member()
        where = TopicPartition(self.names.requests, partition, offset)
        consumer.commit(offsets=[where], asynchronous=False)
        consumer.close()

    def publish_messages(self, partition: int, count: int) -> None:
        """Something in ``chat.messages``; its offsets are all that matters."""
        for _ in range(count):
            self._producer.produce(self.names.messages, b"{}", partition=partition)
        assert self._producer.flush(30) == 0

    def delete(self, topic: str, partition: int, before: int) -> None:
        """What retention does."""
        where = TopicPartition(topic, partition, before)
        for future in self._admin.delete_records([where]).values():
            future.result(20)

    def add_partitions(self, topic: str, count: int) -> None:
        """Grow one topic."""
        for future in self._admin.create_partitions([NewPartitions(topic, count)]).values():
            future.result(20)
        wait_for(lambda: len(self._admin.list_topics(timeout=5).topics[topic].partitions) == count, "it has grown")

    def committed(self) -> dict[int, TopicPartition]:
        """What the worker's group has committed, by partition."""
        consumer = self._group_member()
        asked = [TopicPartition(self.names.requests, partition) for partition in range(self.partitions)]
        found = consumer.committed(asked, timeout=20)
        consumer.close()
        return {one.partition: one for one in found}

    def _group_member(self) -> Consumer:
        return Consumer(
            {
                **self._client,
                "group.id": f"{self.names.topic_prefix}group",
                "isolation.level": "read_committed",
                "enable.auto.commit": False,
            }
        )


class RunningWorker:
    """A worker in a thread of this process."""

    def __init__(self, settings: WorkerSettings, labelling: Labelling, seams: Seams | None) -> None:
        self.error: BaseException | None = None
        self.service = WorkerService(settings, labelling, seams)
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Tell it to stop, and wait."""
        self.service.stop()
        self.join()

    def join(self) -> BaseException | None:
        """Wait for its end; what it raised."""
        self._thread.join(DEADLINE_S)
        assert not self._thread.is_alive()
        return self.error

    def _run(self) -> None:
        try:
            self.service.run()
        except BaseException as error:  # noqa: BLE001 -- handed to the test
            self.error = error


@contextmanager
def running(
    settings: WorkerSettings, labelling: Labelling | None = None, seams: Seams | None = None
) -> Iterator[RunningWorker]:
    """A worker for the length of a block; its error, if any, fails the test."""
    worker = RunningWorker(settings, labelling or FakeLabelling(), seams)
    try:
        yield worker
    finally:
        worker.service.stop()
        # First of all: what the block missed is mostly the worker's end.
        if (error := worker.join()) is not None:
            raise error


def child(
    settings: WorkerSettings, log: Path, *, module: str = "tests.worker.child", **options: Any
) -> subprocess.Popen[bytes]:
    """A worker as a process of its own (`tests/worker/child.py`), which may be killed."""
    fields = settings.model_dump(mode="json", exclude_defaults=True)
    with log.open("ab") as output:
        return subprocess.Popen(
            [sys.executable, "-m", module, json.dumps({"settings": fields, **options})],
            stdout=output,
            stderr=output,
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        )
