"""What streams and workers say of themselves on their metrics pages."""

import math
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Final

import httpx
import structlog
from prometheus_client.parser import text_string_to_metric_families

from console.api.models.base import Facts, Finding
from console.api.models.health import ServiceHealth
from console.api.settings import ApiSettings, addresses
from console.codes import HealthCode

log = structlog.get_logger()

_TIMEOUT_S: Final = 2.0
_MOST_BYTES: Final = 4 << 20


@dataclass(frozen=True, slots=True)
class Watched:
    """What is taken from one service's page.

    Attributes:
        sums: figure to gauge, added up over all replicas.
        highest: figure to gauge, the largest of all replicas.
        rate: counter of what it has done.
        seconds: name of a figure to histogram, shown as p50 and p99.
        troubles: gauge to what it means when it is above 0.
    """

    rate: str
    sums: Mapping[str, str] = field(default_factory=dict)
    highest: Mapping[str, str] = field(default_factory=dict)
    seconds: Mapping[str, str] = field(default_factory=dict)
    troubles: Mapping[str, "Trouble"] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something that is wrong with a service, and what to do."""

    text: str
    to_do: str
    code: HealthCode
    facts: Facts = field(default_factory=dict)

    @property
    def finding(self) -> Finding:
        """For whoever says it in another language."""
        return Finding(code=self.code, facts=self.facts)


WATCHED: Final = {
    "streams": Watched(
        rate="sentistream_streams_messages_total",
        highest={"redis_away_s": "sentistream_streams_redis_away_seconds", "lag_s": "sentistream_streams_lag_seconds"},
        sums={"buffered_bytes": "sentistream_streams_buffered_bytes"},
        seconds={"batch": "sentistream_streams_batch_seconds", "redis": "sentistream_streams_redis_seconds"},
        troubles={
            "sentistream_streams_redis_away_seconds": Trouble(
                "Redis does not answer", "See REDIS_URL and docs/operating.md.", "redis_away"
            )
        },
    ),
    "worker": Watched(
        rate="sentistream_worker_events_total",
        sums={
            "in_flight": "sentistream_worker_in_flight",
            "pending": "sentistream_worker_pending",
            "waiting": "sentistream_worker_waiting",
        },
        highest={"lag_s": "sentistream_worker_lag_seconds"},
        seconds={"model": "sentistream_worker_model_seconds", "commit": "sentistream_worker_transaction_seconds"},
        troubles={
            "sentistream_worker_engine_outage": Trouble(
                "the model's engine does not answer", "See the worker's log, and docs/operating.md.", "engine_away"
            ),
            "sentistream_worker_parked_partitions": Trouble(
                "it meets records of a newer version", "Upgrade the worker.", "newer_records"
            ),
        },
    ),
    "trainer": Watched(rate="sentistream_trainer_runs_total"),
}


@dataclass(frozen=True, slots=True)
class Page:
    """One page's samples, added up by name; histograms by name and upper bound."""

    values: Mapping[str, float]
    highest: Mapping[str, float]
    buckets: Mapping[str, Mapping[float, float]]


