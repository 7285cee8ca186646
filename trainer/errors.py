"""What can go wrong while corpora are read and models are made."""

from pathlib import Path
from typing import ClassVar

from trainer.exit_codes import ExitCode


class TrainerError(Exception):
    """Base of this package's errors."""

    exit_code: ClassVar[ExitCode] = ExitCode.INTERNAL


class CorpusError(TrainerError):
    """A corpus file that does not hold what its format promises; the text names the file and the line."""

    def __init__(self, path: Path, line: int, detail: str) -> None:
        """Name the place first, as compilers do."""
        super().__init__(f"{path}:{line}: {detail}")
        self.path = path
        self.line = line


class UnknownFormatError(TrainerError):
    """A corpus format that no reader knows."""


class WarmStartError(TrainerError):
    """Weights that cannot be turned into the decoder's."""


class CheckpointError(TrainerError):
    """A checkpoint that does not belong to the run that wants to go on from it."""


class MisconfiguredError(TrainerError):
    """Settings that cannot work together or with what is there."""

    exit_code = ExitCode.MISCONFIGURED


class LockTakenError(TrainerError):
    """Another run works on the same model."""

    exit_code = ExitCode.LOCKED


class LockLostError(TrainerError):
    """The lock is not sure to be ours any more."""

    exit_code = ExitCode.LOCKED


class RedisFailedError(TrainerError):
    """Redis does not answer, or refuses."""

    exit_code = ExitCode.UNAVAILABLE


class StoppedError(TrainerError):
    """Somebody asked the run to end; the next one goes on from here."""

    exit_code = ExitCode.STOPPED


class ComputationError(TrainerError):
    """torch could not train or compare: mostly, memory is short."""

    exit_code = ExitCode.TRAINING


class RunFolderError(TrainerError):
    """The folder of the runs cannot be used."""

    exit_code = ExitCode.REGISTRY
