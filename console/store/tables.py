"""Every table of the event store. Times are whole milliseconds since 1970, UTC.

One writer fills them (`console.store.writer`), so ``events.id`` grows in the order of commits: whoever has read up to
an id has missed nothing before it.
"""

from typing import Any, Final

from sqlalchemy import JSON, BigInteger, Float, ForeignKey, Index, Integer, MetaData, UniqueConstraint
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

#: Names by rule, so that migrations find them on every database.
_NAMES: Final = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}
#: SQLite gives out ids by itself for INTEGER alone.
Id: Final = BigInteger().with_variant(Integer, "sqlite")
#: Ids are never given out again, or a reader that goes on from one would miss rows.
NEVER_AGAIN: Final = {"sqlite_autoincrement": True}

#: Widths of `Bucket`, in seconds.
MINUTE: Final = 60
HOUR: Final = 3_600
DAY: Final = 86_400
WIDTHS: Final = (MINUTE, HOUR, DAY)
#: Stands for "no label" where a column is part of a key, and for "no adapter": the base model.
NONE: Final = ""


class Base(DeclarativeBase):
    """What all tables share."""

    metadata = MetaData(naming_convention=_NAMES)
    type_annotation_map = {int: BigInteger, float: Float, dict[str, Any]: JSON, list[Any]: JSON}  # noqa: RUF012 - as SQLAlchemy has it


class Event(Base):
    """One emotion event, with what is shown in lists. What only a conversation's page shows is in `EventDetail`.

    Attributes:
        id: grows with each event that is stored.
        label: what the model said; ``sentiment`` and ``confidence`` are its own too. None without a label.
        current_label: what the last person to label it said, else ``label``; ``current_sentiment`` goes with it.
        valence: from -1 (negative) to 1 (positive): the scores' mass, or of what a person said.
        label_count: how many people's labels stand; 0 has not been reviewed.
        corrected: a person's label stands that is not the model's.
        flip: the label is not the generator's first answer.
        review_order: the smaller, the sooner it should be looked at: -1 for outliers, else the confidence; None for
            what needs no review.
        latency_ms: from sent to decided.
    """

    __tablename__ = "events"

    id: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=True)
    event_id: Mapped[str] = mapped_column(unique=True)
    message_id: Mapped[str]
    tenant: Mapped[str]
    conversation_id: Mapped[str]
    speaker: Mapped[str]
    text: Mapped[str | None]
    language: Mapped[str]
    status: Mapped[str]
    taxonomy: Mapped[str]
    label: Mapped[str | None]
    sentiment: Mapped[str | None]
    confidence: Mapped[float | None]
    current_label: Mapped[str | None]
    current_sentiment: Mapped[str | None]
    valence: Mapped[float | None]
    label_count: Mapped[int] = mapped_column(default=0)
    corrected: Mapped[bool] = mapped_column(default=False)
    first_label: Mapped[str | None]
    flip: Mapped[bool]
    review_order: Mapped[float | None]
    degraded: Mapped[bool]
    replay: Mapped[bool]
    mode: Mapped[str]
    policy: Mapped[str]
    model: Mapped[str]
    adapter: Mapped[str | None]
    sent_ms: Mapped[int]
    decided_ms: Mapped[int]
    stored_ms: Mapped[int]
    latency_ms: Mapped[int]
    model_ms: Mapped[int]

    __table_args__ = (
        # Lists are newest first by (sent_ms, id); each filter that may find few rows among many has its index.
        Index(None, "sent_ms", "id"),
        Index(None, "tenant", "sent_ms", "id"),
        Index(None, "current_label", "sent_ms", "id"),
        Index(None, "current_sentiment", "sent_ms", "id"),
        Index(None, "language", "sent_ms", "id"),
        Index(None, "status", "sent_ms", "id"),
        Index(None, "tenant", "conversation_id", "id"),
        Index(None, "label_count", "review_order", "id"),
        Index(None, "tenant", "label_count", "review_order", "id"),
        NEVER_AGAIN,
    )


class EventDetail(Base):
    """The rest of an event: what is read for one at a time.

    Attributes:
        id: of the event.
        rounds: as in `schemas.event.Round`; ``scores``, ``deduction``, ``usage`` likewise.
        source_topic_id: with ``source_partition`` and ``source_offset`` the message's place in ``chat.messages``.
        record_topic_id: with ``record_partition`` and ``record_offset`` the event's place in ``emotion.events``.
        traceparent: of the record, if it had one.
    """

    __tablename__ = "event_details"

    id: Mapped[int] = mapped_column(Id, ForeignKey("events.id", ondelete="CASCADE"), primary_key=True)
    scores: Mapped[dict[str, Any]]
    candidates: Mapped[list[Any]]
    rounds: Mapped[list[Any]]
    deduction: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    usage: Mapped[dict[str, Any]]
    prompt_hash: Mapped[str]
    received_ms: Mapped[int]
    requested_ms: Mapped[int]
    taken_ms: Mapped[int]
    source_topic_id: Mapped[str]
    source_partition: Mapped[int]
    source_offset: Mapped[int]
    record_topic_id: Mapped[str]
    record_partition: Mapped[int]
    record_offset: Mapped[int]
    traceparent: Mapped[str | None]


