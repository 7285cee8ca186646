"""What streams and workers say of themselves on their metrics pages."""

import math
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Final

from console.api.metrics_page import Page, added, came_since, counted_since, quantile, together
from console.api.models.base import Facts, Finding
from console.api.models.health import ServiceHealth
from console.api.replicas import Replica, replicas
from console.api.settings import ApiSettings, addresses
from console.codes import HealthCode

_MOST_THREADS: Final = 16


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
class Look:
    """A replica's page, and when it was read, in seconds of the monotonic clock."""

    at: float
    page: Page


class ServiceMetrics:
    """All pages, read at once with a time-out; rates and percentiles are of what happened since the reading before."""

    def __init__(self, settings: ApiSettings) -> None:
        self._addresses = {
            "streams": addresses(settings.console_streams_metrics),
            "worker": addresses(settings.console_worker_metrics),
            "trainer": addresses(settings.console_trainer_metrics),
        }
        #: Each replica by itself: one that has just come brings all its count at once.
        self._before: dict[Replica, Look] = {}

    def read(self) -> tuple[ServiceHealth, ...]:
        """Each service; one that does not answer is down, never an error."""
        every = tuple(dict.fromkeys(one for group in self._addresses.values() for one in group))
        with ThreadPoolExecutor(_MOST_THREADS, thread_name_prefix="console-metrics") as threads:
            behind = dict(zip(every, threads.map(replicas, every), strict=True))
            asked = [one for group in behind.values() for one in group]
            pages = dict(zip(asked, threads.map(Replica.read, asked), strict=True))
        now = time.monotonic()
        looks = {one: Look(now, page) for one, page in pages.items() if page is not None}
        found = tuple(
            self._health(service, [one for address in group for one in behind[address]], looks)
            for service, group in self._addresses.items()
        )
        kept = {one: look for one, look in self._before.items() if one in pages}
        self._before = kept | looks
        return found

    def _health(self, service: str, asked: Sequence[Replica], looks: Mapping[Replica, Look]) -> ServiceHealth:
        variable = f"CONSOLE_{service.upper()}_METRICS"
        facts: Facts = {"service": service, "variable": variable, "count": len(asked)}
        if not asked:
            to_do = f"Set {variable} to the address of its /metrics."
            return _told(service, "unknown", [Trouble("nobody is asked", to_do, "not_asked", facts)], {})
        there = [one for one in asked if one in looks]
        if not there:
            text = "it does not answer" if len(asked) == 1 else f"none of the {len(asked)} answers"
            to_do = f"Start `sentistream {service}`, or correct {variable}."
            return _told(service, "down", [Trouble(text, to_do, "silent", facts)], {})
        watched, page = WATCHED[service], together([looks[one].page for one in there])
        figures = self._figures(watched, page, [(looks[one], self._before.get(one)) for one in there])
        found = [trouble for name, trouble in watched.troubles.items() if page.highest.get(name, 0.0) > 0]
        if len(there) < len(asked):
            text, to_do = f"{len(there)} of {len(asked)} answer", f"Look at the others that {variable} names."
            found.append(Trouble(text, to_do, "some_silent", facts | {"there": len(there)}))
        if found:
            return _told(service, "behind", found, figures)
        text = "at work" if len(there) == 1 else f"all {len(there)} at work"
        at_work = Finding(code="at_work", facts={"count": len(there)})
        return ServiceHealth.model_validate(
            {"service": service, "state": "ok", "text": text, "to_do": None, "findings": [at_work], "figures": figures}
        )

    def _figures(self, watched: Watched, page: Page, looks: Sequence[tuple[Look, Look | None]]) -> dict[str, float]:
        figures = {name: page.values[metric] for name, metric in watched.sums.items() if metric in page.values}
        figures |= {name: page.highest[metric] for name, metric in watched.highest.items() if metric in page.highest}
        rate = _rate(watched.rate, looks)
        figures |= {} if rate is None else {"rate_per_s": rate}
        for name, metric in watched.seconds.items():
            since = added(
                [
                    came_since(now.page.buckets.get(metric, {}), before.page.buckets.get(metric, {}) if before else {})
                    for now, before in looks
                ]
            )
            # Where nothing came since, of all there was.
            counts = since if since.get(math.inf) else page.buckets.get(metric, {})
            for share in (0.5, 0.99):
                value = quantile(counts, share)
                if value is not None:
                    figures[f"{name}_p{share * 100:.0f}_s"] = value
        return {name: value for name, value in figures.items() if math.isfinite(value)}


def _rate(counter: str, looks: Sequence[tuple[Look, Look | None]]) -> float | None:
    """A second, all replicas together; None before the second look at the first of them."""
    found = [
        counted_since(now.page.values[counter], before.page.values.get(counter, 0.0)) / (now.at - before.at)
        for now, before in looks
        if before is not None and now.at > before.at and counter in now.page.values
    ]
    return sum(found) if found else None


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
