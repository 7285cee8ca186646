"""Every metric of the watch, each name once."""

from typing import Final

from prometheus_client import Counter, Gauge

SHADOWED: Final = Counter("sentistream_trainer_shadowed", "Live messages that a candidate answered in the shadow.")
ROLLBACKS: Final = Counter(
    "sentistream_trainer_automatic_rollbacks", "Releases rolled back because people corrected them more often."
)
PAIRS: Final = Gauge("sentistream_trainer_watch_pairs", "Verdicts on the live version that stand beside an old one.")
EVIDENCE: Final = Gauge(
    "sentistream_trainer_watch_evidence", "That the live version is worse; it is rolled back at 1 / alpha."
)
CORRECTED: Final = Gauge(
    "sentistream_trainer_watch_corrected_share", "Corrections among the compared verdicts.", ["version"]
)
DRIFT: Final = Gauge("sentistream_trainer_drift", "The last finished window's value.", ["measure"])
DRIFT_LOW: Final = Gauge("sentistream_trainer_drift_low", "Lower end of its past range.", ["measure"])
DRIFT_HIGH: Final = Gauge("sentistream_trainer_drift_high", "Upper end of its past range.", ["measure"])
DRIFT_ALARM: Final = Gauge("sentistream_trainer_drift_alarm", "1 while it is out of its past range.", ["measure"])
WATCHED: Final = Counter("sentistream_trainer_watched", "Records that the watch has read.", ["kind"])
