"""A service's metrics page, read into sums, and what two looks at it tell."""

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from prometheus_client.parser import text_string_to_metric_families


@dataclass(frozen=True, slots=True)
class Page:
    """One page's samples, added up by name; histograms by name and upper bound."""

    values: Mapping[str, float] = field(default_factory=dict)
    highest: Mapping[str, float] = field(default_factory=dict)
    buckets: Mapping[str, Mapping[float, float]] = field(default_factory=dict)


def parse(text: str) -> Page:
    """A page from its text; ValueError where it is none."""
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


def together(pages: Sequence[Page]) -> Page:
    """Several replicas' pages as one."""
    values: dict[str, float] = defaultdict(float)
    highest: dict[str, float] = {}
    for page in pages:
        for name, value in page.values.items():
            values[name] += value
        for name, value in page.highest.items():
            highest[name] = max(highest.get(name, -math.inf), value)
    names = {name for page in pages for name in page.buckets}
    return Page(values, highest, {name: added([page.buckets.get(name, {}) for page in pages]) for name in names})


def added(every: Sequence[Mapping[float, float]]) -> dict[float, float]:
    """Histograms of the same bounds as one."""
    found: dict[float, float] = defaultdict(float)
    for counts in every:
        for bound, count in counts.items():
            found[bound] += count
    return found


def counted_since(now: float, before: float) -> float:
    """What a counter gained; one that was started anew counts from 0 again."""
    return now - before if now >= before else now


def came_since(now: Mapping[float, float], before: Mapping[float, float]) -> Mapping[float, float]:
    """What came into a histogram; all of it where counting began anew."""
    found = {bound: count - before.get(bound, 0.0) for bound, count in now.items()}
    return found if min(found.values(), default=0.0) >= 0 else now


def quantile(counts: Mapping[float, float], share: float) -> float | None:
    """As PromQL's histogram_quantile: linear within a bucket. None of an empty one."""
    total = counts.get(math.inf, 0.0)
    if total <= 0:
        return None
    below, least = 0.0, 0.0
    for bound, count in sorted(counts.items()):
        if count >= share * total:
            return least if math.isinf(bound) else least + (bound - least) * (share * total - below) / (count - below)
        below, least = count, bound
    return least
