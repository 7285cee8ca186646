"""Named places in a refresh where a test may end the process. An object in a constructor, never a setting."""

from typing import Literal, Protocol, get_args

#: In the order in which a refresh reaches them.
Point = Literal[
    "lock_taken",
    "offsets_fixed",
    "data_collected",
    "data_kept",
    "training_step",
    "adapter_trained",
    "adapter_kept",
    "judged",
    "verdict_kept",
    "publishing",
    "published",
    "released",
]
POINTS: tuple[Point, ...] = get_args(Point)


class FaultPoints(Protocol):
    """Told whenever the refresh gets to a named place."""

    def reach(self, point: Point) -> None:
        """Return, raise, or never return."""


class NoFaults:
    """What the product runs with."""

    def reach(self, point: Point) -> None:
        """Go on."""
