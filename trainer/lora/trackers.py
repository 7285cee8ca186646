"""Where a run's metrics go besides the bar: the log always, MLflow or TensorBoard where they are set."""

from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any, Final, Literal, Protocol

import structlog

from trainer.lora.errors import TrackerError

log = structlog.get_logger()

TrackerName = Literal["none", "mlflow", "tensorboard"]
_RUN_ID_FILE: Final = "mlflow-run"


class Tracker(Protocol):
    """Is told a run's metrics. After a kill, steps since the last checkpoint are told again, with the same values."""

    def begin(self, name: str, facts: Mapping[str, Any], step: int) -> None:
        """A run, its recipe, and the steps that were done before."""

    def metrics(self, step: int, values: Mapping[str, float]) -> None:
        """After a step, counted from 1."""

    def end(self, *, finished: bool) -> None:
        """The run is over, or was stopped and will be gone on with."""


class LogTracker:
    """Into the log."""

    def begin(self, name: str, facts: Mapping[str, Any], step: int) -> None:
        """With the recipe."""
        log.info("training_begins", run=name, step=step, **facts)

    def metrics(self, step: int, values: Mapping[str, float]) -> None:
        """Steps on level debug, for the bar shows them; what was measured on development data on level info."""
        level = log.debug if "loss" in values else log.info
        level("training_metrics", step=step, **{name: round(value, 6) for name, value in values.items()})

    def end(self, *, finished: bool) -> None:
        """Nothing is open."""


class TensorBoardTracker:
    """Event files under a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._write: Any = None

    def begin(self, name: str, facts: Mapping[str, Any], step: int) -> None:
        """Go on after ``step``; what a killed run wrote past it is hidden.

        Raises:
            TrackerError: not installed.
        """
        module = _module("torch.utils.tensorboard", "tensorboard")
        self._write = module.SummaryWriter(str(self._folder / name), purge_step=step + 1 if step else None)
        if not step:
            self._write.add_text("recipe", "\n".join(f"    {key}: {value}" for key, value in facts.items()))

    def metrics(self, step: int, values: Mapping[str, float]) -> None:
        """One scalar each."""
        for name, value in values.items():
            self._write.add_scalar(name, value, step)

    def end(self, *, finished: bool) -> None:  # noqa: ARG002 - its files look the same
        """Close the file."""
        self._write.close()


class MlflowTracker:
    """A run in MLflow; MLflow's own variables, such as MLFLOW_TRACKING_URI, say where."""

    def __init__(self, work: Path) -> None:
        """``work`` keeps the run's id, so that a resumed run stays one run."""
        self._id_file = work / _RUN_ID_FILE
        self._mlflow: Any = None

    def begin(self, name: str, facts: Mapping[str, Any], step: int) -> None:
        """Start or go on.

        Raises:
            TrackerError: not installed.
        """
        self._mlflow = _module("mlflow", "mlflow")
        known = self._id_file.read_text(encoding="utf-8") if step and self._id_file.is_file() else None
        run = self._mlflow.start_run(run_id=known, run_name=None if known else name)
        if known is None:
            self._mlflow.log_params(dict(facts))
            self._id_file.parent.mkdir(parents=True, exist_ok=True)
            self._id_file.write_text(run.info.run_id, encoding="utf-8")

    def metrics(self, step: int, values: Mapping[str, float]) -> None:
        """All of a step in one call."""
        self._mlflow.log_metrics(dict(values), step=step)

    def end(self, *, finished: bool) -> None:
        """In MLflow's words."""
        self._mlflow.end_run("FINISHED" if finished else "KILLED")


class Trackers:
    """Several at once."""

    def __init__(self, *trackers: Tracker) -> None:
        self._trackers = trackers

    def begin(self, name: str, facts: Mapping[str, Any], step: int) -> None:
        """Tell each."""
        for one in self._trackers:
            one.begin(name, facts, step)

    def metrics(self, step: int, values: Mapping[str, float]) -> None:
        """Tell each."""
        for one in self._trackers:
            one.metrics(step, values)

    def end(self, *, finished: bool) -> None:
        """Tell each."""
        for one in self._trackers:
            one.end(finished=finished)


def tracker_for(name: TrackerName, work: Path, folder: Path) -> Tracker:
    """The log, and what is set.

    Args:
        name: of the other one.
        work: the run's folder of checkpoints.
        folder: of TensorBoard's event files, for all runs.
    """
    if name == "mlflow":
        return Trackers(LogTracker(), MlflowTracker(work))
    if name == "tensorboard":
        return Trackers(LogTracker(), TensorBoardTracker(folder))
    return LogTracker()


def _module(name: str, package: str) -> Any:
    try:
        return import_module(name)
    except ImportError as error:
        raise TrackerError(f"TRAINER_TRACKER is {package}: install {package}, or set it to none") from error
