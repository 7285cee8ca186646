"""Every metric of the worker, each name once."""

from typing import Final

from prometheus_client import Counter, Gauge, Histogram

_SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)

EVENTS: Final = Counter("sentistream_worker_events", "Events committed.", ["status"])
DEAD_LETTERS: Final = Counter("sentistream_worker_dead_letters", "Dead letters committed.", ["reason"])
DUPLICATES: Final = Counter("sentistream_worker_duplicates", "Requests dropped as repetitions.")
GAPS: Final = Counter("sentistream_worker_gaps", "Requests that did not follow on the watermark.")
GAPS_HEALED: Final = Counter("sentistream_worker_gaps_healed", "Of those, the ones that came again in order.")
LOSSES_ACCEPTED: Final = Counter("sentistream_worker_losses_accepted", "Gaps passed because ACCEPT_LOSS is set.")
LABELS: Final = Counter("sentistream_worker_labels", "Events committed with a label, by that label.", ["label"])
OUTLIERS: Final = Counter("sentistream_worker_outliers", "Messages without consensus.")
FLIPS: Final = Counter("sentistream_worker_flips", "Labels that are not the generator's first answer.")
ROUNDS: Final = Histogram("sentistream_worker_rounds", "Rounds of one negotiation.", buckets=(0, 1, 2, 3, 5, 10))
MODEL_CALLS: Final = Counter("sentistream_worker_model_calls", "Calls to the model.")
TOKENS: Final = Counter("sentistream_worker_tokens", "Tokens of those calls.", ["kind"])
MODEL_SECONDS: Final = Histogram("sentistream_worker_model_seconds", "Model time of one message.", buckets=_SECONDS)
STEP_SECONDS: Final = Histogram(
    "sentistream_worker_step_seconds",
    "Steps of a message: stream, request (until a worker takes it), label; total since it was sent.",
    ["step"],
    buckets=(*_SECONDS, 30.0, 60.0),
)
PREFIX_SECONDS: Final = Histogram(
    "sentistream_worker_prefix_seconds", "Wait of a finished answer for those before it.", buckets=_SECONDS
)
TRANSACTION_SECONDS: Final = Histogram(
    "sentistream_worker_transaction_seconds", "From the first record produced to the commit.", buckets=_SECONDS
)
TRANSACTIONS: Final = Counter("sentistream_worker_transactions", "Transactions.", ["outcome"])
IN_FLIGHT: Final = Gauge("sentistream_worker_in_flight", "Requests that the engine works on.")
PENDING: Final = Gauge("sentistream_worker_pending", "Requests taken and not committed.")
LAG_SECONDS: Final = Gauge("sentistream_worker_lag_seconds", "Age of the record that was taken last.")
WAITING: Final = Gauge("sentistream_worker_waiting", "Requests taken that wait for a place in flight.")
TENANTS: Final = Gauge("sentistream_worker_tenants", "Tenants that wait for a place or hold one.")
HELD_BACK: Final = Gauge("sentistream_worker_held_back_partitions", "Partitions paused, for they fill the room of all.")
AGED: Final = Counter("sentistream_worker_aged", "Messages older than MAX_AGE_SECONDS, by what is done then.", ["how"])
DEPTH: Final = Gauge("sentistream_worker_depth", "1 for the policy of the adaptive depth that is in force.", ["policy"])
DEPTH_CHANGES: Final = Counter("sentistream_worker_depth_changes", "Changes of the adaptive depth.", ["to"])
PARTITIONS: Final = Gauge("sentistream_worker_partitions", "Partitions assigned.")
PARKED: Final = Gauge("sentistream_worker_parked_partitions", "Partitions that wait for an upgrade of this worker.")
PAUSED: Final = Gauge("sentistream_worker_paused", "1 while the consumption is paused.")
OUTAGE: Final = Gauge("sentistream_worker_engine_outage", "1 while the engine does not answer.")
OUTAGE_RETRIES: Final = Counter("sentistream_worker_engine_retries", "Calls made again because the engine was out.")
# Never set here: worker/adapters.py knows which one is live.
ADAPTER: Final = Gauge("sentistream_worker_adapter", "1 for the adapter version that is live.", ["version"])
ADAPTER_RELEASED: Final = Gauge(
    "sentistream_worker_adapter_released_seconds", "When it was decided which adapter is live, seconds since 1970."
)
KV_CACHE: Final = Gauge("sentistream_worker_kv_cache_usage", "Share of vLLM's key-value cache that is in use.")
ADAPTERS_REFUSED: Final = Counter("sentistream_worker_adapters_refused", "Releases that could not be used.", ["reason"])
ADAPTER_WAITS: Final = Gauge("sentistream_worker_adapter_waits", "1 while a release waits for its store or the engine.")
