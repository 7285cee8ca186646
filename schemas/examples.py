"""One example of each message, as the generated documents show it."""

from datetime import UTC, datetime, timedelta
from typing import Final

from schemas.base import Message
from schemas.chat import ChatMessage, Source, Turn
from schemas.dead_letter import DeadLetter
from schemas.event import Answer, EmotionEvent, Round, Times, Usage
from schemas.feedback import EmotionLabel
from schemas.prompt import PromptParts
from schemas.relabel import Labelling, Relabel, relabel_id
from schemas.release import AdapterRelease
from schemas.request import Rejected, SanmRequest
from schemas.taxonomy import load_taxonomy

_SENT: Final = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
_SOURCE: Final = Source(topic_id="fQ3sVb5dQm2xvC0a9Tg1Wg", partition=2, offset=1041)
_HASH: Final = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
_MODEL: Final = "sentistream-enzh-37m"
_ADAPTER: Final = "20260301T031500Z-3f2a"


def examples() -> tuple[Message, ...]:
    """Examples of all records with a JSON value, along one message's way."""
    message = ChatMessage(
        message_id="m-77",
        conversation_id="room-12",
        speaker="ana",
        text="you said friday . it is monday .",
        sent_at=_SENT,
        language="en",
    )
    return message, _request(message), _rejected(), _event(message), _label(message), _release(), _relabel(message)


def dead_letter() -> DeadLetter:
    """The facts in a dead letter's headers."""
    return DeadLetter(
        topic="chat.messages",
        partition=2,
        offset=1042,
        reason="not_json",
        detail="record: Invalid JSON: expected value at line 1 column 1",
        source=_SOURCE.model_copy(update={"offset": 1042}),
        failed_at=_after(250),
    )


def _after(milliseconds: int) -> datetime:
    return _SENT + timedelta(milliseconds=milliseconds)


def _request(message: ChatMessage) -> SanmRequest:
    return SanmRequest(
        source=_SOURCE,
        after=1040,
        received_at=_after(20),
        message=message,
        prompt=PromptParts(
            template="completion",
            language="en",
            parts=("I", "H", "L"),
            history=(Turn(speaker="ben", text="i know , sorry"),),
            message=Turn(speaker=message.speaker, text=message.text),
            taxonomy="meld",
            labels=load_taxonomy("meld").labels,
        ),
        prompt_hash=_HASH,
        tokenizer=_HASH[::-1],
        requested_at=_after(30),
    )


def _rejected() -> Rejected:
    # The two are base64 on the wire, and read as such.
    return Rejected.model_validate(
        {
            "source": _SOURCE.model_copy(update={"offset": 1042}),
            "after": 1041,
            "received_at": _after(200),
            "reason": "not_json",
            "detail": "record: Invalid JSON: expected value at line 1 column 1",
            "key": b"cm9vbS0xMg==",
            "value": b"aGVsbG8=",
        }
    )


def _event(message: ChatMessage) -> EmotionEvent:
    generator = Answer(label="anger", scores={"anger": 0.44, "sadness": 0.41, "neutral": 0.15})
    discriminator = Answer(label="anger", scores={"anger": 0.62, "sadness": 0.28, "neutral": 0.10})
    return EmotionEvent(
        event_id=_SOURCE.event_id,
        message_id=message.message_id,
        conversation_id=message.conversation_id,
        tenant=message.tenant,
        speaker=message.speaker,
        text=message.text,
        language="en",
        status="labelled",
        label="anger",
        sentiment="negative",
        confidence=0.53,
        scores={"anger": 0.53, "sadness": 0.345, "neutral": 0.125},
        first_label="anger",
        rounds=(Round(number=1, generator=generator, discriminator=discriminator),),
        taxonomy="meld",
        mode="direct",
        policy="paper",
        model=_MODEL,
        adapter=_ADAPTER,
        prompt_hash=_HASH,
        source=_SOURCE,
        usage=Usage(model_calls=2, prompt_tokens=83, completion_tokens=2, model_seconds=0.041),
        times=Times(
            sent_at=_SENT,
            received_at=_after(20),
            requested_at=_after(30),
            taken_at=_after(45),
            decided_at=_after(90),
        ),
    )


def _label(message: ChatMessage) -> EmotionLabel:
    return EmotionLabel(
        event_id=_SOURCE.event_id,
        message_id=message.message_id,
        conversation_id=message.conversation_id,
        source=_SOURCE,
        taxonomy="meld",
        label="sadness",
        labelled_by="annotator-3",
        labelled_at=_SENT + timedelta(hours=2),
        model_label="anger",
        adapter=_ADAPTER,
    )


def _release() -> AdapterRelease:
    return AdapterRelease(
        model=_MODEL,
        version=_ADAPTER,
        status="released",
        uri="s3://models/sentistream-enzh-37m/20260301T031500Z-3f2a",
        sha256=_HASH,
        base_sha256="2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae",
        metrics={"weighted_f1": 0.58},
        previous="20260228T031500Z-91ce",
        reason="the gate let it pass",
        decided_at=_SENT - timedelta(days=1),
    )


def _relabel(message: ChatMessage) -> Relabel:
    version = "20260302T031500Z-3f2a"
    return Relabel(
        relabel_id=relabel_id(_SOURCE.event_id, _MODEL, version, "calibrated", 3, "meld"),
        event_id=_SOURCE.event_id,
        message_id=message.message_id,
        conversation_id=message.conversation_id,
        tenant=message.tenant,
        source=_SOURCE,
        taxonomy="meld",
        model=_MODEL,
        policy="calibrated",
        rounds=3,
        old=Labelling(status="labelled", label="anger", first_label="anger", confidence=0.53, adapter=_ADAPTER),
        new=Labelling(
            status="labelled",
            label="sadness",
            first_label="sadness",
            confidence=0.71,
            scores={"sadness": 0.71, "anger": 0.2, "neutral": 0.09},
            adapter=version,
        ),
        prompt_hash=_HASH,
        same_prompt=True,
        relabelled_at=_SENT + timedelta(days=1),
    )
