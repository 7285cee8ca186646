"""Named places in the store's work where a test may end the process. An object in a constructor, never a setting."""

from typing import Literal, Protocol, get_args

#: In the order in which a batch reaches them.
Point = Literal["batch_taken", "events_written", "rows_written", "progress_written", "committed", "told_kafka"]
POINTS: tuple[Point, ...] = get_args(Point)


class FaultPoints(Protocol):
    """Told whenever the store gets to a named place."""

    def reach(self, point: Point) -> None:
        """Return, raise, or never return."""


class NoFaults:
    """What the product runs with."""

    def reach(self, point: Point) -> None:
        """Go on."""
