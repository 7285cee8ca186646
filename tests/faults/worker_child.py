"""A worker with a fault: `python -m tests.faults.worker_child JUDGE [SIGNAL TIMES POINT COUNT]`.

The judge is one of `tests.worker.judges`.
"""

import sys

from sentistream.logs import configure_logging
from tests.faults.signal_at import SignalAt
from tests.worker.judges import JUDGES
from worker.model_side import ModelSide
from worker.process import run_until_signalled
from worker.service import Seams, WorkerService
from worker.settings import WorkerSettings

if __name__ == "__main__":
    configure_logging()
    settings = WorkerSettings()
    judge, *fault = sys.argv[1:]
    service = WorkerService(settings, ModelSide(settings), Seams(SignalAt(fault), JUDGES[judge]))
    sys.exit(run_until_signalled(service))
