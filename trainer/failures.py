"""What Python and torch raise while a refresh is at work, as errors that say what to do."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import structlog

from trainer.errors import ComputationError, RunFolderError

log = structlog.get_logger()


@contextmanager
def computing(what: str) -> Iterator[None]:
    """Turns what torch raises into ComputationError; the log has where it happened."""
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        log.exception("computation_failed", what=what)
        text = (str(error).splitlines() or [type(error).__name__])[0]
        if isinstance(error, MemoryError) or "memory" in text.lower():
            text += ". Memory is short: in training a smaller micro_batch in the recipe takes less"
        raise ComputationError(f"{what}: {text}. The next run goes on from what is finished") from error


@contextmanager
def writing(runs: Path) -> Iterator[None]:
    """Turns what a full or broken disk raises into RunFolderError."""
    try:
        yield
    except OSError as error:
        if error.errno is None:
            # No disk's: transformers, say, means a model that lacks a part.
            raise
        raise RunFolderError(
            f"{runs}, or a file that a run needs, cannot be read or written: {error}. Look for space and rights "
            "(TRAINER_FOLDER, TMPDIR); the next run goes on from what is finished"
        ) from error
