"""What can go wrong with the adapters that are kept, and with the decision which one is live."""

from trainer.errors import TrainerError
from trainer.exit_codes import ExitCode


class RegistryError(TrainerError):
    """Base of all errors here. The text says what was wrong, where, and what to do."""

    exit_code = ExitCode.REGISTRY


class UnknownVersionError(RegistryError):
    """The registry has no such version."""


class VersionTakenError(RegistryError):
    """The version was published before, with another content."""


class DamagedAdapterError(RegistryError):
    """A folder does not hold what it says of itself."""


class RegistryUnavailableError(RegistryError):
    """The store could not be read or written; nothing of what was tried is visible. Try again."""


class ReleaseError(RegistryError):
    """A release or a rollback that cannot be made, or that Kafka did not take."""


class ReleasesUnavailableError(ReleaseError):
    """Kafka does not say which adapter is live, or whether it has a decision."""

    exit_code = ExitCode.UNAVAILABLE


class DecisionRefusedError(ReleaseError):
    """A decision that would change nothing, or for which there is nothing to go back to."""


class OvertakenError(DecisionRefusedError):
    """Another decision was made while this one was being made: what it stood on is not live any more."""
