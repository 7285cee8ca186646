"""What a refresh asks of its surroundings: the steps that it takes, the lock that it holds, and who may end it."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from schemas.adapter import OffsetSpan
from trainer.run_folder import Run
from trainer.stages import DataSummary, Ground, Verdict

#: Returns, or raises what ends the run: StoppedError or LockLostError.
Halt = Callable[[], None]


class Steps(Protocol):
    """What a refresh does, step by step; each can be done again after a kill, with the same result."""

    def ground(self) -> Ground:
        """What the run stands on: model, recipe and the live adapter."""

    def live(self) -> str | None:
        """The version that is live at this moment, which may be another than the ground's; None for the base model."""

    def was_released(self, run: Run) -> bool:
        """Whether this run's version has ever been live."""

    def spans(self) -> tuple[OffsetSpan, ...]:
        """Where the topics begin and end now."""

    def news(self, spans: tuple[OffsetSpan, ...], seen: tuple[OffsetSpan, ...]) -> int:
        """Label records in ``spans`` that are not in ``seen``."""

    def collect(self, run: Run, into: Path) -> DataSummary:
        """Read the labelled messages of the run's spans, split them, and write them down."""

    def train(self, run: Run, data: Path, checkpoints: Path, into: Path, halt: Halt) -> None:
        """Train the candidate; goes on from a checkpoint. Calls ``halt`` at each optimiser step."""

    def judge(self, run: Run, data: Path, adapter: Path, into: Path, halt: Halt) -> Verdict:
        """Compare the candidate with the live adapter on the frozen sets."""

    def shadows(self) -> bool:
        """Whether a candidate that the gate let pass answers live messages before its release."""

    def shadow(self, run: Run, adapter: Path, verdict: Verdict, into: Path, halt: Halt) -> None:
        """Let the candidate answer live messages beside what is live, and write both down."""

    def publish(self, run: Run, adapter: Path, verdict: Verdict) -> None:
        """Put the candidate into the registry as a whole; nothing happens where it is already."""

    def release(self, run: Run, verdict: Verdict) -> None:
        """Make the published version live; OvertakenError where another went live meanwhile."""


class Held(Protocol):
    """The model's lock.

    Attributes:
        lost: set once it is another's, or may be.
    """

    lost: threading.Event

    def check(self) -> None:
        """Raise LockLostError unless it is still ours."""
