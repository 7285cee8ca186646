"""Which events are asked for, as SQL and in memory alike."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Final

from console.queries.expressions import Condition
from console.queries.reader import Reader
from console.queries.totals import Totals
from console.store.tables import Event

#: Filter to the column that has an index in the list's order.
_INDEXED: Final = {
    "labels": Event.current_label,
    "sentiments": Event.current_sentiment,
    "languages": Event.language,
    "tenants": Event.tenant,
    "statuses": Event.status,
}


@dataclass(frozen=True, slots=True)
class EventFilter:
    """What an event must be; an empty collection and None ask for nothing.

    Attributes:
        labels: that hold now, corrections included; sentiments likewise.
        since_ms: sent at this time or later; ``until_ms`` before it.
    """

    labels: Collection[str] = ()
    sentiments: Collection[str] = ()
    languages: Collection[str] = ()
    tenants: Collection[str] = ()
    statuses: Collection[str] = ()
    conversation_id: str | None = None
    adapter: str | None = None
    corrected: bool | None = None
    min_confidence: float | None = None
    max_confidence: float | None = None
    since_ms: int | None = None
    until_ms: int | None = None

    def for_reader(self, reader: Reader) -> "EventFilter":
        """Narrowed to what the reader may see."""
        if reader.tenant is None:
            return self
        tenants = {reader.tenant} & set(self.tenants) if self.tenants else {reader.tenant}
        changed = {name: getattr(self, name) for name in self.__slots__} | {"tenants": tenants or {""}}
        # A tenant's name is never empty: nothing has it.
        return EventFilter(**changed)

    def bounds(self) -> list[Condition]:
        """Limits of time."""
        found = []
        if self.since_ms is not None:
            found.append(Event.sent_ms >= self.since_ms)
        if self.until_ms is not None:
            found.append(Event.sent_ms < self.until_ms)
        return found

    def leading(self, totals: Totals) -> tuple[str | None, list[Condition]]:
        """The filter that fewest events pass, by name, and a condition for each of its values."""
        if self.conversation_id is not None:
            tenants = sorted(self.tenants or totals.by.get("tenant", {}))
            ours = Event.conversation_id == self.conversation_id
            return "conversation_id", [(Event.tenant == one) & ours for one in tenants] or [ours]
        given = {name: getattr(self, name) for name in _INDEXED if getattr(self, name)}
        if not given:
            return None, []
        name = min(given, key=lambda one: sum(totals.count(_INDEXED[one].key, value) for value in given[one]))
        return name, [_INDEXED[name] == value for value in sorted(given[name])]

    def others(self, leading: str | None) -> list[Condition]:
        """All conditions but the leading one's and those of time."""
        found: list[Condition] = [
            column.in_(sorted(getattr(self, name)))
            for name, column in _INDEXED.items()
            if getattr(self, name) and name != leading and not (name == "tenants" and leading == "conversation_id")
        ]
        if self.conversation_id is not None and leading != "conversation_id":
            found.append(Event.conversation_id == self.conversation_id)
        if self.adapter is not None:
            # The base model has none.
            found.append(Event.adapter == self.adapter if self.adapter != "base" else Event.adapter.is_(None))
        if self.corrected is not None:
            found.append(Event.corrected == self.corrected)
        if self.min_confidence is not None:
            found.append(Event.confidence >= self.min_confidence)
        if self.max_confidence is not None:
            found.append(Event.confidence <= self.max_confidence)
        return found

    def everything(self) -> list[Condition]:
        """All conditions, where the rows are few by other means."""
        return [*self.bounds(), *self.others(None)]

    def passes(self, row: Any) -> bool:
        """The same for a row that is at hand."""
        return (
            all(
                not getattr(self, name) or getattr(row, column.key) in getattr(self, name)
                for name, column in _INDEXED.items()
            )
            and self.conversation_id in (None, row.conversation_id)
            and self.adapter in (None, row.adapter or "base")
            and self.corrected in (None, row.corrected)
            and (self.min_confidence is None or (row.confidence is not None and row.confidence >= self.min_confidence))
            and (self.max_confidence is None or (row.confidence is not None and row.confidence <= self.max_confidence))
            and (self.since_ms is None or row.sent_ms >= self.since_ms)
            and (self.until_ms is None or row.sent_ms < self.until_ms)
        )
