"""A service whose clock is wrong by what a file says: `python -m tests.faults.shifted_child streams` (or `worker`).

The wall clock as Python code reads it; monotonic clocks go on, as they do when a machine's clock is set. The worker's
records are dated by librdkafka, and keep the real time. (Under libfaketime neither `time.sleep` of Python 3.11 nor the
broker works.)
"""

import importlib
import os
import sys
import time
from datetime import datetime, timedelta, tzinfo
from pathlib import Path
from typing import Final

from sentistream.__main__ import main

FILE: Final = "SHIFTED_CLOCK"
_now = time.time


def _shift() -> float:
    return float(Path(os.environ[FILE]).read_text() or 0)


class ShiftedDatetime(datetime):
    """The class that the product's modules find as `datetime`."""

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
        """Wrong by the file's seconds."""
        return datetime.now(tz) + timedelta(seconds=_shift())


def shift() -> None:
    """Let all that is imported so far believe the file."""
    time.time = lambda: _now() + _shift()
    for module in list(sys.modules.values()):
        name = module.__name__.partition(".")[0]
        if name in {"streams", "worker"} and vars(module).get("datetime") is datetime:
            vars(module)["datetime"] = ShiftedDatetime


if __name__ == "__main__":
    for module in ("sentistream.commands.streams", "streams.service", "worker.model_side", "worker.service"):
        importlib.import_module(module)
    shift()
    main()
