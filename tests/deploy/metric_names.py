"""The metrics that the services have."""

import importlib

from prometheus_client import Counter, Gauge, Histogram


def metric_names() -> set[str]:
    """As Prometheus knows them."""
    names: set[str] = set()
    for module in ("streams.metrics", "worker.metrics"):
        for metric in vars(importlib.import_module(module)).values():
            if isinstance(metric, Counter | Gauge | Histogram):
                (found,) = metric.describe()
                names.add(found.name + ("_total" if found.type == "counter" else ""))
    return names
