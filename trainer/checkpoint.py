"""A training run's state on disk: one file, replaced in one step, so that a kill leaves the old or the new one."""

import os
import pickle
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import torch

from trainer.errors import CheckpointError
from trainer.files import sync

FILE = "checkpoint.pt"
#: What torch, zip and pickle say of a file that is torn, or of another make.
_UNREADABLE: Final = (RuntimeError, ValueError, TypeError, KeyError, EOFError, OSError, pickle.UnpicklingError)


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """All that a run needs to go on exactly.

    Attributes:
        run: what identifies the run: settings and sizes; another run's checkpoint is refused.
        epoch: from 0.
        step: steps done in this epoch.
        state: states of model, average, optimiser, schedule and torch's generator, and the beliefs.
    """

    run: str
    epoch: int
    step: int
    state: dict[str, Any]


def save(folder: Path, checkpoint: Checkpoint) -> None:
    """Write it, atomically; a power cut, too, leaves the old or the new one. OSError where the disk is full."""
    folder.mkdir(parents=True, exist_ok=True)
    partial = folder / f"{FILE}.partial"
    # Not by its path: torch would tell of a full disk as of a fault of its own.
    with partial.open("wb") as file:
        torch.save({name: getattr(checkpoint, name) for name in ("run", "epoch", "step", "state")}, file)
    sync(partial)
    os.replace(partial, folder / FILE)  # noqa: PTH105  # os.replace says what it does
    sync(folder)


def load(folder: Path, run: str) -> Checkpoint | None:
    """The folder's checkpoint, None where there is none.

    Raises:
        CheckpointError: it belongs to a run with other settings or other data, or cannot be read.
    """
    path = folder / FILE
    if not path.is_file():
        return None
    try:
        found = Checkpoint(**torch.load(path, weights_only=True))
    except _UNREADABLE as error:
        raise CheckpointError(f"{path} cannot be read: {type(error).__name__}. Delete it, and train anew") from error
    if found.run != run:
        raise CheckpointError(
            f"{path} is of a run with other settings or data: delete it, or choose another folder of work"
        )
    return found


def delete(folder: Path) -> None:
    """So that training begins anew."""
    (folder / FILE).unlink(missing_ok=True)
