"""A refresh on the real Kafka, Redis, model and registry, with settings from given variables; it may kill itself."""

import os
import threading
from collections.abc import Mapping

from pydantic_settings import BaseSettings

from tests.trainer.refresh_rig import KillAt, silent
from trainer.faultpoints import FaultPoints, NoFaults
from trainer.outcome import Outcome
from trainer.refresh import Seams
from trainer.refresh_run import refresh
from trainer.refresh_settings import CLASSES, RefreshSettings

#: For a fork server, whose children begin with them.
PRELOADED = ["tests.trainer.refresh_child", "trainer.gate.judge", "trainer.lora.train"]


def run(variables: Mapping[str, str], faults: FaultPoints | None = None, *, force: bool = False) -> Outcome:
    """One refresh in this process."""
    before = dict(os.environ)
    os.environ.update(variables)
    try:
        loaded: dict[type[BaseSettings], BaseSettings] = {one: one() for one in CLASSES}
    finally:
        os.environ.clear()
        os.environ.update(before)
    seams = Seams(faults or NoFaults())
    return refresh(RefreshSettings.of(loaded), stop=threading.Event(), showing=silent, force=force, seams=seams)


def main(variables: Mapping[str, str], point: str, nth: int) -> None:
    """A refresh that kills itself at a point."""
    import torch

    torch.set_num_threads(1)
    run(variables, KillAt(point, nth))
