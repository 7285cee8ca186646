"""The last word: what a read_committed reader finds on the topics, message by message."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Final

from schemas.event import EmotionEvent
from sentistream.publisher import Place

#: A release reaches every worker within so long.
REACH: Final = timedelta(seconds=10)


@dataclass(frozen=True, slots=True)
class Live:
    """A version, and when its release was decided; None is the base model."""

    version: str | None
    since: datetime


@dataclass(frozen=True, slots=True)
class Check:
    """How many messages are wrong in each way; all but ``messages`` and ``by_version`` have to be 0.

    Attributes:
        by_version: events of each version; ``base`` is the model without an adapter.
        wrong_version: events by a version that was not live when they were decided.
        slowest_swap_s: from a release to the last event of the version before, negative if that came first.
    """

    messages: int
    lost: int
    doubled: int
    dead_letters: int
    wrong_version: int
    by_version: dict[str, int]
    slowest_swap_s: float

    @property
    def passed(self) -> bool:
        """Nothing lost, doubled or without its version."""
        return not (self.lost or self.doubled or self.dead_letters or self.wrong_version)


def check(
    sent: Mapping[str, Place], events: Sequence[EmotionEvent], dead_letters: int, history: Sequence[Live]
) -> Check:
    """Compare what was published with all events of ``emotion.events`` that are about it.

    Args:
        sent: places by message id.
        events: all that a read_committed reader finds.
        dead_letters: of these messages.
        history: what was live, oldest first, from before the first message on.
    """
    copies = Counter(Place(one.source.partition, one.source.offset) for one in events)
    wanted = set(sent.values())
    after = [
        (one.times.decided_at - later.since).total_seconds()
        for before, later in pairwise(history)
        for one in events
        if one.adapter == before.version
    ]
    return Check(
        messages=len(sent),
        lost=sum(copies[place] == 0 for place in wanted),
        doubled=sum(count - 1 for place, count in copies.items() if place in wanted and count > 1),
        dead_letters=dead_letters,
        wrong_version=sum(one.adapter not in _allowed(one.times.decided_at, history) for one in events),
        by_version=dict(Counter(one.adapter or "base" for one in events)),
        slowest_swap_s=max(after, default=0.0),
    )


def _allowed(at: datetime, history: Sequence[Live]) -> set[str | None]:
    """What was live then, and what was live until shortly before: a message ends with the version it began with."""
    allowed: set[str | None] = set()
    for index, one in enumerate(history):
        until = history[index + 1].since + REACH if index + 1 < len(history) else None
        if one.since <= at and (until is None or at <= until):
            allowed.add(one.version)
    return allowed
