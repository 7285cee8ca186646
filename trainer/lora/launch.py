"""Training on several processes: `accelerate launch` starts them, and this one waits, stops them, or reads on."""

import os
import pickle
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import structlog
import torch

from trainer.errors import TrainerError
from trainer.examples import Example
from trainer.exit_codes import ExitCode
from trainer.lora.recipe import Recipe
from trainer.lora.trackers import TrackerName

log = structlog.get_logger()

JOB_FILE: Final = "job.pickle"
_POLL_S: Final = 0.2
_STOP_S: Final = 10.0


class TrainingProcessError(TrainerError):
    """One of the training's processes ended without its result."""

    exit_code = ExitCode.TRAINING


@dataclass(frozen=True, slots=True)
class Job:
    """What `trainer.lora.train.train_adapter` is told, in a form that crosses to other processes.

    Attributes:
        board: folder of TensorBoard's files.
        watched: the process that waits; without it, the others end.
    """

    base: Path
    recipe: Recipe
    train: Sequence[Example]
    development: Sequence[Example]
    work: Path
    out: Path
    parent: Path | None
    name: str
    tracker: TrackerName
    board: Path
    watched: int
    guards: Mapping[str, Sequence[Example]] = field(default_factory=dict)
    calibration_error: float = 1.0


def train_on(processes: int, job: Job, halt: Callable[[], None]) -> None:
    """Train on so many of this machine's devices, GPUs if it has any; returns when ``job.out`` is written.

    Args:
        processes: one for each device.
        job: its files are this user's alone, since people's messages are in them.
        halt: asked again and again; what it raises ends the training, which goes on from its last checkpoint.

    Raises:
        TrainingProcessError: a process failed; the log above says why.
    """
    job.work.mkdir(parents=True, exist_ok=True)
    file = job.work / JOB_FILE
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as output:
        pickle.dump(job, output)
    # What is printed here is the run's result: the processes write to the log.
    child = subprocess.Popen(_command(processes, file), stdout=2, env=_environment(), start_new_session=True)
    log.info("training_processes_started", processes=processes, pid=child.pid)
    try:
        while child.poll() is None:
            halt()
            time.sleep(_POLL_S)
    finally:
        _end(child)
        file.unlink(missing_ok=True)
    if child.returncode != 0:
        raise TrainingProcessError(
            f"one of {processes} training processes ended with {child.returncode}: the log above says why. The next "
            "run goes on from the last checkpoint; TRAINER_PROCESSES is at most the number of devices"
        )


def _command(processes: int, file: Path) -> list[str]:
    # Nothing is left to the machine's own configuration file; the recipe says the precision; port 0 is any free one.
    options = {
        "num_machines": 1,
        "machine_rank": 0,
        "num_processes": processes,
        "mixed_precision": "no",
        "dynamo_backend": "no",
        "main_process_port": 0,
    }
    given = [text for name, value in options.items() for text in (f"--{name}", str(value))]
    launch = [sys.executable, "-m", "trainer.lora.launcher", "launch", "--multi_gpu", *given]
    return [*launch, "--module", "trainer.lora.launched", str(file)]


def _environment() -> dict[str, str]:
    """Without a GPU the same launcher starts processes that train on the CPU."""
    return {**os.environ, "ACCELERATE_USE_CPU": str(not torch.cuda.is_available()).lower()}


def _end(child: "subprocess.Popen[bytes]") -> None:
    """The launcher and all that it started."""
    for number, seconds in ((signal.SIGTERM, _STOP_S), (signal.SIGKILL, None)):
        try:
            os.killpg(child.pid, number)
            child.wait(seconds)
        except ProcessLookupError:
            break
        except subprocess.TimeoutExpired:
            continue
