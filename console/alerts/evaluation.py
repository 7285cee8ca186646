"""Rules over a batch of stored events, in the batch's own transaction: rows, memory and occurrences are kept together.

What rules remember stands in the database and is read anew for each batch, so that a crash, a restart or another
process that takes over changes nothing, and an event is counted once.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import structlog
from sqlalchemy import Connection, delete, select, update

from console.alerts import metrics
from console.alerts.conditions import Fired, Scope, State, is_empty, scope_of, take
from console.alerts.rules import Rule, Rules
from console.store.events import StoredEvent
from console.store.upsert import replace, table_of
from console.store.watch_tables import AlertOccurrence, AlertState, WebhookDelivery

log = structlog.get_logger()

Row = Mapping[str, Any]
#: What is remembered of somebody who has been silent for so long is forgotten.
_REMEMBERED_MS: Final = 7 * 86_400_000
_FORGET_EVERY_MS: Final = 3_600_000
_AT_ONCE: Final = 400
_MADE_FROM: Final = "made_from"
#: Among the facts of an occurrence: the rule as it was then.
DEFINITION: Final = "definition"


@dataclass(frozen=True, slots=True)
class Occurrence:
    """A rule that came true with one event; kept already.

    Attributes:
        id: of its row.
    """

    id: int
    rule: Rule
    scope: Scope
    fired: Fired
    row: Row


class Alerts:
    """Evaluates the rules.

    Args:
        rules: of the file.
        max_age_s: what came true of older messages is told to no webhook.
    """

    def __init__(self, rules: Rules, max_age_s: float = 3_600.0) -> None:
        self._rules = rules.rules
        self._prints = {rule.name: _print(rule) for rule in rules.rules}
        self._max_age_ms = max_age_s * 1000
        self._forgot_ms = 0

    def stored(self, connection: Connection, events: Sequence[StoredEvent], now_ms: int) -> None:
        """As the store's writer calls its observers."""
        self.evaluate(connection, [one.row for one in events], now_ms)

    def evaluate(self, connection: Connection, rows: Sequence[Row], now_ms: int) -> list[Occurrence]:
        """Count new events and keep what came true.

        Args:
            connection: in the transaction that stores these events.
            rows: of `console.store.tables.Event` as the model left them, in the order of their topic; no event that
                was stored before.
            now_ms: the time.
        """
        if not self._rules or not rows:
            return []
        occurrences = [one for rule in self._rules for one in self._evaluate(connection, rule, rows, now_ms)]
        if now_ms - self._forgot_ms > _FORGET_EVERY_MS:
            self._forgot_ms = now_ms
            connection.execute(delete(AlertState).where(AlertState.updated_ms < now_ms - _REMEMBERED_MS))
        return occurrences

    def _evaluate(self, connection: Connection, rule: Rule, rows: Sequence[Row], now_ms: int) -> Iterator[Occurrence]:
        about = [(scope, row) for row in rows if (scope := scope_of(rule, row)) is not None]
        scopes = {scope.key: scope for scope, _ in about}
        before = self._remembered(connection, rule, sorted(scopes))
        states: dict[str, State] = {}
        for scope, row in about:
            state = states.get(scope.key)
            if state is None:
                state = states[scope.key] = json.loads(before.get(scope.key, "{}"))
            step = take(rule, scope, state, row)
            if step.ended is not None:
                _end(connection, rule.name, step.ended, row["sent_ms"])
            if step.fired is not None and (kept := self._keep(connection, rule, scope, step.fired, row, now_ms)):
                yield kept
        self._remember(connection, rule, scopes, before, states, now_ms)

    def _remembered(self, connection: Connection, rule: Rule, keys: Sequence[str]) -> dict[str, str]:
        """As text, which is compared afterwards; what another definition of the rule remembered counts no more."""
        table = table_of(AlertState)
        found: dict[str, str] = {}
        for start in range(0, len(keys), _AT_ONCE):
            chosen = (table.c.rule == rule.name) & table.c.key.in_(keys[start : start + _AT_ONCE])
            for key, state in connection.execute(select(table.c.key, table.c.state).where(chosen)):
                if state.pop(_MADE_FROM, None) == self._prints[rule.name]:
                    found[key] = json.dumps(state)
        return found

    def _remember(
        self,
        connection: Connection,
        rule: Rule,
        scopes: Mapping[str, Scope],
        before: Mapping[str, str],
        states: Mapping[str, State],
        now_ms: int,
    ) -> None:
        changed, emptied = [], []
        for key, state in states.items():
            if is_empty(state, now_ms):
                emptied += [key] if key in before else []
            elif json.dumps(state) != before.get(key):
                kept = {
                    "rule": rule.name,
                    "key": key,
                    "tenant": scopes[key].tenant,
                    "conversation_id": scopes[key].conversation_id,
                    "state": {**state, _MADE_FROM: self._prints[rule.name]},
                    "updated_ms": now_ms,
                }
                changed.append(kept)
        replace(connection, AlertState, changed)
        table = table_of(AlertState)
        for start in range(0, len(emptied), _AT_ONCE):
            chosen = (table.c.rule == rule.name) & table.c.key.in_(emptied[start : start + _AT_ONCE])
            connection.execute(delete(table).where(chosen))

    def _keep(
        self, connection: Connection, rule: Rule, scope: Scope, fired: Fired, row: Row, now_ms: int
    ) -> Occurrence | None:
        """The occurrence's row and one for each webhook; None where it is there already."""
        table = table_of(AlertOccurrence)
        same = (table.c.rule == rule.name) & (table.c.occurrence_key == fired.key)
        if connection.execute(select(table.c.id).where(same)).first() is not None:
            return None
        values = {
            "rule": rule.name,
            "occurrence_key": fired.key,
            "severity": rule.severity,
            "title": rule.text,
            "tenant": scope.tenant,
            "conversation_id": scope.conversation_id,
            "speaker": scope.speaker,
            "event_id": row["event_id"],
            "value": fired.value,
            "threshold": fired.threshold,
            "facts": fired.facts | {DEFINITION: rule.definition},
            "seen_ms": row["sent_ms"],
            "created_ms": now_ms,
            "ended_ms": None,
        }
        (id_,) = connection.execute(table.insert().values(values)).inserted_primary_key or (0,)
        if now_ms - row["sent_ms"] <= self._max_age_ms:
            for name in rule.webhooks:
                delivery = {"occurrence_id": id_, "webhook": name, "state": "pending", "attempts": 0, "next_ms": now_ms}
                connection.execute(table_of(WebhookDelivery).insert().values(delivery))
        metrics.OCCURRENCES.labels(rule.name).inc()
        log.info("alert", rule=rule.name, severity=rule.severity, key=fired.key, event_id=row["event_id"])
        return Occurrence(id_, rule, scope, fired, row)


def _end(connection: Connection, rule: str, key: str, ended_ms: int) -> None:
    table = table_of(AlertOccurrence)
    same = (table.c.rule == rule) & (table.c.occurrence_key == key)
    connection.execute(update(table).where(same).values(ended_ms=ended_ms))


def _print(rule: Rule) -> str:
    """Of all that decides when the rule is true: whom it tells does not."""
    decides = rule.model_dump(mode="json", exclude={"severity", "webhooks", "cooldown_minutes"})
    return hashlib.sha256(json.dumps(decides, sort_keys=True).encode()).hexdigest()[:16]
