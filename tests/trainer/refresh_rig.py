"""A refresh whose steps are quick stand-ins that write to a folder: it stands for Kafka, the registry and the topic."""

import json
import os
import signal
import threading
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

from schemas.adapter import OffsetSpan
from trainer.errors import LockLostError
from trainer.faultpoints import FaultPoints, NoFaults, Point
from trainer.outcome import Outcome
from trainer.refresh import Refresh, Rules, Seams
from trainer.refresh_contract import Halt
from trainer.run_folder import Run
from trainer.stages import DataSummary, Ground, Verdict

TRAINING_STEPS = 4


class KillAt:
    """SIGKILL, which nothing can clean up after, at the nth time that a point is reached."""

    def __init__(self, point: str, nth: int = 1) -> None:
        self._point = point
        self._left = nth

    def reach(self, point: Point) -> None:
        if point == self._point:
            self._left -= 1
            if self._left == 0:
                os.kill(os.getpid(), signal.SIGKILL)


class HeldLease:
    """A lock that nobody wants, until it is said to be lost."""

    def __init__(self) -> None:
        self.lost = threading.Event()

    def check(self) -> None:
        if self.lost.is_set():
            raise LockLostError("lost")


class WorldSteps:
    """Steps on a folder: ``labels`` says how many labels there are, ``registry/`` and ``live`` are what others see."""

    def __init__(self, world: Path, *, recipe: str = "r", good: bool = True, in_shadow: bool = False) -> None:
        self.world = world
        self.recipe = recipe
        self.good = good
        self.in_shadow = in_shadow
        self.done: list[str] = []

    def ground(self) -> Ground:
        parent = self.live()
        seen = self._metadata(parent) if parent else ()
        return Ground("tiny", "b" * 64, parent, self.recipe, seen)

    def live(self) -> str | None:
        found = self.world / "live"
        return found.read_text() if found.exists() else None

    def was_released(self, run: Run) -> bool:
        decisions = self.world / "decisions"
        return decisions.exists() and run.version in decisions.read_text().splitlines()

    def spans(self) -> tuple[OffsetSpan, ...]:
        end = int((self.world / "labels").read_text())
        return (OffsetSpan(topic="emotion.labels", partition=0, start=0, end=end),)

    def news(self, spans: tuple[OffsetSpan, ...], seen: tuple[OffsetSpan, ...]) -> int:
        return sum(one.end for one in spans) - sum(one.end for one in seen)

    def collect(self, run: Run, into: Path) -> DataSummary:
        self.done.append("collect")
        (into / "messages").write_text(str(run.spans[0].end))
        return DataSummary(labelled=run.spans[0].end)

    def train(self, run: Run, data: Path, checkpoints: Path, into: Path, halt: Halt) -> None:
        del run
        self.done.append("train")
        kept = checkpoints / "step"
        first = int(kept.read_text()) if kept.exists() else 0
        for step in range(first, TRAINING_STEPS):
            halt()
            kept.write_text(str(step + 1))
            self.done.append(f"step {step}")
        (into / "weights").write_text((data / "messages").read_text())

    def judge(self, run: Run, data: Path, adapter: Path, into: Path, halt: Halt) -> Verdict:
        del run, data, halt
        self.done.append("judge")
        (into / "report.md").write_text((adapter / "weights").read_text())
        return Verdict(released=self.good, reasons=("it is better",), temperature=1.0, threshold=0.1)

    def shadows(self) -> bool:
        return self.in_shadow

    def shadow(self, run: Run, adapter: Path, verdict: Verdict, into: Path, halt: Halt) -> None:
        del run, adapter, halt
        assert verdict.released
        self.done.append("shadow")
        (into / "shadow.md").write_text("alike")

    def publish(self, run: Run, adapter: Path, verdict: Verdict) -> None:
        assert verdict.released
        self.done.append("publish")
        target = self.world / "registry" / run.version
        if not target.exists():
            (partial := self.world / f"{run.version}.partial").mkdir(exist_ok=True)
            (partial / "weights").write_text((adapter / "weights").read_text())
            (partial / "data").write_text(json.dumps([one.model_dump() for one in run.spans]))
            target.parent.mkdir(exist_ok=True)
            partial.rename(target)

    def release(self, run: Run, verdict: Verdict) -> None:
        assert verdict.released
        self.done.append("release")
        with (self.world / "decisions").open("a") as decisions:
            decisions.write(f"{run.version}\n")
        (partial := self.world / "live.partial").write_text(run.version)
        partial.rename(self.world / "live")

    def _metadata(self, version: str) -> tuple[OffsetSpan, ...]:
        rows = json.loads((self.world / "registry" / version / "data").read_text())
        return tuple(OffsetSpan(**row) for row in rows)


def make_world(folder: Path, labels: int) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "labels").write_text(str(labels))
    return folder


def silent(what: str) -> AbstractContextManager[None]:
    del what
    return nullcontext()


def refresh(
    steps: WorldSteps,
    rules: Rules | None = None,
    *,
    stop: Halt = lambda: None,
    faults: FaultPoints | None = None,
    lease: HeldLease | None = None,
) -> Outcome:
    """One refresh in this process."""
    return Refresh(
        steps,
        steps.world / "runs",
        rules or Rules(),
        lease or HeldLease(),
        stop=stop,
        showing=silent,
        seams=Seams(faults or NoFaults()),
    ).run()


def main(world: str, point: str, nth: str) -> None:
    """A refresh that kills itself at a point."""
    refresh(WorldSteps(Path(world)), faults=KillAt(point, int(nth)))
