"""What can be wrong with alerts."""

from console.errors import ConsoleError


class AlertError(ConsoleError):
    """Base of all errors here."""


class RulesError(AlertError):
    """The rules' file cannot be used; the text names line and field."""


class WebhookError(AlertError):
    """A webhook did not take an occurrence.

    Attributes:
        retry_after_s: it asked to be left alone for so long.
    """

    def __init__(self, text: str, retry_after_s: float = 0.0) -> None:
        """Keep how long to wait."""
        super().__init__(text)
        self.retry_after_s = retry_after_s
