"""A training run's state on disk: one file, replaced in one step, so that a kill leaves the old or the new one."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from trainer.errors import CheckpointError

FILE = "checkpoint.pt"


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
    """Write it, atomically."""
    folder.mkdir(parents=True, exist_ok=True)
    partial = folder / f"{FILE}.partial"
    torch.save({name: getattr(checkpoint, name) for name in ("run", "epoch", "step", "state")}, partial)
    os.replace(partial, folder / FILE)  # noqa: PTH105  # os.replace says what it does


def load(folder: Path, run: str) -> Checkpoint | None:
    """The folder's checkpoint, None where there is none.

    Raises:
        CheckpointError: it belongs to a run with other settings.
    """
    path = folder / FILE
    if not path.is_file():
        return None
    found = Checkpoint(**torch.load(path, weights_only=True))
    if found.run != run:
        raise CheckpointError(f"{path} is of a run with other settings: choose another WORK_FOLDER or delete it")
    return found
