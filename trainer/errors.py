"""What can go wrong while corpora are read and models are made."""

from pathlib import Path


class TrainerError(Exception):
    """Base of this package's errors."""


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
