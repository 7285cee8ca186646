"""What can go wrong in the console. Each text says what was wrong, where, and what to do."""

from console.codes import PortCode


class ConsoleError(Exception):
    """Base of all errors here."""


class PortError(ConsoleError):
    """Kafka, the registry or another part of the product did not do what it was asked for.

    Attributes:
        refused: it works, and said no: asking again will not help.
        code: names the text, whose places `facts` fill.
    """

    def __init__(self, text: str, *, refused: bool = False, code: PortCode | None = None, **facts: str | float) -> None:
        """Keep whether trying again may help."""
        super().__init__(text)
        self.refused = refused
        self.code: PortCode = code or ("refused" if refused else "unavailable")
        self.facts = facts
