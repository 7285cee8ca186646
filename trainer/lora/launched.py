"""One of the processes that `trainer.lora.launch` starts; each trains its share of every step."""

import logging
import os
import pickle
import sys
from pathlib import Path

import structlog

from trainer.lora.launch import Job
from trainer.lora.trackers import tracker_for
from trainer.lora.train import train_adapter
from trainer.lora.training import Halt


def main() -> None:
    """Do the job of the file that the one argument names."""
    _log_to_stderr()
    # Written a moment ago by the run that started us, into a folder of its own.
    job: Job = pickle.loads(Path(sys.argv[1]).read_bytes())  # noqa: S301

    def halt() -> None:
        if not _runs(job.watched):
            # Killed, so that nobody holds the lock for us any more. The others see it too, or miss us.
            os._exit(1)

    do(job, halt)


def do(job: Job, halt: Halt) -> None:
    """Train in this process, as all of them do."""
    train_adapter(
        job.base,
        job.recipe,
        job.train,
        job.development,
        job.work,
        job.out,
        guards=job.guards,
        calibration_error=job.calibration_error,
        parent=job.parent,
        name=job.name,
        tracker=tracker_for(job.tracker, job.work, job.board),
        halt=halt,
    )


def _runs(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _log_to_stderr() -> None:
    """In JSON; the first process alone tells what all of them know."""
    least = logging.INFO if os.environ.get("RANK", "0") == "0" else logging.WARNING
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso"),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(least),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )


if __name__ == "__main__":
    main()
