"""A worker with the scripted engine that ends itself by SIGKILL: `python -m tests.faults.worker_child POINT COUNT`.

Without arguments it is the product's own.
"""

import sys

from sentistream.logs import configure_logging
from tests.worker.child import KillAt
from worker.model_side import ModelSide
from worker.service import Seams, WorkerService, run_until_signalled
from worker.settings import WorkerSettings

if __name__ == "__main__":
    configure_logging()
    settings = WorkerSettings()
    seams = Seams(KillAt(sys.argv[1], int(sys.argv[2]))) if len(sys.argv) > 1 else Seams()
    sys.exit(run_until_signalled(WorkerService(settings, ModelSide(settings), seams)))
