"""Named points that tests may break the stream at. The product does nothing there."""

from typing import Literal, Protocol

FaultPoint = Literal["in_rebuild", "after_window", "after_send", "before_ack", "after_ack"]


class FaultPoints(Protocol):
    """What a test injects."""

    async def reached(self, point: FaultPoint) -> None:
        """The stream is at this point of a batch, or has read a part of a lost window's turns again."""


class NoFaults:
    """The product's own: goes on."""

    async def reached(self, point: FaultPoint) -> None:
        """Do nothing."""
