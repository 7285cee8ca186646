"""The whole pipeline for a benchmark: Kafka, Redis, the stream and the worker, with a publisher and a reader."""

import math
import random
import secrets
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
from confluent_kafka import Consumer, Producer, TopicPartition

from bench.figures import working
from schemas.chat import ChatMessage
from schemas.codec import encode
from schemas.connections import KafkaSettings
from schemas.topics import TopicNames
from sentistream.embedded import EmbeddedStack
from sentistream.publisher import PARTITIONER
from sentistream.services import Services, environment_of

PARTITIONS = 3
_START_DEADLINE_S = 400.0
_PATIENCE_S = 120.0
#: That the broker is stopped before its clients is no news.
_QUIET = {"log_level": 0}
_TEXT = "so you are telling me that he never called back after all this time and still wants the ring"


@dataclass(frozen=True, slots=True)
class Encoded:
    """A message as Kafka gets it."""

    message_id: str
    key: bytes
    value: bytes


@dataclass(frozen=True, slots=True)
class Arrival:
    """An event, as a reader of what is committed meets it.

    Attributes:
        at: by the wall clock, in seconds, as all times here.
        sent_at: when its message was handed to the publisher's client.
        model_s: what the model's calls took.
        prefix_s: how long the finished event waited for those before it in its partition.
        times: of each step, as the event has them.
    """

    at: float
    sent_at: float
    model_s: float
    prefix_s: float
    prompt_tokens: int
    times: Mapping[str, str]


@dataclass(slots=True)
class Rig:
    """What a benchmark holds of a running pipeline.

    Attributes:
        folder: has the services' logs.
    """

    kafka: KafkaSettings
    names: TopicNames
    folder: Path
    services: Services
    _producer: Producer = field(init=False)
    _reader: Consumer = field(init=False)
    _sent: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._producer = Producer(
            {**self.kafka.librdkafka(), "partitioner": PARTITIONER, "enable.idempotence": True, "linger.ms": 1} | _QUIET
        )
        self._reader = Consumer(
            {
                **self.kafka.librdkafka(),
                "group.id": "bench-reader",
                "enable.auto.commit": False,
                "isolation.level": "read_committed",
                **_QUIET,
            }
        )
        self._reader.assign([TopicPartition(self.names.events, one, 0) for one in range(PARTITIONS)])

    def publish(self, message: Encoded) -> None:
        """Hand one message over; its time begins here."""
        self._sent[message.message_id] = time.time()
        self._producer.produce(self.names.messages, message.value, message.key)

    def close(self) -> None:
        """Leave the broker."""
        self._reader.close()

    def flush(self) -> None:
        """Wait until Kafka has everything."""
        self._producer.flush()

    def arrivals(self, count: int) -> list[Arrival]:
        """So many events, in the order of their coming."""
        return self.read(self.records(count))

    def records(self, count: int) -> list[tuple[float, Any]]:
        """So many events, unread, and when each came."""
        found: list[tuple[float, Any]] = []
        quiet_since = time.monotonic()
        while len(found) < count:
            records = self.poll(0.5)
            if records:
                quiet_since = time.monotonic()
            elif time.monotonic() - quiet_since > _PATIENCE_S:
                raise SystemExit(f"{len(found)} of {count} events came, then none for {_PATIENCE_S:.0f} s")
            self.services.check()
            found += records
        return found

    def poll(self, seconds: float) -> list[tuple[float, Any]]:
        """Records that came and when, unread: reading them can wait until the measurement is over."""
        self._producer.poll(0)
        # librdkafka counts whole milliseconds: with less it would be asked again and again.
        first = self._reader.poll(math.ceil(seconds * 1000) / 1000)
        if first is None:
            return []
        records = [first, *self._reader.consume(500, timeout=0)]
        now = time.time()
        return [(now, record) for record in records if record.error() is None]

    def read(self, records: list[tuple[float, Any]]) -> list[Arrival]:
        """What the records say."""
        return [self._arrival(at, record) for at, record in records]

    def _arrival(self, at: float, record: Any) -> Arrival:
        event = orjson.loads(record.value())
        headers = dict(record.headers() or [])
        return Arrival(
            at,
            self._sent[event["message_id"]],
            event["usage"]["model_seconds"],
            float(headers.get("sentistream-prefix-ms", 0)) / 1000,
            event["usage"]["prompt_tokens"],
            event["times"],
        )


@contextmanager
def pipeline(environment: Mapping[str, str], title: str, *, optimised: bool = False) -> Iterator[Rig]:
    """Start everything, wait until messages would be answered, and stop it in the end.

    Args:
        environment: what stream and worker are told.
        title: of the row, for the lines about what goes on.
        optimised: let the broker compile as one of hours does; the caller warms it for minutes.
    """
    names = TopicNames(topic_prefix=f"bench-{secrets.token_hex(4)}.")
    with tempfile.TemporaryDirectory(prefix="sentistream-bench-") as name:
        folder = Path(name)
        stack = EmbeddedStack(folder, names=names, partitions=PARTITIONS, optimised=optimised)
        with working(f"{title}: Kafka and Redis"):
            stack.__enter__()
        try:
            own = {**environment_of(stack.kafka, stack.redis), **stack.environment()}
            with Services(folder, {**own, "WORKER_ID": "bench", **environment}) as services:
                with working(f"{title}: stream and worker"):
                    for one in ("streams", "worker"):
                        services.wait_until_ready(one, _START_DEADLINE_S, lambda: False)
                rig = Rig(stack.kafka, names, folder, services)
                yield rig
                rig.close()
        finally:
            stack.close()


def chatter(count: int, seed: int, conversations: int) -> list[Encoded]:
    """Talk of many conversations at once, the same for a seed; texts of 3 to 20 words.

    Made beforehand: the platforms that a pipeline serves have machines of their own.
    """
    draw, words = random.Random(seed), _TEXT.split()
    found = []
    for index in range(count):
        message = ChatMessage(
            message_id=f"{seed}-{index}",
            conversation_id=f"{seed}-{index % conversations}",
            speaker=draw.choice(("ann", "bob", "carla")),
            text=" ".join(draw.choices(words, k=draw.randint(3, 20))),
            sent_at=datetime.now(UTC),
        )
        found.append(Encoded(message.message_id, message.conversation_id.encode(), encode(message)))
    return found
