"""Milliseconds of the store to times and back."""

from datetime import UTC, datetime, timedelta
from typing import Final

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)


def to_time(ms: int) -> datetime:
    """UTC."""
    return _EPOCH + timedelta(milliseconds=ms)


def to_time_or_none(ms: int | None) -> datetime | None:
    """The same where there may be none."""
    return None if ms is None else to_time(ms)


def to_ms(time: datetime) -> int:
    """Whole milliseconds since 1970."""
    return (time - _EPOCH) // _MILLISECOND


def now_ms() -> int:
    """The clock's."""
    return to_ms(datetime.now(UTC))
