"""What becomes of a message when it is its turn: its usual answer, a cheaper one, or none because it is too old."""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from schemas.event import Policy
from worker import metrics
from worker.depth import AdaptiveDepth, DepthRule
from worker.intake import Job
from worker.load_settings import Aged, LoadSettings


@dataclass(frozen=True, slots=True)
class Treatment:
    """How one message is answered.

    Attributes:
        policy: None for the labeller's own.
        too_old: why it gets a dead letter instead.
    """

    policy: Policy | None = None
    too_old: str | None = None


USUAL: Final = Treatment()


class Treatments:
    """Decides by a message's age, and by the lag, which is the age of those at the front.

    Ages are told by Kafka's timestamp of the record in ``chat.messages`` and this machine's clock.

    Args:
        max_age_s: None has no limit.
        aged: what becomes of a message above it.
        depth: None leaves the policy to the labeller.
        spare_light: the limit is only for tenants that are over their share of what waits.
        clock: seconds since 1970.
    """

    def __init__(
        self,
        max_age_s: float | None = None,
        aged: Aged = "dead-letter",
        depth: AdaptiveDepth | None = None,
        *,
        spare_light: bool = False,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._max_age_s = max_age_s
        self._aged = aged
        self._depth = depth
        self._spare_light = spare_light
        self._clock = clock
        self._oldest_s = 0.0

    @property
    def adaptive(self) -> bool:
        """`look` wants to be called."""
        return self._depth is not None

    def of(self, job: Job, over_share: Callable[[str], bool]) -> Treatment:
        """For a message whose turn it is; `over_share` says whether a tenant is."""
        if self._max_age_s is None and self._depth is None:
            return USUAL
        age_s = self._clock() - job.logged_s
        self._oldest_s = max(self._oldest_s, age_s)
        if self._max_age_s is not None and age_s > self._max_age_s and self._aged_too(job, over_share):
            metrics.AGED.labels(self._aged).inc()
            if self._aged == "one-pass":
                return Treatment("one-pass")
            return Treatment(too_old=f"{age_s:.0f} s old when it was its turn; MAX_AGE_SECONDS is {self._max_age_s:g}")
        return Treatment(self._depth.policy) if self._depth else USUAL

    def _aged_too(self, job: Job, over_share: Callable[[str], bool]) -> bool:
        return not self._spare_light or over_share(job.request.message.tenant)

    def look(self, waiting: Iterable[Job]) -> None:
        """Let the depth follow the lag: of what came to the front since the last look, and of what waits there."""
        if self._depth is None:
            return
        now = self._clock()
        self._depth.look(max((self._oldest_s, *(now - job.logged_s for job in waiting))))
        self._oldest_s = 0.0


def treatments(settings: LoadSettings) -> Treatments:
    """As the settings have it."""
    depth = None
    if settings.sanm_depth == "adaptive":
        depth = AdaptiveDepth(
            DepthRule(
                calibrated_at_s=settings.depth_calibrated_lag_seconds,
                one_pass_at_s=settings.depth_one_pass_lag_seconds,
                return_share=settings.depth_return_share,
                hold_s=settings.depth_hold_seconds,
            )
        )
    return Treatments(settings.max_age_seconds, settings.aged, depth, spare_light=settings.aged_whose == "over-share")
