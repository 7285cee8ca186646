"""Events and dead letters as a worker would write them."""

from datetime import UTC, datetime

from schemas.chat import Source
from schemas.dead_letter import DeadLetter, DeadLetterReason
from schemas.event import Answer, EmotionEvent, Round, Times, Usage
from sentistream.publisher import Place
from sentistream.watcher import Observation

THEN = datetime(2026, 3, 1, 12, tzinfo=UTC)
TOPIC_ID = "topic-id"


def source_of(place: Place, topic_id: str = TOPIC_ID) -> Source:
    return Source(topic_id=topic_id, partition=place.partition, offset=place.offset)


def make_event(
    place: Place, label: str | None = "joy", first: str | None = None, *, rounds: int = 1, topic_id: str = TOPIC_ID
) -> EmotionEvent:
    source = source_of(place, topic_id)
    said = Answer(label=first or label)
    return EmotionEvent(
        event_id=source.event_id,
        message_id="m",
        conversation_id="c",
        tenant="default",
        speaker="ana",
        language="en",
        status="labelled" if label else "outlier",
        label=label,
        sentiment="positive" if label else None,
        first_label=first or label,
        candidates=() if label else ("joy", "anger"),
        rounds=tuple(Round(number=number + 1, generator=said) for number in range(rounds)),
        taxonomy="meld",
        mode="direct",
        policy="paper",
        model="test",
        prompt_hash="0" * 64,
        source=source,
        usage=Usage(model_calls=2 * rounds),
        times=Times(sent_at=THEN, received_at=THEN, requested_at=THEN, taken_at=THEN, decided_at=THEN),
    )


def make_letter(
    place: Place, reason: DeadLetterReason = "not_json", *, topic: str = "chat.messages", topic_id: str = TOPIC_ID
) -> DeadLetter:
    return DeadLetter(
        topic=topic,
        partition=place.partition,
        offset=place.offset,
        reason=reason,
        detail="what was wrong",
        source=source_of(place, topic_id),
        failed_at=THEN,
    )


def observed(place: Place, at: float, label: str | None = "joy", first: str | None = None) -> Observation:
    return Observation(place, at, event=make_event(place, label, first))
