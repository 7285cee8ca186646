"""Named places in the worker where a test may end the process or raise. An object in a constructor, never a setting."""

from typing import Literal, Protocol

#: In the order in which one request reaches them.
Point = Literal["after_accept", "after_produce", "after_offsets_sent", "before_commit", "after_commit"]


class FaultPoints(Protocol):
    """Told whenever the worker gets to a named place."""

    def reach(self, point: Point) -> None:
        """Return, raise, or never return."""


class NoFaults:
    """What the product runs with."""

    def reach(self, point: Point) -> None:
        """Go on."""
