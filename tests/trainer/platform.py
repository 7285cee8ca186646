"""A platform's traffic on the real Kafka, and the events that a worker would have written for it; no worker needed."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from confluent_kafka import Producer

from prompts.parts import PartsBuilder, prompt_hash
from prompts.windows import OfflineWindows
from schemas.chat import ChatMessage, Source
from schemas.codec import encode
from schemas.connections import KafkaSettings
from schemas.event import Answer, EmotionEvent, Round, Times
from schemas.feedback import EmotionLabel
from schemas.topics import TopicNames
from trainer.feedback.spans import topic_shape
from trainer.watch.partitions import committed_records

LABELS = ("neutral", "joy", "sadness", "anger")
SAID = ("good news", "bad news", "so what", "it is news")


@dataclass(frozen=True, slots=True)
class Platform:
    """Attributes: how to reach Kafka; the topics; the stream's prompt builder; partitions."""

    connection: KafkaSettings
    names: TopicNames
    builder: PartsBuilder
    partitions: int
    topic_id: str

    @classmethod
    def of(cls, connection: KafkaSettings, names: TopicNames, builder: PartsBuilder) -> "Platform":
        shape = topic_shape(connection, names.messages)
        return cls(connection, names, builder, shape.partitions, shape.topic_id)

    def publish(self, count: int, at: datetime, *, conversations: int = 6, first: int = 0) -> list[ChatMessage]:
        """So many messages, a second apart; Kafka's time stamps are the times they were sent."""
        producer = self._producer()
        messages = []
        for number in range(first, first + count):
            conversation = number % conversations
            message = ChatMessage(
                message_id=f"m{number}",
                conversation_id=f"c{conversation}",
                speaker=("ada", "bo")[number // conversations % 2],
                text=f"{SAID[number % 4]} {'news ' * (number % 5)}",
                sent_at=at + timedelta(seconds=number - first),
                language="en",
            )
            messages.append(message)
            stamp = int(message.sent_at.timestamp() * 1000)
            producer.produce(
                self.names.messages,
                encode(message),
                message.conversation_id.encode(),
                conversation % self.partitions,
                timestamp=stamp,
            )
        assert producer.flush(30) == 0
        return messages

    def messages(self) -> Iterator[tuple[Any, ChatMessage]]:
        """What `chat.messages` holds, partition by partition."""
        for record in self.records(self.names.messages):
            yield record, ChatMessage.model_validate_json(record.value())

    def answer_all(
        self, label: Callable[[ChatMessage], str | None], *, adapter: str | None = None, after: Sequence[Source] = ()
    ) -> list[EmotionEvent]:
        """The event of every message that is not in `after`, in its partition, as a worker writes them."""
        producer = self._producer()
        windows = {number: OfflineWindows(self.builder) for number in range(self.partitions)}
        events = []
        for record, message in self.messages():
            source = Source(topic_id=self.topic_id, partition=record.partition(), offset=record.offset())
            ((_, parts),) = windows[source.partition].prompts([(source, message)])
            if source in after:
                continue
            event = make_event(
                source,
                message,
                label(message),
                adapter=adapter,
                model=self.builder.profile.name,
                hashed=prompt_hash(parts),
                taxonomy=parts.taxonomy,
            )
            events.append(event)
            producer.produce(
                self.names.events, encode(event), record.key(), source.partition, timestamp=record.timestamp()[1] + 50
            )
        assert producer.flush(30) == 0
        return events

    def correct(self, labels: Sequence[EmotionLabel]) -> None:
        """People's labels, in order."""
        producer = self._producer()
        for number, one in enumerate(labels):
            key = one.conversation_id.encode()
            producer.produce(self.names.labels, encode(one), key, number % self.partitions)
        assert producer.flush(30) == 0

    def records(self, topic: str) -> list[Any]:
        """All committed records of a topic, partition by partition."""
        shape = topic_shape(self.connection, topic)
        return [
            record
            for number in range(shape.partitions)
            for record in committed_records(self.connection, topic, number, 0, 1 << 40)
        ]

    def _producer(self) -> Producer:
        return Producer({**self.connection.librdkafka(), "enable.idempotence": True})


def make_event(
    source: Source,
    message: ChatMessage,
    label: str | None,
    *,
    adapter: str | None = None,
    model: str = "tiny",
    hashed: str = "h",
    taxonomy: str = "meld",
) -> EmotionEvent:
    """An event as a worker writes it; without a label, an outlier."""
    said = Answer(label=label or "joy", scores={label or "joy": 0.6})
    return EmotionEvent(
        event_id=source.event_id,
        message_id=message.message_id,
        conversation_id=message.conversation_id,
        tenant=message.tenant,
        speaker=message.speaker,
        language="en",
        status="labelled" if label else "outlier",
        label=label,
        first_label=label or "joy",
        confidence=0.6 if label else None,
        rounds=(Round(number=1, generator=said),),
        taxonomy=taxonomy,
        mode="direct",
        policy="calibrated",
        model=model,
        adapter=adapter,
        prompt_hash=hashed,
        source=source,
        times=Times(**dict.fromkeys(Times.model_fields, message.sent_at)),
    )


def make_label(event: EmotionEvent, label: str | None, *, by: str = "ann", at: datetime | None = None) -> EmotionLabel:
    """A person's label of an event."""
    return EmotionLabel(
        event_id=event.event_id,
        message_id=event.message_id,
        conversation_id=event.conversation_id,
        source=event.source,
        taxonomy=event.taxonomy,
        label=label,
        labelled_by=by,
        labelled_at=at or datetime.now(UTC),
        model_label=event.label,
        adapter=event.adapter,
    )
