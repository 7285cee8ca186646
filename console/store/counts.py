"""Counts of events, kept with them: `Bucket` and `AdapterCount`."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from sqlalchemy import Connection

from console.store.tables import NONE, WIDTHS, AdapterCount, Bucket
from console.store.upsert import add_up

_BUCKET_COUNTS: Final = (
    "events",
    "outliers",
    "unsupported",
    "flips",
    "corrected",
    "negative",
    "positive",
    "confident",
    "confidence_sum",
    "latency_sum_ms",
)


class Counts:
    """Gathers what a transaction changes; nothing is written before `save`."""

    def __init__(self) -> None:
        self._buckets: dict[tuple[int, int, str, str, str], dict[str, float]] = {}
        self._adapters: dict[tuple[str, str, str, str], dict[str, int]] = {}

    def add(self, row: Mapping[str, Any], times: int = 1) -> None:
        """Count an event as its row has it now; with ``times`` -1, take it out as it was counted."""
        facts = _facts(row)
        for width in WIDTHS:
            start = row["sent_ms"] // (width * 1000) * width * 1000
            key = (width, start, row["tenant"], row["language"], row["current_label"] or NONE)
            bucket = self._buckets.setdefault(key, dict.fromkeys(_BUCKET_COUNTS, 0))
            for name, value in facts.items():
                bucket[name] += times * value
        key_of_adapter = (row["tenant"], row["model"], row["adapter"] or NONE, row["label"] or NONE)
        count = self._adapters.setdefault(key_of_adapter, {"events": 0, "corrected": 0, "last_ms": 0})
        count["events"] += times
        count["corrected"] += times * row["corrected"]
        count["last_ms"] = max(count["last_ms"], row["decided_ms"])

    def save(self, connection: Connection) -> None:
        """Add all of it to the tables."""
        add_up(connection, Bucket, list(_rows(Bucket, self._buckets)))
        add_up(connection, AdapterCount, list(_rows(AdapterCount, self._adapters)), latest=("last_ms",))


def _facts(row: Mapping[str, Any]) -> dict[str, float]:
    return {
        "events": 1,
        "outliers": row["status"] == "outlier",
        "unsupported": row["status"] == "unsupported",
        "flips": row["flip"],
        "corrected": row["corrected"],
        "negative": row["current_sentiment"] == "negative",
        "positive": row["current_sentiment"] == "positive",
        "confident": row["confidence"] is not None,
        "confidence_sum": row["confidence"] or 0.0,
        "latency_sum_ms": row["latency_ms"],
    }


def _rows(mapped: type[Any], gathered: Mapping[Any, Mapping[str, float]]) -> Iterable[dict[str, Any]]:
    names = [one.name for one in mapped.__table__.primary_key.columns]
    for key, values in gathered.items():
        if any(value for name, value in values.items() if name != "last_ms"):
            yield dict(zip(names, key, strict=True)) | dict(values)
