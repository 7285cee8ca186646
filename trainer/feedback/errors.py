"""What makes it impossible to read what people said; one bad record never does."""

from trainer.errors import TrainerError
from trainer.exit_codes import ExitCode


class FeedbackError(TrainerError):
    """Base of all errors here. The text says what was wrong, where, and what to do."""

    exit_code = ExitCode.DATA


class TopicUnavailableError(FeedbackError):
    """Kafka does not give what a topic holds."""

    exit_code = ExitCode.UNAVAILABLE


class MixtureError(FeedbackError):
    """A configured corpus that cannot be mixed in."""

    exit_code = ExitCode.MISCONFIGURED
