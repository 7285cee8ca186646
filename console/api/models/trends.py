"""Shares over time."""

from datetime import datetime

from console.api.models.base import Reply, Share


class Counts(Reply):
    """How many events there were, and of which kind.

    Attributes:
        labels: by label as it holds now, corrections included; those without any are left out.
        shares: the same over the labelled ones.
        sentiments: by `positive`, `neutral`, `negative`.
        negative_share: of the labelled ones.
        confidence: mean of the model's; null without any.
        latency_ms: mean, from sending to the decision; null without events.
    """

    events: int
    labelled: int
    outliers: int
    unsupported: int
    flips: int
    corrected: int
    labels: dict[str, int]
    shares: dict[str, Share]
    sentiments: dict[str, int]
    negative_share: Share
    confidence: Share | None
    latency_ms: float | None


class TrendBucket(Counts):
    """One span of time."""

    start: datetime


class Group(Counts):
    """All events of one tenant, or of one language, in the whole span."""

    name: str


class Trends(Reply):
    """Shares over time; empty buckets are there too, so that a chart shows a gap as one.

    Attributes:
        bucket_seconds: length of each; the server takes a longer one than asked where there would be over 500.
        totals: over the whole span.
    """

    since: datetime
    until: datetime
    bucket_seconds: int
    buckets: tuple[TrendBucket, ...]
    totals: Counts
    by_tenant: tuple[Group, ...]
    by_language: tuple[Group, ...]
