"""How many of the places in flight each tenant held, reckoned from events: when each was decided, how long it took."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Held:
    """One message's place.

    Attributes:
        until: when its answer was decided, by the wall clock.
        seconds: for which the engine worked on it.
    """

    tenant: str
    until: float
    seconds: float


def mean_places(held: Iterable[Held], begin: float, end: float) -> dict[str, float]:
    """By tenant, the places that it held on average between two moments."""
    found: dict[str, float] = {}
    for one in held:
        within = min(one.until, end) - max(one.until - one.seconds, begin)
        found[one.tenant] = found.get(one.tenant, 0.0) + max(0.0, within) / (end - begin)
    return found


def fair_places(wanted: Mapping[str, float], places: float) -> dict[str, float]:
    """The max-min fair share: nobody gets more than they want, and what is left is shared equally by the others."""
    found: dict[str, float] = {}
    left = places
    for number, tenant in enumerate(sorted(wanted, key=lambda one: wanted[one])):
        found[tenant] = min(wanted[tenant], left / (len(wanted) - number))
        left -= found[tenant]
    return found
