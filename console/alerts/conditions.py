"""When a rule is true, message by message. Pure: the time is that of the messages, and nothing else counts.

What a rule remembers of one speaker, conversation or tenant is a small dict of JSON, so that the database can keep it:

- ``run``: the latest messages that counted, as [sent_ms, event_id, confidence], oldest first (rules of turns);
- ``minutes``: by minute, [counted, all] (rules of shares);
- ``open``: the key of the occurrence that is true now;
- ``quiet_until_ms``: nothing new before.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from console.alerts.rules import Rule, ShareRule, TurnsRule

State = dict[str, Any]

_MINUTE_MS: Final = 60_000


@dataclass(frozen=True, slots=True)
class Scope:
    """Whom an occurrence is about. None where it is about more than one."""

    tenant: str | None = None
    conversation_id: str | None = None
    speaker: str | None = None

    @property
    def key(self) -> str:
        """Tells scopes of one rule apart; a hash, for three long names do not fit into a database's index."""
        return _hash([self.tenant, self.conversation_id, self.speaker])


@dataclass(frozen=True, slots=True)
class Fired:
    """A rule came true.

    Attributes:
        key: of the occurrence; the same messages give the same one whenever and however often they are read.
        value: what was measured: the least confidence of the turns, or the share.
    """

    key: str
    value: float | None
    threshold: float
    facts: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Step:
    """What one message changed.

    Attributes:
        fired: the rule came true with it.
        ended: the key of the occurrence that is true no more.
    """

    fired: Fired | None = None
    ended: str | None = None


NOTHING: Final = Step()


def scope_of(rule: Rule, row: Mapping[str, Any]) -> Scope | None:
    """Whom a message counts for; None where the rule is not about it.

    Args:
        rule: the rule.
        row: of `console.store.tables.Event`, as the model left it.
    """
    if rule.tenant not in (None, row["tenant"]) or row["status"] == "unsupported":
        return None
    if isinstance(rule, TurnsRule):
        whole = Scope(row["tenant"], row["conversation_id"])
        return Scope(whole.tenant, whole.conversation_id, row["speaker"]) if rule.of == "speaker" else whole
    if rule.per == "conversation":
        return Scope(row["tenant"], row["conversation_id"])
    return Scope(row["tenant"] if rule.per == "tenant" else rule.tenant)


def take(rule: Rule, scope: Scope, state: State, row: Mapping[str, Any]) -> Step:
    """Count one message, which changes the state."""
    truth = _count_turn(rule, state, row) if isinstance(rule, TurnsRule) else _count_share(rule, state, row)
    sent_ms: int = row["sent_ms"]
    if truth is None:
        ended = state.pop("open", None)
        return Step(ended=ended) if ended else NOTHING
    if "open" in state or sent_ms < state.get("quiet_until_ms", sent_ms):
        return NOTHING
    anchor, value, facts = truth
    key = _hash([rule.name, scope.key, anchor])
    state["open"] = key
    state["quiet_until_ms"] = sent_ms + round(rule.cooldown_minutes * _MINUTE_MS)
    threshold = rule.confidence if isinstance(rule, TurnsRule) else rule.share
    return Step(fired=Fired(key, value, threshold, facts))


def is_empty(state: State, now_ms: int) -> bool:
    """Nothing in it would change what comes next."""
    remembers = any(state.get(name) for name in ("run", "minutes", "open"))
    return not remembers and state.get("quiet_until_ms", 0) <= now_ms


def counts(rule: Rule, row: Mapping[str, Any]) -> bool:
    """The message is one of those that the rule is about."""
    if rule.outlier:
        return bool(row["status"] == "outlier")
    if rule.label is not None and row["label"] != rule.label:
        return False
    if rule.sentiment is not None and row["sentiment"] != rule.sentiment:
        return False
    return not rule.confidence or (row["confidence"] or 0.0) > rule.confidence


_Truth = tuple[str, float | None, dict[str, Any]]


def _count_turn(rule: TurnsRule, state: State, row: Mapping[str, Any]) -> _Truth | None:
    run: list[Any] = state.setdefault("run", [])
    if counts(rule, row):
        run.append([row["sent_ms"], row["event_id"], row["confidence"]])
        del run[: -rule.turns]
    elif rule.consecutive:
        run.clear()
    if rule.within_minutes is not None:
        newest = max((one[0] for one in run), default=row["sent_ms"])
        since = max(newest, row["sent_ms"]) - rule.within_minutes * _MINUTE_MS
        run[:] = [one for one in run if one[0] >= since]
    if len(run) < rule.turns:
        return None
    confidences = [one[2] for one in run if one[2] is not None]
    events = [one[1] for one in run]
    return events[0], min(confidences, default=None), {"turns": len(run), "event_ids": events}


def _count_share(rule: ShareRule, state: State, row: Mapping[str, Any]) -> _Truth | None:
    minutes: dict[str, list[int]] = state.setdefault("minutes", {})
    minute = row["sent_ms"] // _MINUTE_MS
    newest = max(minute, *(int(one) for one in minutes)) if minutes else minute
    oldest = newest - rule.minutes + 1
    if minute >= oldest:
        found = minutes.setdefault(str(minute), [0, 0])
        found[0] += counts(rule, row)
        found[1] += 1
    for gone in [one for one in minutes if int(one) < oldest]:
        del minutes[gone]
    counted = sum(one[0] for one in minutes.values())
    messages = sum(one[1] for one in minutes.values())
    if messages < rule.messages or counted <= rule.share * messages:
        return None
    facts = {"messages": messages, "counted": counted, "minutes": rule.minutes}
    return str(newest), counted / messages, facts


def _hash(parts: list[str | None]) -> str:
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:32]
