"""Events: as lists, the stream, a conversation and a single one show them."""

from datetime import datetime
from typing import Annotated

from pydantic import Field

from console.api.models.base import Cursor, Reply, Share
from schemas.event import Deduction, Mode, Policy, Round, Status, Usage
from schemas.taxonomy import Sentiment


class EventRow(Reply):
    """One message and its emotion.

    Attributes:
        sequence: the order in which the store took events; rises, with holes.
        text: null where the platform's settings keep it out of events, or the conversation was forgotten.
        label: what holds now: the last correction by a person, else the model's label; null for an outlier.
        model_label: what the model said; null for an outlier or an unsupported language.
        sentiment: of `label`.
        confidence: the model's, in `model_label`; null where it has none.
        valence: from -1 (negative) to 1 (positive), from the model's scores, or from `label` once it is corrected.
        flipped: the label is not what the generator said first.
        corrected: a person's label holds.
        my_label: what the token that asks said of it; null where it said nothing.
        label_count: how many people's labels stand.
        latency_ms: from sending to the decision.
    """

    sequence: int
    event_id: str
    message_id: str
    conversation_id: str
    tenant: str
    speaker: str
    text: str | None
    language: str
    status: Status
    label: str | None
    model_label: str | None
    sentiment: Sentiment | None
    confidence: Share | None
    valence: Annotated[float, Field(ge=-1, le=1)] | None
    first_label: str | None
    flipped: bool
    corrected: bool
    my_label: str | None
    label_count: int
    taxonomy: str
    model: str
    adapter: str | None
    mode: Mode
    policy: Policy
    degraded: bool
    replay: bool
    sent_at: datetime
    decided_at: datetime
    latency_ms: float


class StepTimes(Reply):
    """Milliseconds from one step to the next.

    Attributes:
        transport: from the platform to the stream.
        window: history, retrieval and the prompt's parts.
        queue: until the worker took it.
        model: until it was decided.
    """

    transport: float
    window: float
    queue: float
    model: float


class GivenLabel(Reply):
    """One person's label of one message.

    Attributes:
        label: null where it was taken back.
        model_label: what the event had said.
    """

    event_id: str
    message_id: str
    conversation_id: str
    tenant: str
    speaker: str
    text: str | None
    taxonomy: str
    label: str | None
    model_label: str | None
    adapter: str | None
    labelled_by: str
    labelled_at: datetime


class EventDetail(EventRow):
    """All that is known of one message.

    Attributes:
        scores: probability by label.
        candidates: the labels that were on the table, the likeliest first (outliers).
        rounds: what the generator and the discriminator said in each round of the negotiation.
        deduction: scenario, people and relationships, as the model sees them (reasoned mode).
        labels: of people, the newest first.
    """

    scores: dict[str, float]
    candidates: tuple[str, ...]
    rounds: tuple[Round, ...]
    deduction: Deduction | None
    usage: Usage
    prompt_hash: str
    steps: StepTimes
    labels: tuple[GivenLabel, ...]


class EventPage(Reply):
    """Events, the newest first. A page may be shorter than `limit`, even empty, and still have a next one."""

    events: tuple[EventRow, ...]
    next_cursor: Cursor


class StreamEvents(Reply):
    """The data of an `events` message of the stream: new events that pass the filters, the oldest first.

    Attributes:
        events: the newest of the batch where there were more than fit (`skipped` says how many were not sent);
            a client that resumes with Last-Event-ID, or asks with `every=true`, is sent all.
    """

    events: tuple[EventRow, ...]
    skipped: int = 0


class StreamChanges(Reply):
    """The data of a `changes` message: events whose label changed because a person labelled them."""

    events: tuple[EventRow, ...]


class StreamPulse(Reply):
    """The data of a `pulse` message, every few seconds, also when nothing happens.

    Attributes:
        per_second: events that the store took in the last ten seconds, of what the token may see, by second.
        total: events stored that the token may see.
        newest_sent_at: of the newest event; null in an empty store.
    """

    server_time: datetime
    per_second: float
    total: int
    newest_sent_at: datetime | None


class ConversationRow(Reply):
    """One conversation.

    Attributes:
        turns: messages with an event.
        negative_share: of all turns.
        recent_negative: the same with the last few turns counting most.
        rising: `recent_negative` less the conversation's usual share; above 0, it is turning worse.
    """

    conversation_id: str
    tenant: str
    language: str
    turns: int
    outliers: int
    flips: int
    corrected: int
    negative_share: Share
    recent_negative: Share
    rising: Annotated[float, Field(ge=-1, le=1)]
    last_label: str | None
    last_sentiment: Sentiment | None
    last_speaker: str
    first_at: datetime
    last_at: datetime


class ConversationPage(Reply):
    """Conversations, the most recent or the fastest rising first."""

    conversations: tuple[ConversationRow, ...]
    next_cursor: Cursor


class ConversationDetail(Reply):
    """A conversation and its turns, the oldest of the page first; the first page holds the newest turns.

    Attributes:
        next_cursor: leads to the turns before these.
    """

    conversation: ConversationRow
    turns: tuple[EventDetail, ...]
    next_cursor: Cursor