class LabelRecord(Base):
    """Every record of ``emotion.labels``, for ever as long as its event: who said what, and when.

    Attributes:
        tenant: of the event; None until the event is there, since a label's record does not name it.
        label: None took the person's label back.
    """

    __tablename__ = "label_records"

    id: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=True)
    event_id: Mapped[str] = mapped_column(index=True)
    tenant: Mapped[str | None]
    conversation_id: Mapped[str]
    message_id: Mapped[str]
    taxonomy: Mapped[str]
    label: Mapped[str | None]
    labelled_by: Mapped[str]
    labelled_ms: Mapped[int]
    model_label: Mapped[str | None]
    adapter: Mapped[str | None]
    topic_id: Mapped[str]
    partition: Mapped[int]
    offset: Mapped[int]

    __table_args__ = (
        UniqueConstraint("topic_id", "partition", "offset"),
        Index(None, "tenant", "id"),
        Index(None, "labelled_by", "id"),
        Index(None, "conversation_id"),
        NEVER_AGAIN,
    )


class CurrentLabel(Base):
    """Each person's last word on each event. A later record of the same person replaces it.

    Attributes:
        label: None: taken back.
        record_id: of the `LabelRecord`.
    """

    __tablename__ = "current_labels"

    event_id: Mapped[str] = mapped_column(primary_key=True)
    labelled_by: Mapped[str] = mapped_column(primary_key=True)
    tenant: Mapped[str | None]
    label: Mapped[str | None]
    labelled_ms: Mapped[int]
    record_id: Mapped[int]

    __table_args__ = (Index(None, "tenant", "labelled_ms"),)


class Bucket(Base):
    """Counts of a span of time (by ``sent_ms``), tenant, language and current label; sum them up for less detail.

    Attributes:
        width_s: of `WIDTHS`; each event is counted in one bucket of each width.
        start_ms: a multiple of the width.
        label: current; `NONE` for outliers and unsupported languages that nobody has labelled.
        confidence_sum: over ``confident`` events, those with a confidence.
    """

    __tablename__ = "buckets"

    width_s: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    start_ms: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    tenant: Mapped[str] = mapped_column(primary_key=True)
    language: Mapped[str] = mapped_column(primary_key=True)
    label: Mapped[str] = mapped_column(primary_key=True)
    events: Mapped[int]
    outliers: Mapped[int]
    unsupported: Mapped[int]
    flips: Mapped[int]
    corrected: Mapped[int]
    negative: Mapped[int]
    positive: Mapped[int]
    confident: Mapped[int]
    confidence_sum: Mapped[float]
    latency_sum_ms: Mapped[int]

    __table_args__ = (Index(None, "tenant", "width_s", "start_ms"),)


class AdapterCount(Base):
    """Which version labelled what.

    Attributes:
        adapter: `NONE` is the base model.
        label: the model's own; `NONE` for outliers and unsupported languages.
    """

    __tablename__ = "adapter_counts"

    tenant: Mapped[str] = mapped_column(primary_key=True)
    model: Mapped[str] = mapped_column(primary_key=True)
    adapter: Mapped[str] = mapped_column(primary_key=True)
    label: Mapped[str] = mapped_column(primary_key=True)
    events: Mapped[int]
    corrected: Mapped[int]
    last_ms: Mapped[int]


class Conversation(Base):
    """A conversation as a whole, kept up to date with each of its events.

    Attributes:
        first_ms: when its first message was sent; ``last_ms`` the last one.
        negative: turns of negative current sentiment.
        recent_negative: share of negative turns, the last few counting most (see `console.store.conversations`).
        usual_negative: the same over many turns.
        rising: ``recent_negative - usual_negative``; above 0, the conversation is turning worse.
    """

    __tablename__ = "conversations"

    id: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=True)
    tenant: Mapped[str]
    conversation_id: Mapped[str]
    language: Mapped[str]
    first_ms: Mapped[int]
    last_ms: Mapped[int]
    last_speaker: Mapped[str]
    last_label: Mapped[str | None]
    last_sentiment: Mapped[str | None]
    turns: Mapped[int]
    outliers: Mapped[int]
    flips: Mapped[int]
    corrected: Mapped[int]
    negative: Mapped[int]
    positive: Mapped[int]
    recent_negative: Mapped[float]
    usual_negative: Mapped[float]
    rising: Mapped[float]

    __table_args__ = (
        UniqueConstraint("tenant", "conversation_id"),
        Index(None, "last_ms", "id"),
        Index(None, "tenant", "last_ms", "id"),
        Index(None, "rising", "id"),
        Index(None, "tenant", "rising", "id"),
        NEVER_AGAIN,
    )