class ServiceMetrics:
    """All pages, read at once with a time-out; rates and percentiles are of what happened since the reading before."""

    def __init__(self, settings: ApiSettings) -> None:
        self._addresses = {
            "streams": addresses(settings.console_streams_metrics),
            "worker": addresses(settings.console_worker_metrics),
            "trainer": addresses(settings.console_trainer_metrics),
        }
        self._before: dict[str, tuple[float, Page]] = {}

    def read(self) -> tuple[ServiceHealth, ...]:
        """Each service; one that does not answer is down, never an error."""
        every = [one for group in self._addresses.values() for one in group]
        with ThreadPoolExecutor(max(len(every), 1), thread_name_prefix="console-metrics") as threads:
            pages = dict(zip(every, threads.map(_read, every), strict=True))
        return tuple(self._health(service, [pages[one] for one in group]) for service, group in self._addresses.items())

    def _health(self, service: str, pages: Sequence[Page | None]) -> ServiceHealth:
        variable = f"CONSOLE_{service.upper()}_METRICS"
        facts: Facts = {"service": service, "variable": variable, "count": len(pages)}
        if not pages:
            to_do = f"Set {variable} to the address of its /metrics."
            return _told(service, "unknown", [Trouble("nobody is asked", to_do, "not_asked", facts)], {})
        there = [page for page in pages if page is not None]
        if not there:
            text = "it does not answer" if len(pages) == 1 else f"none of the {len(pages)} answers"
            to_do = f"Start `sentistream {service}`, or correct {variable}."
            return _told(service, "down", [Trouble(text, to_do, "silent", facts)], {})
        watched, page = WATCHED[service], _together(there)
        figures = self._figures(service, watched, page)
        found = [trouble for name, trouble in watched.troubles.items() if page.highest.get(name, 0.0) > 0]
        if len(there) < len(pages):
            text, to_do = f"{len(there)} of {len(pages)} answer", f"Look at the others that {variable} names."
            found.append(Trouble(text, to_do, "some_silent", facts | {"there": len(there)}))
        if found:
            return _told(service, "behind", found, figures)
        text = "at work" if len(there) == 1 else f"all {len(there)} at work"
        at_work = Finding(code="at_work", facts={"count": len(there)})
        return ServiceHealth.model_validate(
            {"service": service, "state": "ok", "text": text, "to_do": None, "findings": [at_work], "figures": figures}
        )

    def _figures(self, service: str, watched: Watched, page: Page) -> dict[str, float]:
        now = time.monotonic()
        before_at, before = self._before.get(service, (now, Page({}, {}, {})))
        figures = {name: page.values[metric] for name, metric in watched.sums.items() if metric in page.values}
        figures |= {name: page.highest[metric] for name, metric in watched.highest.items() if metric in page.highest}
        if now > before_at and watched.rate in page.values:
            # A service that was started anew counts from 0 again.
            done = max(page.values[watched.rate] - before.values.get(watched.rate, 0.0), 0.0)
            figures["rate_per_s"] = done / (now - before_at)
        for name, metric in watched.seconds.items():
            counts = page.buckets.get(metric, {})
            since = _difference(counts, before.buckets.get(metric, {}))
            for share in (0.5, 0.99):
                value = _quantile(since, share) if since else _quantile(counts, share)
                if value is not None:
                    figures[f"{name}_p{share * 100:.0f}_s"] = value
        self._before[service] = now, page
        return {name: value for name, value in figures.items() if math.isfinite(value)}


def _told(service: str, state: str, found: Sequence[Trouble], figures: dict[str, float]) -> ServiceHealth:
    return ServiceHealth.model_validate(
        {
            "service": service,
            "state": state,
            "text": "; ".join(one.text for one in found),
            "to_do": found[0].to_do,
            "findings": [one.finding for one in found],
            "figures": figures,
        }
    )


def _read(address: str) -> Page | None:
    try:
        answer = httpx.get(address, timeout=_TIMEOUT_S, follow_redirects=False)
        answer.raise_for_status()
        return _parse(answer.text[:_MOST_BYTES])
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        log.debug("metrics_unreadable", address=address, error=type(error).__name__)
        return None


def _parse(text: str) -> Page:
    values: dict[str, float] = defaultdict(float)
    highest: dict[str, float] = {}
    buckets: dict[str, dict[float, float]] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            if sample.name.endswith("_bucket"):
                buckets.setdefault(family.name, defaultdict(float))[float(sample.labels["le"])] += sample.value
            else:
                values[sample.name] += sample.value
                highest[sample.name] = max(highest.get(sample.name, -math.inf), sample.value)
    return Page(values, highest, buckets)


def _together(pages: Sequence[Page]) -> Page:
    values: dict[str, float] = defaultdict(float)
    highest: dict[str, float] = {}
    buckets: dict[str, dict[float, float]] = {}
    for page in pages:
        for name, value in page.values.items():
            values[name] += value
        for name, value in page.highest.items():
            highest[name] = max(highest.get(name, -math.inf), value)
        for name, counts in page.buckets.items():
            for bound, count in counts.items():
                buckets.setdefault(name, defaultdict(float))[bound] += count
    return Page(values, highest, buckets)


def _difference(now: Mapping[float, float], before: Mapping[float, float]) -> dict[float, float]:
    """What came since; empty where nothing did, or where counting began anew."""
    found = {bound: count - before.get(bound, 0.0) for bound, count in now.items()}
    total = found.get(math.inf, 0.0)
    return found if total > 0 and min(found.values()) >= 0 else {}


def _quantile(counts: Mapping[float, float], share: float) -> float | None:
    """As PromQL's histogram_quantile: linear within a bucket."""
    total = counts.get(math.inf, 0.0)
    if total <= 0:
        return None
    below, least = 0.0, 0.0
    for bound, count in sorted(counts.items()):
        if count >= share * total:
            return least if math.isinf(bound) else least + (bound - least) * (share * total - below) / (count - below)
        below, least = count, bound
    return least
