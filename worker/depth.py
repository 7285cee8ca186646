"""How deep a message is verified, tied to the lag: policy `paper`, then `calibrated`, then one pass, and back."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import structlog

from schemas.event import Policy
from worker import metrics

log = structlog.get_logger()

#: The deepest first.
DEPTHS: Final[tuple[Policy, ...]] = ("paper", "calibrated", "one-pass")


@dataclass(frozen=True, slots=True)
class DepthRule:
    """When the depth changes.

    Attributes:
        calibrated_at_s: lag at which `paper` gives way to `calibrated`.
        one_pass_at_s: lag at which that gives way to one pass.
        return_share: share of a threshold under which the lag must be for the way back.
        hold_s: for how long it must be.
    """

    calibrated_at_s: float
    one_pass_at_s: float
    return_share: float
    hold_s: float


class AdaptiveDepth:
    """Goes to a cheaper policy at once and back one step at a time, when the lag has stayed low for a while.

    Attributes:
        policy: the one that messages are answered by now.
    """

    def __init__(self, rule: DepthRule, clock: Callable[[], float] = time.monotonic) -> None:
        self._thresholds = (-math.inf, rule.calibrated_at_s, rule.one_pass_at_s)
        self._rule = rule
        self._clock = clock
        self._level = 0
        self._low_since: float | None = None
        self.policy = DEPTHS[0]
        _show(self.policy)

    def look(self, lag_s: float) -> None:
        """Take note of the lag, seconds: the age of the oldest message that came to the front, or waits there."""
        now = self._clock()
        reached = max(level for level, threshold in enumerate(self._thresholds) if lag_s >= threshold)
        if reached > self._level:
            self._change(reached, lag_s)
        elif self._level and lag_s < self._thresholds[self._level] * self._rule.return_share:
            if self._low_since is None:
                self._low_since = now
            if now - self._low_since >= self._rule.hold_s:
                self._change(self._level - 1, lag_s)
                # The next step back waits again: what the last one costs shows first.
                self._low_since = now
        else:
            self._low_since = None

    def _change(self, level: int, lag_s: float) -> None:
        was, self.policy = self.policy, DEPTHS[level]
        self._level = level
        self._low_since = None
        metrics.DEPTH_CHANGES.labels(self.policy).inc()
        _show(self.policy)
        log.warning("depth_changed", was=was, now=self.policy, lag_s=round(lag_s, 1))


def _show(policy: Policy) -> None:
    for one in DEPTHS:
        metrics.DEPTH.labels(one).set(one == policy)
