"""What can go wrong around the command line and the embedded stack."""


class SentistreamError(Exception):
    """Base of all errors here. The text says what was wrong, where, and what to do."""


class MissingPrerequisiteError(SentistreamError):
    """A program that the embedded stack needs is not installed."""


class StartError(SentistreamError):
    """A child process did not come up."""


class FolderInUseError(SentistreamError):
    """Another process runs an embedded stack in the same folder."""


class TopicError(SentistreamError):
    """The topics on the cluster are not what this deployment needs."""


class ServiceError(SentistreamError):
    """A service that a command needs is not running, or ended."""


class PublishError(SentistreamError):
    """Kafka did not take a record."""


class PlaceError(SentistreamError):
    """A dead letter that was asked for does not exist."""


class InterruptedStartError(SentistreamError):
    """Somebody pressed Ctrl-C before everything was up."""
