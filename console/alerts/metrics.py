"""Every metric of the alerts, its name once."""

from typing import Final

from prometheus_client import Counter, Gauge

OCCURRENCES: Final = Counter("sentistream_store_alerts", "Alert rules that came true.", ["rule"])
DELIVERIES: Final = Counter("sentistream_store_webhook_attempts", "Requests to webhooks.", ["outcome"])
WAITING: Final = Gauge("sentistream_store_webhook_pending", "Occurrences that wait for a webhook to take them.")
