"""A platform in small: messages, the events of a model that people then correct, on the real Kafka."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from confluent_kafka import Producer, TopicPartition
from confluent_kafka.admin import AdminClient

from prompts.parts import prompt_hash
from prompts.profile import SHIPPED_MODEL
from prompts.settings import PromptSettings, ServedBuilders
from prompts.windows import OfflineWindows
from schemas.adapter import OffsetSpan
from schemas.base import Message
from schemas.chat import ChatMessage, Source
from schemas.codec import encode
from schemas.connections import KafkaSettings
from schemas.event import EmotionEvent, Times
from schemas.feedback import EmotionLabel
from schemas.topics import TopicNames
from trainer.feedback.collect import collect
from trainer.feedback.labelled import Collected
from trainer.feedback.spans import current_spans, topic_shape

THEN = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
SAID = ("you said friday", "it is monday", "so where is it", "i will look", "thank you so much", "what a day")
MODEL = SHIPPED_MODEL
VERSION = "20261121T031500Z-3f2a"


def chat(conversation: str, at: float, text: str = "", **changed: Any) -> ChatMessage:
    """A message so many seconds after the start."""
    given: dict[str, Any] = {
        "message_id": f"{conversation}-{at:g}",
        "conversation_id": conversation,
        "speaker": ("ana", "ben")[int(at) % 2],
        "text": text or SAID[int(at) % len(SAID)],
        "sent_at": THEN + timedelta(seconds=at),
    }
    return ChatMessage(**(given | changed))


class Platform:
    """One set of topics, with what stands in them."""

    def __init__(self, connection: KafkaSettings, names: TopicNames, **settings: Any) -> None:
        self.connection = connection
        self.names = names
        self.topic_id = topic_shape(connection, names.messages).topic_id
        self.builders = ServedBuilders(PromptSettings(**settings))
        self.sent: dict[Source, ChatMessage] = {}
        self._windows: dict[tuple[int, str], OfflineWindows] = {}
        self._hashes: dict[tuple[Source, str], str] = {}
        self._producer = self.producer()

    def producer(self, **options: str) -> Producer:
        return Producer({**self.connection.librdkafka(), "enable.idempotence": True, "log_level": 0, **options})

    def write(self, topic: str, value: bytes | None, partition: int = 0) -> int:
        """Any bytes; their offset."""
        offsets: list[int] = []
        self._producer.produce(
            topic, value, partition=partition, on_delivery=lambda _, record: offsets.append(record.offset())
        )
        assert self._producer.flush(30) == 0
        return offsets[0]

    def say(self, messages: Iterable[ChatMessage], partition: int = 0) -> list[Source]:
        """Publish messages."""
        sources = []
        for message in messages:
            offset = self.write(self.names.messages, encode(message), partition)
            sources.append(Source(topic_id=self.topic_id, partition=partition, offset=offset))
            self.sent[sources[-1]] = message
        return sources

    def event(self, source: Source, label: str | None = "neutral", **changed: Any) -> EmotionEvent:
        """The event of a message, as stream and worker make it; each message's first must come in their order."""
        message = self.sent[source]
        taxonomy = changed.get("taxonomy", self.builders.usual)
        if (source, taxonomy) not in self._hashes:
            windows = self._windows.setdefault((source.partition, taxonomy), OfflineWindows(self.builders.of(taxonomy)))
            ((_, parts),) = windows.prompts([(source, message)])
            self._hashes[source, taxonomy] = prompt_hash(parts)
        given: dict[str, Any] = {
            "event_id": source.event_id,
            "message_id": message.message_id,
            "conversation_id": message.conversation_id,
            "tenant": message.tenant,
            "speaker": message.speaker,
            "language": "en",
            "status": "labelled",
            "label": label,
            "first_label": label,
            "taxonomy": taxonomy,
            "mode": "direct",
            "policy": "calibrated",
            "model": MODEL,
            "adapter": VERSION,
            "prompt_hash": self._hashes[source, taxonomy],
            "replay": message.replay_of is not None,
            "source": source,
            "times": Times(**dict.fromkeys(Times.model_fields, THEN)),
        }
        return EmotionEvent(**(given | changed))

    def answer(self, sources: Iterable[Source], **changed: Any) -> None:
        """Publish the events of messages."""
        for source in sources:
            self.publish(self.names.events, self.event(source, **changed), source.partition)

    def label(self, source: Source, label: str | None, /, by: str = "ada", at: float = 0, **changed: Any) -> int:
        """Publish what a person says; the label's offset."""
        message = self.sent[source]
        given: dict[str, Any] = {
            "event_id": source.event_id,
            "message_id": message.message_id,
            "conversation_id": message.conversation_id,
            "source": source,
            "taxonomy": "meld",
            "label": label,
            "labelled_by": by,
            "labelled_at": THEN + timedelta(hours=1, seconds=at),
            "model_label": "neutral",
            "adapter": VERSION,
        }
        return self.publish(self.names.labels, EmotionLabel(**(given | changed)), source.partition)

    def publish(self, topic: str, message: Message, partition: int = 0) -> int:
        return self.write(topic, encode(message), partition)

    def conversation(self, name: str = "c", turns: int = 4, partition: int = 0) -> list[Source]:
        """Messages with their events."""
        sources = self.say([chat(name, at) for at in range(turns)], partition)
        self.answer(sources)
        return sources

    def delete(self, topic: str, before: int, partition: int = 0) -> None:
        """What retention does."""
        admin = AdminClient(self.connection.librdkafka())
        for future in admin.delete_records([TopicPartition(topic, partition, before)]).values():
            future.result(20)

    def spans(self) -> tuple[OffsetSpan, ...]:
        return current_spans(self.connection, self.names)

    def collect(self, spans: tuple[OffsetSpan, ...] | None = None, **options: Any) -> Collected:
        return collect(self.connection, self.names, self.builders, spans, **options)
