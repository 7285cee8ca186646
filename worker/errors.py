"""Why a worker stops, and the exit code that says so to whatever supervises it."""

from enum import IntEnum
from typing import ClassVar


class ExitCode(IntEnum):
    """What the process's exit code means."""

    #: Told to stop; everything finished was committed.
    STOPPED = 0
    #: A fault in the worker itself: please report it.
    INTERNAL = 1
    #: Settings, topics or the model folder do not fit; a restart does not help.
    MISCONFIGURED = 64
    #: Another process runs under the same WORKER_ID; or, after a crash or a long pause, the broker takes this one's
    #: second attempt to join for another's (librdkafka gives up then; a restart helps). This process must not go on.
    FENCED = 65
    #: Requests are missing between the stream and this worker; ACCEPT_LOSS goes on without them.
    REQUESTS_MISSING = 66
    #: A committed offset has no watermark; ACCEPT_MISSING_WATERMARK goes on without one.
    WATERMARK_MISSING = 67
    #: Too large a share of dead letters: something upstream or here is broken.
    TOO_MANY_DEAD_LETTERS = 68
    #: Nothing moved for WATCHDOG_SECONDS although work was pending; a restart may help.
    STALLED = 69
    #: Kafka refused or could not be reached for too long; a restart may help.
    KAFKA = 70
    #: The stream cuts its prompts with another tokenizer than this worker's model has.
    FOREIGN_TOKENIZER = 71
    #: The engine did not start, or ended for good in this process; a restart may help.
    ENGINE = 72
    #: There was no memory to label with: a restart helps where it was a passing need.
    MEMORY = 73
    #: Told to stop, and ended by itself at a bound that it had not kept; what was not committed is done again.
    LATE = 75


class WorkerError(Exception):
    """Base of all errors that end the worker. The text says what was wrong, where, and what to do."""

    exit_code: ClassVar[ExitCode] = ExitCode.INTERNAL


class MisconfiguredError(WorkerError):
    """Settings that cannot work together or with what is there."""

    exit_code = ExitCode.MISCONFIGURED


class FencedError(WorkerError):
    """Kafka gave this worker's identity to another process."""

    exit_code = ExitCode.FENCED


class RequestsMissingError(WorkerError):
    """A range of messages has no requests that this worker could still read."""

    exit_code = ExitCode.REQUESTS_MISSING


class WatermarkMissingError(WorkerError):
    """An offset was committed by something that keeps no watermark, or by a newer worker."""

    exit_code = ExitCode.WATERMARK_MISSING


class TooManyDeadLettersError(WorkerError):
    """The cap on the share of dead letters was passed."""

    exit_code = ExitCode.TOO_MANY_DEAD_LETTERS


class StalledError(WorkerError):
    """Work is pending and nothing moves."""

    exit_code = ExitCode.STALLED


class KafkaFailedError(WorkerError):
    """Kafka refused something that the worker cannot do without, or did not answer in time."""

    exit_code = ExitCode.KAFKA


class ForeignTokenizerError(WorkerError):
    """Prompts that were cut with another tokenizer would not be the ones that the model was trained on."""

    exit_code = ExitCode.FOREIGN_TOKENIZER


class EngineStartError(WorkerError):
    """The engine did not become ready."""

    exit_code = ExitCode.ENGINE


class EngineLostError(WorkerError):
    """The engine of this process ended, and only a new process brings another."""

    exit_code = ExitCode.ENGINE


class OutOfMemoryError(WorkerError):
    """There is no memory for the work; that is no record's fault."""

    exit_code = ExitCode.MEMORY


class TransactionAbortedError(Exception):
    """Nothing of a transaction was committed; the same results can go into the next one."""


class OutcomeUnknownError(Exception):
    """Kafka did not say whether a transaction was committed; only the committed offsets can tell."""
