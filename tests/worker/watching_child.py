"""A worker that looks at its topics every few tenths of a second: once a minute is too seldom for a test."""

import sys

from sentistream.logs import configure_logging
from worker import topic_check
from worker.model_side import ModelSide
from worker.process import run_until_signalled
from worker.service import WorkerService
from worker.settings import WorkerSettings

if __name__ == "__main__":
    configure_logging()
    vars(topic_check).update(_EVERY_S=0.3)
    settings = WorkerSettings()
    sys.exit(run_until_signalled(WorkerService(settings, ModelSide(settings))))
