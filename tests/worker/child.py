"""A worker process for tests: the real loop with the fake labeller, killed by itself at a named point if told so."""

import json
import os
import signal
import sys
from typing import Any

from tests.worker.fake_labelling import FakeLabeller, FakeLabelling
from tests.worker.judges import JUDGES
from worker.faultpoints import Point
from worker.process import run_until_signalled
from worker.service import Seams, WorkerService
from worker.settings import WorkerSettings


class KillAt:
    """SIGKILL, which nothing can clean up after, at the nth time that a point is reached."""

    def __init__(self, point: str | None, nth: int) -> None:
        self._point = point
        self._left = nth

    def reach(self, point: Point) -> None:
        if point == self._point:
            self._left -= 1
            if self._left == 0:
                os.kill(os.getpid(), signal.SIGKILL)


def main() -> int:
    """Run as the one argument, a JSON object, says."""
    options: dict[str, Any] = json.loads(sys.argv[1])
    settings = WorkerSettings(**options["settings"])
    labeller = FakeLabeller(options.get("delay_s", 0.0), seed=options.get("seed", 0))
    seams = Seams(KillAt(options.get("kill_at"), options.get("nth", 1)), JUDGES[options.get("judge", "watermark")])
    return run_until_signalled(WorkerService(settings, FakeLabelling(labeller), seams))


if __name__ == "__main__":
    sys.exit(main())
