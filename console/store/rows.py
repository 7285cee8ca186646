"""A record of ``emotion.events`` as rows."""

from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any, Final

from schemas.errors import SchemaError
from schemas.event import EmotionEvent
from schemas.taxonomy import Sentiment, Taxonomy, load_taxonomy

#: Outliers are reviewed before anything that has a confidence.
OUTLIERS_FIRST: Final = -1.0
_POLES: Final = {"positive": 1.0, "neutral": 0.0, "negative": -1.0}


@dataclass(frozen=True, slots=True)
class Place:
    """Where a record stands; the topic's id tells a topic made anew from the one before."""

    topic_id: str
    partition: int
    offset: int


@dataclass(frozen=True, slots=True)
class PlacedEvent:
    """An event and the record that carried it."""

    event: EmotionEvent
    place: Place
    traceparent: str | None = None


def milliseconds(time: datetime) -> int:
    """Since 1970, UTC."""
    return round(time.timestamp() * 1000)


def event_row(event: EmotionEvent, now_ms: int, taxonomy: Taxonomy | None) -> dict[str, Any]:
    """The row of `Event` without its id, as the model left it: nobody has labelled it yet.

    Args:
        event: as it was read.
        now_ms: when it is stored.
        taxonomy: the event's, for its valence; None where it is not known here.
    """
    sent, decided = milliseconds(event.times.sent_at), milliseconds(event.times.decided_at)
    return {
        "event_id": event.event_id,
        "message_id": storable(event.message_id),
        "tenant": storable(event.tenant),
        "conversation_id": storable(event.conversation_id),
        "speaker": storable(event.speaker),
        "text": None if event.text is None else storable(event.text),
        "language": storable(event.language),
        "status": event.status,
        "taxonomy": storable(event.taxonomy),
        "label": event.label,
        "sentiment": event.sentiment,
        "confidence": event.confidence,
        "current_label": event.label,
        "current_sentiment": event.sentiment,
        "valence": valence(event.scores, event.sentiment, taxonomy),
        "label_count": 0,
        "corrected": False,
        "first_label": event.first_label,
        "flip": event.label is not None and event.first_label is not None and event.label != event.first_label,
        "review_order": _review_order(event),
        "degraded": event.degraded,
        "replay": event.replay,
        "mode": event.mode,
        "policy": event.policy,
        "model": storable(event.model),
        "adapter": event.adapter,
        "sent_ms": sent,
        "decided_ms": decided,
        "stored_ms": now_ms,
        "latency_ms": max(decided - sent, 0),
        "model_ms": round(event.usage.model_seconds * 1000),
    }


def detail_row(id_: int, placed: PlacedEvent) -> dict[str, Any]:
    """The row of `EventDetail`."""
    event, place, times = placed.event, placed.place, placed.event.times
    return {
        "id": id_,
        "scores": event.scores,
        "candidates": list(event.candidates),
        "rounds": [one.model_dump(mode="json", exclude_none=True) for one in event.rounds],
        "deduction": event.deduction.model_dump(mode="json") if event.deduction else None,
        "usage": event.usage.model_dump(mode="json"),
        "prompt_hash": event.prompt_hash,
        "received_ms": milliseconds(times.received_at),
        "requested_ms": milliseconds(times.requested_at),
        "taken_ms": milliseconds(times.taken_at),
        "source_topic_id": event.source.topic_id,
        "source_partition": event.source.partition,
        "source_offset": event.source.offset,
        "record_topic_id": place.topic_id,
        "record_partition": place.partition,
        "record_offset": place.offset,
        "traceparent": placed.traceparent,
    }


def valence(scores: dict[str, float], sentiment: str | None, taxonomy: Taxonomy | None) -> float | None:
    """From -1 to 1: positive minus negative mass of the scores; without scores, by the sentiment alone."""
    if scores and taxonomy is not None:
        mass = {label.name: _POLES.get(label.sentiment or "neutral", 0.0) for label in taxonomy.labels}
        return max(-1.0, min(1.0, sum(mass.get(name, 0.0) * score for name, score in scores.items())))
    return None if sentiment is None else _POLES[sentiment]


def sentiment_of(label: str, scores: dict[str, float], taxonomy: Taxonomy | None) -> Sentiment | None:
    """Of a label that a person gave; None where the taxonomy has no such label."""
    if taxonomy is None or all(one.name != label for one in taxonomy.labels):
        return None
    return taxonomy.sentiment(label, scores)


def storable(text: str) -> str:
    """PostgreSQL's text holds no NUL; all else that JSON can carry, it takes."""
    return text.replace("\x00", "\ufffd") if "\x00" in text else text


class Taxonomies:
    """Label sets by the name that a record gives.

    Args:
        folder: with those of the platform's own.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._load = cache(lambda name: _load(name, folder))

    def find(self, name: str) -> Taxonomy | None:
        """None where there is none of this name."""
        # The name is a record's: it must not be able to name a file elsewhere.
        return self._load(name) if name.replace("-", "").replace("_", "").isalnum() else None


def _load(name: str, folder: Path | None) -> Taxonomy | None:
    try:
        return load_taxonomy(name, folder)
    except SchemaError:
        return None


def _review_order(event: EmotionEvent) -> float | None:
    if event.outlier:
        return OUTLIERS_FIRST
    return event.confidence if event.status == "labelled" else None
