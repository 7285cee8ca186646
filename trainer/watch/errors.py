"""What can go wrong while the topics are watched or answered again."""

from trainer.errors import TrainerError
from trainer.exit_codes import ExitCode


class WatchError(TrainerError):
    """Base of all errors here. The text says what was wrong, where, and what to do."""


class TopicUnwritableError(WatchError):
    """Kafka does not take what was to be written."""

    exit_code = ExitCode.UNAVAILABLE


class SpanError(WatchError):
    """A span of time that holds nothing, or ends before it begins."""

    exit_code = ExitCode.MISCONFIGURED
