"""A worker with the scripted engine: `python -m tests.faults.worker_child JUDGE [POINT COUNT]`.

The judge is one of `tests.worker.judges`; at the COUNT-th time that it reaches the point, it kills itself.
"""

import sys

from sentistream.logs import configure_logging
from tests.worker.child import KillAt
from tests.worker.judges import JUDGES
from worker.faultpoints import NoFaults
from worker.model_side import ModelSide
from worker.service import Seams, WorkerService, run_until_signalled
from worker.settings import WorkerSettings

if __name__ == "__main__":
    configure_logging()
    settings = WorkerSettings()
    judge, *fault = sys.argv[1:]
    faults = KillAt(fault[0], int(fault[1])) if fault else NoFaults()
    service = WorkerService(settings, ModelSide(settings), Seams(faults, JUDGES[judge]))
    sys.exit(run_until_signalled(service))
