"""Alert rules, and what came true of them."""

from datetime import datetime
from typing import Any, Literal

from console.api.models.base import Cursor, Reply


class AlertRule(Reply):
    """A rule as its file has it.

    Attributes:
        text: the rule in words.
        definition: its fields.
    """

    name: str
    severity: str
    text: str
    tenant: str | None
    definition: dict[str, Any]


class AlertRules(Reply):
    """All rules, and where they come from.

    Attributes:
        file: null where no rules are set: see ALERT_RULES.
        webhook: occurrences are sent somewhere.
    """

    rules: tuple[AlertRule, ...]
    file: str | None
    webhook: bool


class Delivery(Reply):
    """How far one webhook has come with an occurrence."""

    webhook: str
    state: Literal["pending", "sent", "given_up"]
    attempts: int
    next_attempt_at: datetime | None
    sent_at: datetime | None
    last_error: str | None


class Alert(Reply):
    """A rule that came true, once.

    Attributes:
        title: what happened, in words, without people's text.
        value: what was measured; `threshold` what the rule allows.
        event_id: of the message that made it true; null for rules over many conversations.
        ended_at: when it was no longer true; null while it is, and for rules that know no end.
        definition: the rule's fields as they were then; null for what came true before they were kept.
        deliveries: empty where no webhook is set.
    """

    alert_id: int
    rule: str
    severity: str
    title: str
    tenant: str | None
    conversation_id: str | None
    speaker: str | None
    event_id: str | None
    value: float | None
    threshold: float | None
    facts: dict[str, Any]
    definition: dict[str, Any] | None = None
    occurred_at: datetime
    noticed_at: datetime
    ended_at: datetime | None
    deliveries: tuple[Delivery, ...]


class AlertPage(Reply):
    """Occurrences, the newest first."""

    alerts: tuple[Alert, ...]
    next_cursor: Cursor
