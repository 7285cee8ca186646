"""What the store itself says of the pipeline: how much, how old, how fast."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, func, select

from console.api.models.health import Rates
from console.queries.reader import Reader
from console.queries.times import now_ms, to_time
from console.store.progress_tables import Lease
from console.store.tables import MINUTE, Bucket, Event

_MINUTE_MS: Final = MINUTE * 1000
#: Enough for a p99.
_LATEST: Final = 2_000


@dataclass(frozen=True, slots=True)
class Ages:
    """When the oldest and the newest event were sent; None in an empty store."""

    oldest: datetime | None
    newest: datetime | None


def ages(connection: Connection, reader: Reader) -> Ages:
    """Of the events that the reader sees."""
    narrowed = reader.narrow(Event.tenant)

    def one(order: Any) -> datetime | None:
        found = connection.execute(select(Event.sent_ms).where(*narrowed).order_by(order).limit(1)).scalar()
        return None if found is None else to_time(found)

    return Ages(one(Event.sent_ms.asc()), one(Event.sent_ms.desc()))


def has_writer(connection: Connection) -> bool:
    """Whether some process holds the lease to fill the store."""
    found = connection.execute(select(Lease.expires_ms).where(Lease.name == "writer")).scalar()
    return found is not None and found > now_ms()


def rates(connection: Connection, reader: Reader) -> Rates:
    """Events a second by when they were sent; longer spans in whole minutes."""
    now = now_ms()
    narrowed = reader.narrow(Event.tenant)
    recent = select(func.count()).where(Event.sent_ms > now - _MINUTE_MS, Event.sent_ms <= now, *narrowed)

    def mean(minutes: int) -> float:
        end = now // _MINUTE_MS * _MINUTE_MS
        count = connection.execute(
            select(func.sum(Bucket.events)).where(
                Bucket.width_s == MINUTE,
                Bucket.start_ms >= end - minutes * _MINUTE_MS,
                Bucket.start_ms < end,
                *reader.narrow(Bucket.tenant),
            )
        ).scalar()
        return int(count or 0) / (minutes * 60)

    return Rates(
        last_minute=connection.execute(recent).scalar_one() / 60, last_ten_minutes=mean(10), last_hour=mean(60)
    )


def latency_ms(connection: Connection, reader: Reader) -> dict[str, float]:
    """Percentiles over the latest events of the last ten minutes; empty without any."""
    found = sorted(
        connection.execute(
            select(Event.latency_ms)
            .where(Event.sent_ms > now_ms() - 10 * _MINUTE_MS, *reader.narrow(Event.tenant))
            .order_by(Event.sent_ms.desc())
            .limit(_LATEST)
        ).scalars()
    )
    if not found:
        return {}
    return {f"p{share}": float(found[min(len(found) * share // 100, len(found) - 1)]) for share in (50, 99)}
