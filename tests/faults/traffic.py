"""What a platform would publish, and the fates that come of it while they come."""

import random
import time
from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any

from confluent_kafka import Consumer, Message, Producer, TopicPartition

from schemas.chat import ChatMessage
from schemas.codec import decode, encode
from schemas.dead_letter import DeadLetter
from schemas.event import EmotionEvent
from tests.streams.stream_rig import THEN, WORDS, StreamRig

#: Partition and offset in `chat.messages`.
Place = tuple[int, int]

_MALFORMED = (b"\xff\xfe", b"{", b'{"text": 1}', b"")
_MALFORMED_SHARE = 0.01


def talk(seed: int, conversations: int, malformed: float = _MALFORMED_SHARE) -> Iterator[tuple[bytes, bytes]]:
    """Key and value of chat messages for ever: long silences, late clocks, Chinese, long texts, and broken records."""
    draw = random.Random(seed)
    clock = [THEN] * conversations
    number = 0
    while True:
        conversation = draw.randrange(conversations)
        silence = timedelta(hours=2) if draw.random() < 0.02 else timedelta(seconds=draw.randint(-5, 60))
        clock[conversation] += silence
        words = draw.randint(150, 300) if draw.random() < 0.01 else draw.randint(1, 30)
        message = ChatMessage(
            message_id=f"m{number}",
            conversation_id=f"c{conversation}",
            speaker=draw.choice(("ann", "bob", "cem")),
            text="今天很难过" if draw.random() < 0.02 else " ".join(draw.choices(WORDS, k=words)),
            sent_at=clock[conversation],
        )
        broken = draw.random() < malformed
        yield message.conversation_id.encode(), draw.choice(_MALFORMED) if broken else encode(message)
        number += 1


class Traffic:
    """Publishes with the partitioner that platforms are told to use, and follows what comes out.

    Attributes:
        published: where Kafka put each record.
        done: those that have an event or a dead letter.
        published_at: when Kafka had each, by the wall clock.
        done_at: when its event or dead letter was read, likewise.
    """

    def __init__(
        self,
        rig: StreamRig,
        partitions: int,
        *,
        seed: int,
        conversations: int,
        malformed: float = _MALFORMED_SHARE,
    ) -> None:
        self.published: set[Place] = set()
        self.done: set[Place] = set()
        self.published_at: dict[Place, float] = {}
        self.done_at: dict[Place, float] = {}
        self._rig = rig
        self._talk = talk(seed, conversations, malformed)
        client: dict[str, Any] = {"bootstrap.servers": rig.bootstrap, "log_level": 0}
        self._producer = Producer({**client, "partitioner": "murmur2_random", "enable.idempotence": True})
        self._reader = Consumer(
            {**client, "group.id": "follower", "enable.auto.commit": False, "isolation.level": "read_committed"}
        )
        topics = (rig.names.events, rig.names.dead_letters)
        self._reader.assign([TopicPartition(topic, number, 0) for topic in topics for number in range(partitions)])

    @property
    def waiting(self) -> set[Place]:
        """Records that have no fate yet."""
        return self.published - self.done

    def publish(self, count: int) -> None:
        """So many more; returns when Kafka has them."""
        for _ in range(count):
            key, value = next(self._talk)
            self._producer.produce(self._rig.names.messages, value, key, on_delivery=self._delivered)
        assert self._producer.flush(60) == 0, "Kafka did not take the messages"

    def follow(self, seconds: float) -> None:
        """Look what has come out; waits so long for the first."""
        for message in self._reader.consume(2000, timeout=seconds):
            assert message.error() is None, message.error()
            source = source_of(message.topic() == self._rig.names.events, message.value(), message.headers() or [])
            self.done.add(source)
            self.done_at.setdefault(source, time.time())

    def follow_until_done(self, seconds: float) -> None:
        """Until each record has a fate."""
        deadline = time.monotonic() + seconds
        while self.waiting:
            assert time.monotonic() < deadline, f"no fate: {sorted(self.waiting)[:20]}"
            self.follow(0.2)

    def close(self) -> None:
        """Let go of Kafka."""
        self._reader.close()

    def _delivered(self, error: object, message: Message) -> None:
        place = self._place(error, message)
        self.published.add(place)
        self.published_at[place] = time.time()

    @staticmethod
    def _place(error: object, message: Message) -> Place:
        assert error is None, error
        partition, offset = message.partition(), message.offset()
        assert partition is not None
        assert offset is not None
        return partition, offset


def source_of(is_event: bool, value: bytes | None, headers: Sequence[tuple[str, Any]]) -> Place:  # noqa: FBT001
    """The record of `chat.messages` that an event or a dead letter is about."""
    source = decode(EmotionEvent, value).source if is_event else DeadLetter.from_headers(list(headers)).source
    assert source is not None, "a dead letter that names no message"
    return source.partition, source.offset
