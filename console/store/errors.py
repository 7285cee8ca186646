"""What can go wrong in the event store."""

from console.errors import ConsoleError


class StoreError(ConsoleError):
    """The database cannot be used as it is."""


class StoreUnavailableError(StoreError):
    """The database does not answer, or is locked for too long; trying again may help."""


class LeaseLostError(StoreError):
    """Another process writes now: nothing of this one's transaction was kept."""


class StoreTopicError(StoreError):
    """A topic that the store follows cannot be read."""
