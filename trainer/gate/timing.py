"""Does the candidate take longer? Measured by turns with what is live, until the answer is clear.

A shared machine is noisy, so one clock reading means little. Both sides answer the same messages one right after the
other, and only the ratio within such a turn counts: what slows the machine slows both. The median of the ratios is not
moved by a few disturbed turns. Turns are added until a sign test is sure on which side of the limit the median lies
(each look errs with at most 1 %), or until there are enough of them; then the median itself decides.
"""

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from math import comb
from typing import Final

Clock = Callable[[], float]
_ERROR: Final = 0.01


@dataclass(frozen=True, slots=True)
class Timing:
    """The candidate's seconds per call over the live one's.

    Attributes:
        ratio: median over the turns.
        turns: that it took.
        sure: whether the sign test was, rather than the last turn reached.
    """

    ratio: float
    turns: int
    sure: bool


def compare_times(
    live: Callable[[], object],
    candidate: Callable[[], object],
    *,
    limit: float,
    most_turns: int,
    clock: Clock = time.perf_counter,
) -> Timing:
    """Time both by turns; each goes first every other time, so that neither always runs on a warm cache.

    Args:
        live: asks the live side once.
        candidate: asks the candidate the same.
        limit: the ratio that matters.
        most_turns: when to stop in any case.
        clock: gives seconds.
    """
    for ask in (live, candidate):  # the first call of each pays for what later ones find ready
        ask()
    ratios: list[float] = []
    while len(ratios) < most_turns and not _sure(ratios, limit):
        if len(ratios) % 2:
            later, sooner = _seconds(candidate, clock), _seconds(live, clock)
        else:
            sooner, later = _seconds(live, clock), _seconds(candidate, clock)
        ratios.append(later / max(sooner, 1e-9))
    return Timing(statistics.median(ratios), len(ratios), _sure(ratios, limit))


def _seconds(ask: Callable[[], object], clock: Clock) -> float:
    began = clock()
    ask()
    return clock() - began


def _sure(ratios: list[float], limit: float) -> bool:
    """Whether so lopsided a count of ratios above the limit is rarer than the error, were the median at the limit."""
    count = len(ratios)
    above = sum(one > limit for one in ratios)
    most = max(above, count - above)
    return count > 0 and sum(comb(count, one) for one in range(most, count + 1)) / 2**count < _ERROR
