"""Every metric of the event store, each name once."""

from typing import Final

from prometheus_client import Counter, Gauge, Histogram

_SECONDS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)

ROWS: Final = Counter("sentistream_store_rows", "Rows stored.", ["kind"])
SKIPPED: Final = Counter(
    "sentistream_store_skipped", "Records without a row: malformed, known already, forgotten and so on.", ["reason"]
)
BATCHES: Final = Counter("sentistream_store_batches", "Transactions of records.", ["outcome"])
BATCH_SECONDS: Final = Histogram("sentistream_store_batch_seconds", "One transaction.", buckets=_SECONDS)
LAG_SECONDS: Final = Gauge("sentistream_store_lag_seconds", "Age of the oldest record not stored yet; 0 at the end.")
LOST_RECORDS: Final = Counter("sentistream_store_lost_records", "Offsets that Kafka deleted before they were read.")
WRITER: Final = Gauge("sentistream_store_writer", "1 while this process writes, 0 while it stands by.")
DATABASE_AWAY: Final = Gauge("sentistream_store_database_away", "1 while the database does not take what is read.")
REMOVED: Final = Counter("sentistream_store_removed_events", "Events removed by the retention.")
OBSERVER_FAULTS: Final = Counter("sentistream_store_observer_faults", "Batches that the alerts' rules failed on.")
