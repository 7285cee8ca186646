"""A store process for the kill tests. It may kill itself at a named point, as by a loss of power."""

import os
import signal
import sys
import threading
from pathlib import Path
from typing import Any

from console.settings import StoreSettings
from console.store.database import Database
from console.store.faultpoints import Point
from console.store.process import run_store
from console.store.progress import keep_spots
from console.store.writer import Batch, Writer


class KillAt:
    """SIGKILL at the nth reach of a point."""

    def __init__(self, point: str, nth: int) -> None:
        self._point, self._left = point, nth

    def reach(self, point: Point) -> None:
        """Count."""
        self._left -= point == self._point
        if self._left == 0 and point == self._point:
            os.kill(os.getpid(), signal.SIGKILL)


def _write_carelessly(self: Writer, batch: Batch) -> None:
    """The naive way: offsets first, in a transaction of their own."""
    database: Database = self._database
    with database.writing() as connection:
        keep_spots(connection, batch.before, batch.after, 0)
    self._parts.faults.reach("batch_taken")
    with database.writing() as connection:
        self._keep(connection, batch.records, 0)


def run(
    settings: dict[str, Any],
    log: Path,
    environment: dict[str, str],
    point: str,
    nth: int,
    careless: bool,  # noqa: FBT001 - as above
) -> None:
    """A child's whole life: until SIGTERM, or the nth reach of the point."""
    os.environ.update(environment)
    stopping = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stopping.set())
    with log.open("ab") as file:
        os.dup2(file.fileno(), sys.stdout.fileno())
        os.dup2(file.fileno(), sys.stderr.fileno())
    if careless:
        Writer.write = _write_carelessly  # type: ignore[method-assign]
    run_store(StoreSettings(**settings), stopping, faults=KillAt(point, nth))
