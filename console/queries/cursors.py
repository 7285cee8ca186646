"""Where a page ended, as an opaque text."""

import base64
import binascii
from dataclasses import dataclass

from console.errors import ConsoleError

#: What every database takes as a whole number.
_LARGEST = 2**63 - 1


class CursorError(ConsoleError):
    """A cursor that was not made here."""


@dataclass(frozen=True, slots=True)
class Position:
    """A row's place in an order: its sort key and, among equals, its id."""

    key: float
    id: int

    def encode(self) -> str:
        """As clients get it."""
        return base64.urlsafe_b64encode(f"{self.key!r}.{self.id}".encode()).decode().rstrip("=")

    @classmethod
    def decode(cls, text: str) -> "Position":
        """What `encode` made; CursorError for anything else."""
        try:
            key, _, number = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode("ascii").rpartition(".")
            found = cls(float(key) if "." in key or "e" in key else int(key), int(number))
        except (binascii.Error, ValueError):
            found = None
        if found is None or not -_LARGEST <= found.key <= _LARGEST or not 0 <= found.id <= _LARGEST:
            raise CursorError("this cursor is none of ours: take `next_cursor` of an answer, or leave it out")
        return found
