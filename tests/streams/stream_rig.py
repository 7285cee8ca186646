"""Messages in, requests out, and real stream processes between that can be killed."""

import contextlib
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition

from prompts.parts import PartsBuilder
from schemas.chat import ChatMessage
from schemas.codec import decode_request, encode
from schemas.request import Rejected, SanmRequest
from schemas.topics import TopicNames
from streams.replay import expected_hashes
from tests.waiting import wait_for

THEN = datetime(2024, 5, 1, tzinfo=UTC)
WORDS = [
    "well",
    "i",
    "never",
    "said",
    "that",
    "you",
    "could",
    "take",
    "the",
    "last",
    "slice",
    "of",
    "my",
    "birthday",
    "cake",
    "did",
    "not",
]

#: Partition, key, value.
Published = tuple[int, bytes | None, bytes | None]
#: By partition, in order.
Requests = dict[int, list[SanmRequest | Rejected]]


def make_messages(count: int, *, conversations: int = 20, seed: int = 1) -> list[ChatMessage]:
    """Messages of several conversations in turn, some after long silences."""
    draw = random.Random(seed)
    clock = dict.fromkeys(range(conversations), THEN)
    made = []
    for index in range(count):
        conversation = draw.randrange(conversations)
        clock[conversation] += timedelta(hours=2) if draw.random() < 0.02 else timedelta(seconds=draw.randint(1, 60))
        made.append(
            ChatMessage(
                message_id=f"m{index}",
                conversation_id=f"c{conversation}",
                speaker=draw.choice(("ann", "bob", "cem")),
                text=" ".join(draw.choices(WORDS, k=draw.randint(1, 30))),
                sent_at=clock[conversation],
            )
        )
    return made


def published(messages: Iterable[ChatMessage], partitions: int = 3) -> list[Published]:
    """Each conversation in one partition."""
    return [(int(one.conversation_id[1:]) % partitions, one.conversation_id.encode(), encode(one)) for one in messages]


class StreamRig:
    """One set of topics and everything around the stream."""

    def __init__(self, bootstrap: str, redis_url: str, names: TopicNames, model: Path) -> None:
        self.bootstrap = bootstrap
        self.redis_url = redis_url
        self.names = names
        self.environment = {
            **os.environ,
            "KAFKA_BOOTSTRAP_SERVERS": bootstrap,
            "KAFKA_SESSION_TIMEOUT_MS": "6000",
            "REDIS_URL": redis_url,
            "TOPIC_PREFIX": names.topic_prefix,
            "STREAMS_GROUP": f"{names.topic_prefix}streams",
            "STREAMS_PORT": "0",
            "MODEL": str(model),
            "LOG_FORMAT": "json",
        }

    def publish(self, records: Iterable[Published], **options: str) -> None:
        config = {"bootstrap.servers": self.bootstrap, "linger.ms": 5, "message.max.bytes": 2_000_000}
        producer = Producer({**config, **options})
        for partition, key, value in records:
            producer.produce(self.names.messages, value=value, key=key, partition=partition)
            producer.poll(0)
        assert producer.flush(30) == 0

    @contextmanager
    def stream(self, log: Path, *command: str, **settings: str) -> Iterator[subprocess.Popen[bytes]]:
        """A stream as a child process; killed at the end if it still runs."""
        arguments = command or (sys.executable, "-m", "sentistream", "streams")
        with log.open("ab") as output:
            child = subprocess.Popen(arguments, stderr=output, stdout=output, env={**self.environment, **settings})
        try:
            yield child
        finally:
            if child.poll() is None:
                child.kill()
            child.wait(30)

    def requests(self, partitions: int = 3) -> Requests:
        """All requests so far, as a read_committed reader sees them."""
        return {
            partition: [decode_request(value) for _, _, value, _ in found]
            for partition, found in self.read(self.names.requests, partitions).items()
        }

    def read(
        self, topic: str, partitions: int = 3
    ) -> dict[int, list[tuple[int, bytes | None, bytes | None, Sequence[tuple[str, bytes]]]]]:
        """Offset, key, value, headers of every record."""
        consumer = Consumer(
            {
                "bootstrap.servers": self.bootstrap,
                "group.id": "reader",
                "enable.auto.commit": False,
                "isolation.level": "read_committed",
                "enable.partition.eof": False,
            }
        )
        found: dict[int, list[tuple[int, bytes | None, bytes | None, Sequence[tuple[str, bytes]]]]] = {}
        try:
            for partition in range(partitions):
                place = TopicPartition(topic, partition, 0)
                end = _log_end(consumer, place)
                consumer.assign([place])
                rows = found.setdefault(partition, [])
                deadline = time.monotonic() + 60
                while consumer.position([place])[0].offset < end and end > 0:
                    for message in consumer.consume(5000, timeout=0.2):
                        assert message.error() is None
                        offset = message.offset()
                        assert offset is not None
                        rows.append((offset, message.key(), message.value(), message.headers() or []))
                    assert time.monotonic() < deadline, "requests could not be read"
        finally:
            consumer.close()
        return found

    def committed(self, partitions: int = 3) -> dict[int, int]:
        """The stream's committed offsets; -1 for none."""
        group = f"{self.names.topic_prefix}streams"
        consumer = Consumer({"bootstrap.servers": self.bootstrap, "group.id": group})
        try:
            places = [TopicPartition(self.names.messages, number) for number in range(partitions)]
            return {one.partition: max(one.offset, -1) for one in consumer.committed(places, timeout=10)}
        finally:
            consumer.close()

    def done(self, partitions: int = 3) -> int:
        """Messages that are committed, in all partitions; 0 while a broker that has just started does not know."""
        with contextlib.suppress(KafkaException):
            return sum(max(offset, 0) for offset in self.committed(partitions).values())
        return 0

    def wait_for_requests(self, sources: int, seconds: float = 120.0) -> Requests:
        """Until so many messages have a request."""
        found: Requests = {}

        def enough() -> bool:
            found.update(self.requests())
            return len({one.source.event_id for rows in found.values() for one in rows}) >= sources

        wait_for(enough, f"{sources} requests", seconds)
        return found


