"""One refresh of a model's adapter: from the labels that people gave to a release, or to a reason why not."""

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import structlog

from schemas.adapter import OffsetSpan
from trainer.failures import computing, writing
from trainer.faultpoints import FaultPoints, NoFaults
from trainer.outcome import Outcome, Status
from trainer.refresh_contract import Halt, Held, Steps
from trainer.registry.errors import OvertakenError
from trainer.run_folder import Run, RunFolder, all_runs, drop_old
from trainer.stages import DataSummary, Ground, Verdict

log = structlog.get_logger()

_DATA: Final = "data"
_ADAPTER: Final = "adapter"
_GATE: Final = "gate"
_SHADOW: Final = "shadow"


@dataclass(frozen=True, slots=True)
class Rules:
    """When a run is worth it, and what is kept of it.

    Attributes:
        least_news: label records that were not seen before, at least.
        keep_runs: folders of runs that are kept.
        force: train though there is nothing new.
    """

    least_news: int = 1
    keep_runs: int = 10
    force: bool = False


@dataclass(frozen=True, slots=True)
class Seams:
    """What tests put in the place of the product's own."""

    faults: FaultPoints = field(default_factory=NoFaults)
    now: Callable[[], datetime] = field(default=lambda: datetime.now(UTC))


class Refresh:
    """One refresh.

    Args:
        steps: what is done.
        runs: the folder of this model's runs.
        rules: when.
        lease: the lock, taken.
        stop: returns, or raises StoppedError.
        showing: wraps each step for a person to see; gets its words.
        seams: for tests.
    """

    def __init__(
        self,
        steps: Steps,
        runs: Path,
        rules: Rules,
        lease: Held,
        *,
        stop: Halt,
        showing: Callable[[str], AbstractContextManager[None]],
        seams: Seams | None = None,
    ) -> None:
        self._steps = steps
        self._runs = runs
        self._rules = rules
        self._lease = lease
        self._asked_to_stop = stop
        self._showing = showing
        seams = seams or Seams()
        self._faults, self._now = seams.faults, seams.now
        self._began = time.monotonic()

    def run(self) -> Outcome:
        """Do it.

        Raises:
            TrainerError: it failed, or was stopped; the next run goes on with what is finished.
        """
        with writing(self._runs):
            return self._run()

    def _run(self) -> Outcome:
        self._faults.reach("lock_taken")
        ground = self._steps.ground()
        latest = next(iter(all_runs(self._runs)), None)
        unfinished = latest if latest is not None and latest.outcome is None else None
        # Also where it was rolled back since: it would go live once more.
        if unfinished is not None and self._steps.was_released(unfinished.run):
            log.info("release_was_finished", version=unfinished.run.version)
            return self._finish(unfinished, "released", "released by a run that was then killed", resumed=True)
        folder = self._resumed(unfinished, ground)
        resumed = folder is not None
        if folder is None:
            spans = self._steps.spans()
            if (reason := self._nothing_new(spans, ground)) is not None:
                return Outcome(status="nothing_new", reason=reason, model=ground.model, parent=ground.parent)
            folder = RunFolder.make(self._runs, ground.run(spans, self._now()))
        drop_old(self._runs, self._rules.keep_runs, folder.run.version)
        self._faults.reach("offsets_fixed")
        return self._go_on(folder, resumed=resumed)

    def _resumed(self, unfinished: RunFolder | None, ground: Ground) -> RunFolder | None:
        if unfinished is None:
            return None
        run = unfinished.run
        if (changed := run.same_work(ground.run(run.spans, run.started_at))) is not None:
            log.warning("starts_clean", given_up=run.version, reason=changed)
            return None
        finished = [name for name in (_DATA, _ADAPTER, _GATE, _SHADOW) if unfinished.stage(name)]
        log.info("goes_on", version=run.version, finished=finished)
        return unfinished

    def _nothing_new(self, spans: tuple[OffsetSpan, ...], ground: Ground) -> str | None:
        """In words, why there is nothing to do: all labels are in the live adapter, or in a candidate refused since."""
        seen = [ground.seen]
        for one in all_runs(self._runs):
            # An outdated one was decided on by nobody: its labels are as new as before.
            decided = one.outcome is not None and one.outcome.status != "outdated"
            if decided and one.run.same_work(ground.run(spans, self._now())) is None:
                seen.append(one.run.spans)
                break
        news = min(self._steps.news(spans, one) for one in seen)
        if news >= self._rules.least_news or self._rules.force:
            return None
        return f"{news} new label records, at least {self._rules.least_news} are waited for (TRAINER_LEAST_NEWS)"

    def _stop(self) -> None:
        self._asked_to_stop()
        if self._lease.lost.is_set():
            self._lease.check()

    def _at_training_step(self) -> None:
        self._stop()
        self._faults.reach("training_step")

    def _go_on(self, folder: RunFolder, *, resumed: bool) -> Outcome:
        run = folder.run
        data = self._data(folder)
        summary = DataSummary.read(data)
        if summary.too_little is not None:
            return self._finish(folder, "nothing_new", summary.too_little, resumed=resumed)
        adapter = folder.stage(_ADAPTER)
        if adapter is None:
            with self._step("training"), computing("training"), folder.filling(_ADAPTER) as into:
                self._steps.train(run, data, folder.checkpoints, into, self._at_training_step)
                self._faults.reach("adapter_trained")
            adapter = folder.path / _ADAPTER
            self._faults.reach("adapter_kept")
        verdict = self._verdict(folder, data, adapter)
        if not verdict.released:
            return self._finish(folder, "refused", verdict.summary, resumed=resumed)
        if self._steps.shadows() and folder.stage(_SHADOW) is None:
            what = "answering live messages in the shadow"
            with self._step(what), computing(what), folder.filling(_SHADOW) as into:
                self._steps.shadow(run, adapter, verdict, into, self._stop)
        return self._let_out(folder, adapter, verdict, resumed=resumed)

    def _let_out(self, folder: RunFolder, adapter: Path, verdict: Verdict, *, resumed: bool) -> Outcome:
        run = folder.run
        with self._step(f"publishing {run.version}"):
            if (reason := self._outdated(run)) is not None:
                return self._finish(folder, "outdated", reason, resumed=resumed)
            self._lease.check()
            self._faults.reach("publishing")
            self._steps.publish(run, adapter, verdict)
            self._faults.reach("published")
        with self._step(f"releasing {run.version}"):
            if (reason := self._outdated(run)) is not None:
                return self._finish(folder, "outdated", reason, resumed=resumed)
            self._lease.check()
            try:
                self._steps.release(run, verdict)
            except OvertakenError as error:
                return self._finish(folder, "outdated", str(error), resumed=resumed)
            self._faults.reach("released")
        return self._finish(folder, "released", verdict.summary, resumed=resumed)

    def _outdated(self, run: Run) -> str | None:
        """In words, if what the candidate was compared with was rolled back or replaced while the run was at work."""
        live = self._steps.live()
        if live == run.parent:
            return None
        return (
            f"it was compared with {run.parent or 'the base model'}, and {live or 'the base model'} went live since: "
            "the next run begins anew and compares with that"
        )

    def _data(self, folder: RunFolder) -> Path:
        if (data := folder.stage(_DATA)) is not None:
            return data
        with self._step("reading labels and messages"), folder.filling(_DATA) as into:
            self._steps.collect(folder.run, into).write(into)
            self._faults.reach("data_collected")
        self._faults.reach("data_kept")
        return folder.path / _DATA

    def _verdict(self, folder: RunFolder, data: Path, adapter: Path) -> Verdict:
        gate = folder.stage(_GATE)
        if gate is None:
            what = "comparing with the live adapter"
            with self._step(what), computing(what), folder.filling(_GATE) as into:
                self._steps.judge(folder.run, data, adapter, into, self._stop).write(into)
                self._faults.reach("judged")
            gate = folder.path / _GATE
            self._faults.reach("verdict_kept")
        return Verdict.read(gate)

    def _step(self, what: str) -> AbstractContextManager[None]:
        self._stop()
        log.info("step", what=what)
        return self._showing(what)

    def _finish(self, folder: RunFolder, status: Status, reason: str, *, resumed: bool) -> Outcome:
        data, gate = folder.stage(_DATA), folder.stage(_GATE)
        summary = DataSummary.read(data) if data else DataSummary()
        verdict = Verdict.read(gate) if gate else None
        outcome = Outcome(
            status=status,
            reason=reason,
            model=folder.run.model,
            version=folder.run.version,
            parent=folder.run.parent,
            labelled=summary.labelled,
            agreement=summary.agreement,
            metrics=verdict.metrics if verdict else {},
            report=gate / "report.md" if gate else None,
            resumed=resumed,
            seconds=round(time.monotonic() - self._began, 1),
        )
        folder.finish(outcome)
        log.info("refreshed", status=status, version=folder.run.version, reason=reason)
        return outcome
