"""How many events there are of each kind: for counters, for what filters can offer, and for what leads a search."""

import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Final

from sqlalchemy import Connection, func, select

from console.queries.reader import Reader
from console.store.tables import DAY, Bucket, Event

_LIFE_S: Final = 5.0


@dataclass(frozen=True, slots=True)
class Totals:
    """Events by value of each column.

    Attributes:
        by: column of `Event` to value to count; sentiments and statuses too.
        events: of each tenant.
        spoken: tenants with the languages of their events.
    """

    by: dict[str, Counter[str]] = field(default_factory=dict)
    events: Counter[str] = field(default_factory=Counter)
    spoken: frozenset[tuple[str, str]] = frozenset()

    def languages(self, tenant: str | None) -> tuple[str, ...]:
        """That a reader of this tenant finds."""
        return tuple(sorted({language for whose, language in self.spoken if tenant in (None, whose)}))

    def count(self, column: str, value: str) -> int:
        """Events with this value."""
        return self.by.get(column, Counter())[value]

    def of(self, tenant: str | None) -> int:
        """Events that a reader of this tenant sees."""
        return self.events.total() if tenant is None else self.events[tenant]


class KnownTotals:
    """The totals as of a few seconds ago, for all threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._until = 0.0
        self._known = Totals()

    def get(self, connection: Connection) -> Totals:
        """They are counted again when they are old."""
        with self._lock:
            if time.monotonic() < self._until:
                return self._known
            self._known = count_totals(connection)
            self._until = time.monotonic() + _LIFE_S
            return self._known


def count_totals(connection: Connection) -> Totals:
    """Sum up the days."""
    sums = (
        func.sum(getattr(Bucket, name)).label(name)
        for name in ("events", "outliers", "unsupported", "negative", "positive")
    )
    rows = connection.execute(
        select(Bucket.tenant, Bucket.language, Bucket.label, *sums)
        .where(Bucket.width_s == DAY)
        .group_by(Bucket.tenant, Bucket.language, Bucket.label)
    ).all()
    by: dict[str, Counter[str]] = {
        name: Counter() for name in ("tenant", "language", "current_label", "current_sentiment", "status")
    }
    for row in rows:
        # PostgreSQL's sums are decimals.
        events, outliers, unsupported, negative, positive = (int(one) for one in row[3:])
        by["tenant"][row.tenant] += events
        by["language"][row.language] += events
        by["current_label"][row.label] += events
        by["current_sentiment"]["negative"] += negative
        by["current_sentiment"]["positive"] += positive
        by["current_sentiment"]["neutral"] += events - negative - positive
        by["status"]["outlier"] += outliers
        by["status"]["unsupported"] += unsupported
        by["status"]["labelled"] += events - outliers - unsupported
    spoken = frozenset((row.tenant, row.language) for row in rows if row.events)
    return Totals(by, by["tenant"], spoken)


def taxonomies_in_use(connection: Connection, reader: Reader) -> tuple[str, ...]:
    """Of the latest events."""
    seen = select(Event.taxonomy).where(*reader.narrow(Event.tenant))
    latest = seen.order_by(Event.sent_ms.desc(), Event.id.desc()).limit(2_000).subquery()
    return tuple(connection.execute(select(latest.c.taxonomy).distinct().order_by(latest.c.taxonomy)).scalars())