def _log_end(consumer: Consumer, place: TopicPartition) -> int:
    """A new topic's partition may have no leader for a moment."""
    end = -1

    def known() -> bool:
        nonlocal end
        with contextlib.suppress(KafkaException):
            _, end = consumer.get_watermark_offsets(place, timeout=10)
        return end >= 0

    wait_for(known, f"the end of {place}")
    return end


def wait_for_log(log: Path, event: str, seconds: float = 60.0) -> None:
    wait_for(lambda: log.exists() and f'"{event}"' in log.read_text(), f"{event} in {log}", seconds)


def stop(child: subprocess.Popen[bytes], seconds: float = 60.0) -> int:
    child.send_signal(signal.SIGTERM)
    return child.wait(seconds)


def check_like_offline(rig: StreamRig, found: Requests, builder: PartsBuilder) -> None:
    """Every message has a request; the same message always the same prompt, the one of an offline replay."""
    for partition, others in unlike_offline(rig, found, builder).items():
        assert not others, f"partition {partition}: {len(others)} other prompts, first at {others[0].source.offset}"


def unlike_offline(rig: StreamRig, found: Requests, builder: PartsBuilder) -> dict[int, list[SanmRequest]]:
    """By partition, the requests with another prompt than an offline replay gives; every message must have one."""
    others: dict[int, list[SanmRequest]] = {}
    for partition, records in rig.read(rig.names.messages).items():
        requests = [one for one in found[partition] if isinstance(one, SanmRequest)]
        topic_id = requests[0].source.topic_id if requests else ""
        values = [(offset, value) for offset, _, value, _ in records]
        expected = {source.offset: one for source, one in expected_hashes(topic_id, partition, values, builder)}
        assert {one.source.offset for one in requests} == set(expected), f"partition {partition}: other messages"
        others[partition] = [one for one in requests if one.prompt_hash != expected[one.source.offset]]
    return others


def accepted(requests: Sequence[SanmRequest | Rejected]) -> tuple[list[int], list[int]]:
    """What a worker takes (guarantee 2): the offsets it accepts, and those that it sees as gaps."""
    mark: int | None = None
    taken, gaps = [], []
    for one in requests:
        if mark is not None and one.source.offset <= mark:
            continue
        if mark is None or one.after <= mark:
            mark = one.source.offset
            taken.append(mark)
        else:
            gaps.append(one.source.offset)
    return taken, gaps
