"""A worker that takes an outage of its engine for the record's fault: a negative control."""

import sys

from sentistream.logs import configure_logging
from worker import labelling_thread
from worker.model_side import ModelSide
from worker.process import run_until_signalled
from worker.service import WorkerService
from worker.settings import WorkerSettings


class _NeverRaisedError(Exception):
    """In the place of the outage's error."""


if __name__ == "__main__":
    configure_logging()
    vars(labelling_thread)["EngineUnavailableError"] = _NeverRaisedError
    settings = WorkerSettings()
    sys.exit(run_until_signalled(WorkerService(settings, ModelSide(settings))))
