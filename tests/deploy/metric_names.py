"""The metrics that the services have."""

import importlib
from typing import Final

from prometheus_client import Counter, Gauge, Histogram

MODULES: Final = (
    "streams.metrics",
    "worker.metrics",
    "trainer.schedule",
    "trainer.watch.metrics",
    "console.store.metrics",
    "console.alerts.metrics",
)


def metric_names() -> set[str]:
    """As Prometheus knows them."""
    names: set[str] = set()
    for module in MODULES:
        for metric in vars(importlib.import_module(module)).values():
            if isinstance(metric, Counter | Gauge | Histogram):
                (found,) = metric.describe()
                names.add(found.name + ("_total" if found.type == "counter" else ""))
    return names
