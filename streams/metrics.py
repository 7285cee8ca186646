"""Every metric of the stream, its name once."""

from typing import Final

from prometheus_client import Counter, Gauge, Histogram

_SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)

CONSUMED: Final = Counter("sentistream_streams_messages", "Records taken from chat.messages.")
REQUESTS: Final = Counter("sentistream_streams_requests", "Requests that Kafka confirmed.")
REJECTED: Final = Counter("sentistream_streams_rejected", "Records that are no message.", ["reason"])
DEGRADED: Final = Counter("sentistream_streams_degraded", "Requests whose window may lack turns that Redis lost.")
REBUILDS: Final = Counter("sentistream_streams_rebuilds", "Partitions whose windows were read again from Kafka.")
REBUILT: Final = Counter("sentistream_streams_rebuilt_messages", "Messages read again for rebuilds.")
TORN: Final = Counter("sentistream_streams_torn_conversations", "Conversations that stand in two partitions.")
REBALANCES: Final = Counter("sentistream_streams_assignments", "Times that partitions were assigned.")
BATCH_SECONDS: Final = Histogram("sentistream_streams_batch_seconds", "Time of one batch.", buckets=_SECONDS)
BATCH_MESSAGES: Final = Histogram(
    "sentistream_streams_batch_messages", "Messages in one batch.", buckets=(1, 5, 20, 50, 100, 250, 500, 1000, 10_000)
)
REDIS_SECONDS: Final = Histogram("sentistream_streams_redis_seconds", "Time of one round trip.", buckets=_SECONDS)
REDIS_AWAY: Final = Gauge("sentistream_streams_redis_away_seconds", "How long Redis has not answered; 0: it does.")
SEND_SECONDS: Final = Histogram(
    "sentistream_streams_send_seconds",
    "From handing over a batch's requests until all are confirmed.",
    buckets=_SECONDS,
)
LAG_SECONDS: Final = Gauge(
    "sentistream_streams_lag_seconds",
    "Age, by Kafka's time stamp, of the newest message that was handled.",
    ["partition"],
)
BUFFERED_BYTES: Final = Gauge("sentistream_streams_buffered_bytes", "Fetched messages that wait for their batch.")
