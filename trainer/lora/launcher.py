"""`accelerate launch`, which is told to stop without a traceback: `python -m trainer.lora.launcher launch ...`."""

import sys

from accelerate.commands.accelerate_cli import main
from torch.distributed.elastic.multiprocessing.api import SignalException


def launch() -> None:
    """Run accelerate's own command line; its processes have ended when this returns."""
    try:
        main()
    except SignalException as stopped:
        sys.exit(128 + stopped.sigval)


if __name__ == "__main__":
    launch()
