"""What can go wrong in the console. Each text says what was wrong, where, and what to do."""


class ConsoleError(Exception):
    """Base of all errors here."""


class PortError(ConsoleError):
    """Kafka, the registry or another part of the product did not do what it was asked for.

    Attributes:
        refused: it works, and said no: asking again will not help.
    """

    def __init__(self, text: str, *, refused: bool = False) -> None:
        """Keep whether trying again may help."""
        super().__init__(text)
        self.refused = refused
