"""Shares over time, out of counts that the store keeps for each minute, hour and day."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from sqlalchemy import Connection, func, literal_column, select

from console.api.models.trends import Counts, Group, TrendBucket, Trends
from console.queries.expressions import AnyRow, Column, Condition
from console.queries.reader import Reader
from console.queries.times import to_time
from console.store.tables import DAY, HOUR, MINUTE, NONE, Bucket

BucketName = Literal["minute", "hour", "day"]

_WIDTHS: Final[dict[BucketName, int]] = {"minute": MINUTE, "hour": HOUR, "day": DAY}
#: A chart has no more points than this.
_MOST: Final = 500
#: Groups that are listed; the largest first.
_GROUPS: Final = 50
_SUMS: Final = (
    "events", "outliers", "unsupported", "flips", "corrected", "negative", "positive", "confident",
    "latency_sum_ms",
)  # fmt: skip


@dataclass(slots=True)
class _Tally:
    sums: Counter[str] = field(default_factory=Counter)
    confidence: float = 0.0
    labels: Counter[str] = field(default_factory=Counter)

    def add(self, row: AnyRow) -> None:
        for name in _SUMS:
            # PostgreSQL's sums are decimals.
            self.sums[name] += int(getattr(row, name))
        self.confidence += float(row.confidence_sum)
        if row.label != NONE:
            self.labels[row.label] += int(row.events)

    def counts(self) -> dict[str, Any]:
        sums, labelled = self.sums, self.labels.total()
        neutral = max(labelled - sums["negative"] - sums["positive"], 0)
        return {
            **{name: sums[name] for name in ("events", "outliers", "unsupported", "flips", "corrected")},
            "labelled": labelled,
            "labels": dict(sorted(self.labels.items())),
            "shares": {name: count / labelled for name, count in sorted(self.labels.items())},
            "sentiments": {"positive": sums["positive"], "neutral": neutral, "negative": sums["negative"]},
            "negative_share": sums["negative"] / labelled if labelled else 0.0,
            "confidence": min(self.confidence / sums["confident"], 1.0) if sums["confident"] else None,
            "latency_ms": sums["latency_sum_ms"] / sums["events"] if sums["events"] else None,
        }


@dataclass(frozen=True, slots=True)
class Span:
    """What is asked for, on the edges of buckets.

    Attributes:
        stored_s: width of the buckets in the store.
        shown_s: width of those shown, a multiple of it.
    """

    since_ms: int
    until_ms: int
    stored_s: int
    shown_s: int

    @classmethod
    def of(cls, since_ms: int, until_ms: int, bucket: BucketName | None) -> "Span":
        """The finest buckets that are wanted and that one chart can show."""
        seconds = max((until_ms - since_ms) / 1000, 1.0)
        least = _WIDTHS[bucket] if bucket else MINUTE
        fitting = (width for width in _WIDTHS.values() if width >= least and seconds / width < _MOST)
        stored = next(fitting, DAY)
        shown = stored * max(-(-int(seconds) // (stored * (_MOST - 1))), 1)
        wide = shown * 1000
        return cls(since_ms // wide * wide, -(-until_ms // wide) * wide, stored, shown)

    def starts(self) -> range:
        """Of every bucket shown, in milliseconds."""
        return range(self.since_ms, self.until_ms, self.shown_s * 1000)


def trends(
    connection: Connection,
    reader: Reader,
    span: Span,
    *,
    tenant: str | None,
    language: str | None,
) -> Trends:
    """Counts over time, and of each tenant and language."""
    where = [
        Bucket.width_s == span.stored_s,
        Bucket.start_ms >= span.since_ms,
        Bucket.start_ms < span.until_ms,
        *reader.narrow(Bucket.tenant, tenant),
        *([] if language is None else [Bucket.language == language]),
    ]
    wide = span.shown_s * 1000
    start = (
        Bucket.start_ms
        if span.shown_s == span.stored_s
        else Bucket.start_ms - Bucket.start_ms % literal_column(str(wide))
    )
    by_time = _tallies(connection, start, where)
    by_tenant, by_language = _of_groups(connection, where)
    totals = _Tally()
    for one in by_time.values():
        totals.sums.update(one.sums)
        totals.confidence += one.confidence
        totals.labels.update(one.labels)
    return Trends(
        since=to_time(span.since_ms),
        until=to_time(span.until_ms),
        bucket_seconds=span.shown_s,
        buckets=tuple(TrendBucket(start=to_time(one), **by_time.get(one, _Tally()).counts()) for one in span.starts()),
        totals=Counts(**totals.counts()),
        by_tenant=_groups(by_tenant),
        by_language=_groups(by_language),
    )


def _groups(found: Mapping[str, _Tally]) -> tuple[Group, ...]:
    largest = sorted(found.items(), key=lambda one: (-one[1].sums["events"], one[0]))[:_GROUPS]
    return tuple(Group(name=name, **tally.counts()) for name, tally in largest)


def _tallies(connection: Connection, by: Column, where: Sequence[Condition]) -> dict[int, _Tally]:
    key: Column = by.label("key")
    found: dict[int, _Tally] = {}
    for row in connection.execute(select(key, Bucket.label, *_sums()).where(*where).group_by(key, Bucket.label)):
        found.setdefault(row.key, _Tally()).add(row)
    return found


def _of_groups(connection: Connection, where: Sequence[Condition]) -> tuple[dict[str, _Tally], dict[str, _Tally]]:
    """By tenant and by language; one look at the buckets serves both."""
    tenants: dict[str, _Tally] = {}
    languages: dict[str, _Tally] = {}
    keys = (Bucket.tenant, Bucket.language, Bucket.label)
    for row in connection.execute(select(*keys, *_sums()).where(*where).group_by(*keys)):
        tenants.setdefault(row.tenant, _Tally()).add(row)
        languages.setdefault(row.language, _Tally()).add(row)
    return tenants, languages


def _sums() -> list[Column]:
    return [func.sum(getattr(Bucket, name)).label(name) for name in (*_SUMS, "confidence_sum")]
