"""`python -m worker`: the service by its environment alone; `sentistream worker` is the same with options."""

import sys

from worker.model_side import ModelSide
from worker.process import run_until_signalled
from worker.service import WorkerService
from worker.settings import WorkerSettings


def main() -> int:
    """Run until signalled; the exit code is one of `worker.errors.ExitCode`."""
    settings = WorkerSettings()
    return run_until_signalled(WorkerService(settings, ModelSide(settings)))


if __name__ == "__main__":
    sys.exit(main())
