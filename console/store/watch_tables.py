"""Tables of the alerts: what was seen, what is to be sent, what the rules remember. `console.alerts` fills them."""

from typing import Any

from sqlalchemy import ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from console.store.tables import NEVER_AGAIN, Base, Id


class AlertOccurrence(Base):
    """A rule came true once.

    Attributes:
        occurrence_key: tells the occurrences of one rule apart; the same one is kept once.
        severity: as the rule has it.
        title: what is shown, without anything that a chat user typed.
        value: what was measured; ``threshold`` what the rule allows.
        event_id: that made it true; with conversation and speaker, None for rules over many conversations.
        seen_ms: of the event's message; ``created_ms`` when it was noticed.
        ended_ms: when it was no longer true; None while it is, and for rules that know no end.
    """

    __tablename__ = "alert_occurrences"

    id: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=True)
    rule: Mapped[str]
    occurrence_key: Mapped[str]
    severity: Mapped[str]
    title: Mapped[str]
    tenant: Mapped[str | None]
    conversation_id: Mapped[str | None]
    speaker: Mapped[str | None]
    event_id: Mapped[str | None]
    value: Mapped[float | None]
    threshold: Mapped[float | None]
    facts: Mapped[dict[str, Any]]
    seen_ms: Mapped[int]
    created_ms: Mapped[int]
    ended_ms: Mapped[int | None]

    __table_args__ = (
        UniqueConstraint("rule", "occurrence_key"),
        Index(None, "tenant", "id"),
        Index(None, "tenant", "conversation_id"),
        NEVER_AGAIN,
    )


class WebhookDelivery(Base):
    """An occurrence that is to be sent to a webhook, kept with it in one transaction.

    Attributes:
        webhook: name of it in the rules' file, never its address, which may hold a secret.
        state: ``pending``, ``sent`` or ``given_up``.
        next_ms: not to be tried before.
    """

    __tablename__ = "webhook_deliveries"

    id: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=True)
    occurrence_id: Mapped[int] = mapped_column(ForeignKey("alert_occurrences.id", ondelete="CASCADE"))
    webhook: Mapped[str]
    state: Mapped[str]
    attempts: Mapped[int] = mapped_column(default=0)
    next_ms: Mapped[int]
    sent_ms: Mapped[int | None]
    last_error: Mapped[str | None]

    __table_args__ = (
        UniqueConstraint("occurrence_id", "webhook"),
        Index(None, "state", "next_ms"),
        NEVER_AGAIN,
    )


class AlertState(Base):
    """What a rule remembers of one key (a speaker, a tenant) between two batches."""

    __tablename__ = "alert_states"

    rule: Mapped[str] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    tenant: Mapped[str | None]
    conversation_id: Mapped[str | None]
    state: Mapped[dict[str, Any]]
    updated_ms: Mapped[int] = mapped_column(index=True)

    __table_args__ = (Index(None, "tenant", "conversation_id"),)
