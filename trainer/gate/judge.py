"""The gate: may this candidate go live? Both sides answer the frozen messages through the policy that is live."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import structlog

from prompts.profile import ModelProfile
from prompts.roles import RolePrompts
from prompts.tokenizer import PromptTokenizer
from schemas.event import Policy
from trainer.examples import Example
from trainer.gate.answers import Serving, Trust, answer
from trainer.gate.figures import HeldOut, Scored, differences, label_rows, score
from trainer.gate.fitting import fit_trust
from trainer.gate.release_metrics import release_metrics
from trainer.gate.report import WITHOUT_ADAPTER, Change, Compared, GateReport, GuardRow, RuleResult, TimeRow
from trainer.gate.rules import enough, judge_figures
from trainer.gate.sets import FrozenSets, LiveSide, usual_taxonomy
from trainer.gate.settings import GateSettings
from trainer.gate.sides import SIDES, Side, Sides
from trainer.gate.timing import compare_times
from trainer.gate.writing import write_report
from trainer.lora.share_file import read_choice
from trainer.metrics import weighted_f1
from trainer.predict import label_logits

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the gate decided.

    Attributes:
        reasons: one per rule that is not kept; empty for a release.
        metrics: for the release record and the adapter's metadata.
        temperature: of the candidate, to travel with it,
        threshold: as this.
        report: everything else.
    """

    released: bool
    reasons: tuple[str, ...]
    metrics: dict[str, float]
    temperature: float
    threshold: float
    report: GateReport


def judge(  # noqa: PLR0913 -- what is compared, how, and where to; grouping would only move it
    base: Path,
    live: LiveSide | None,
    candidate: Path,
    sets: FrozenSets,
    serving: Serving,
    settings: GateSettings,
    out: Path,
    *,
    name: str | None = None,
    answered_by: Policy | None = None,
    halt: Callable[[], None] = lambda: None,
) -> Verdict:
    """Decide, and write the report to ``out``.

    Args:
        base: the model's folder.
        live: None where the base model serves without an adapter.
        candidate: a PEFT folder.
        sets: frozen messages; a held-out conversation was never trained on.
        serving: the policy and rounds that are live.
        settings: the rules.
        out: gets report.md, report.json and the pictures.
        name: the candidate's version; its folder's name where left out.
        answered_by: the policy of most recent events, which the report compares with ``serving``.
        halt: called before each question to all messages; raises what ends the run.

    Raises:
        GateError: an adapter cannot be loaded, or the sets overlap.
    """
    sets.check()
    profile = ModelProfile.read(base)
    before = live.trust if live else Trust.of(profile)
    conversations = len({one.conversation for one in sets.held_out})
    labels = len({one.question.parts.labels[one.target].name for one in sets.held_out})
    rules: tuple[RuleResult, ...] = (enough(len(sets.held_out), conversations, labels, settings),)
    # One pair of figures travels with an adapter, so the candidate is judged with one.
    trust, compared, refitted = before.within(usual_taxonomy(sets.held_out)), None, False
    if rules[0].passed:
        names: dict[Side, str] = {"live": live.version if live else profile.name, "candidate": name or candidate.name}
        gate = _Gate(
            Sides(base, live.folder if live else None, candidate),
            RolePrompts(profile, PromptTokenizer(base)),
            serving,
            settings,
            halt,
        )
        refitted = len(sets.development) >= settings.gate_min_development
        trust = gate.fit(sets.development, before) if refitted else trust
        compared = gate.compare(sets, names, {"live": before, "candidate": trust})
        rules += judge_figures(compared, settings)
    report = GateReport(
        candidate=name or candidate.name,
        live=live.version if live else f"{profile.name}{WITHOUT_ADAPTER}",
        released=all(rule.passed for rule in rules),
        reasons=tuple(f"{rule.name}: {rule.text}" for rule in rules if not rule.passed),
        rules=rules,
        policy=serving.policy,
        rounds=serving.rounds,
        answered_by=answered_by,
        messages=len(sets.held_out),
        conversations=conversations,
        development_messages=len(sets.development),
        refitted=refitted,
        interpolation=read_choice(candidate),
        resamples=settings.gate_resamples,
        seed=settings.gate_seed,
        compared=compared,
        decided_at=datetime.now(UTC),
    )
    write_report(out, report)
    log.info("gate_decided", candidate=report.candidate, released=report.released, reasons=list(report.reasons))
    return Verdict(report.released, report.reasons, release_metrics(report), trust.temperature, trust.threshold, report)


class _Gate:
    """Asks both sides."""

    def __init__(
        self, sides: Sides, roles: RolePrompts, serving: Serving, settings: GateSettings, halt: Callable[[], None]
    ) -> None:
        self._halt = halt
        self._sides = sides
        self._roles = roles
        self._serving = serving
        self._settings = settings

    def fit(self, development: Sequence[Example], before: Trust) -> Trust:
        most_calls = np.inf
        if self._serving.policy == "calibrated":
            live = answer(self._use("live"), self._roles, development, self._serving, before)
            # Half of what the time rule allows: held-out messages may be harder than these.
            most_calls = float(live.calls.mean()) * (1 + self._settings.gate_time_rise / 2)
        return fit_trust(
            self._use("candidate"),
            self._roles,
            development,
            rounds=self._serving.rounds,
            most_calls=most_calls,
        )

    def compare(self, sets: FrozenSets, names: Mapping[Side, str], trusts: Mapping[Side, Trust]) -> Compared:
        held_out = HeldOut.of(sets.held_out)
        found = {side: self._score(side, held_out, names[side], trusts[side]) for side in SIDES}
        live, candidate = (found[side] for side in SIDES)
        macro, weighted = differences(held_out, live, candidate, self._settings)
        return Compared(
            names=tuple(held_out.labels.names),
            live=live.side,
            candidate=candidate.side,
            labels=label_rows(live.report, candidate.report),
            macro_f1=macro,
            weighted_f1=weighted,
            time=self._time(sets.held_out, candidate.side.calls / live.side.calls),
            guards=tuple(self._guard(name, examples, trusts) for name, examples in sets.guards.items() if examples),
        )

    def _use(self, side: Side) -> Any:
        self._halt()
        return self._sides.use(side)

    def _score(self, side: Side, held_out: HeldOut, name: str, trust: Trust) -> Scored:
        answers = answer(self._use(side), self._roles, held_out.examples, self._serving, trust)
        log.info("gate_answered", side=side, messages=len(held_out.examples), calls=int(answers.calls.sum()))
        return score(name, held_out, answers, trust)

    def _guard(self, name: str, examples: Sequence[Example], trusts: Mapping[Side, Trust]) -> GuardRow:
        guard = HeldOut.of(examples)
        scores = {}
        for side in SIDES:
            answers = answer(self._use(side), self._roles, examples, self._serving, trusts[side])
            scores[side] = weighted_f1(guard.truth, guard.labels.of(answers.final), len(guard.labels.names))
        return GuardRow(name=name, messages=len(examples), weighted_f1=Change(**scores))

    def _time(self, held_out: Sequence[Example], calls: float) -> TimeRow:
        """One call's time on some messages, times the calls a message on all of them: nothing is counted twice."""
        count = min(self._settings.gate_time_messages, len(held_out))
        rows = np.random.default_rng(self._settings.gate_seed).choice(len(held_out), count, replace=False)
        sample = [held_out[row] for row in rows]

        def ask(side: Side) -> None:
            label_logits(self._use(side), sample)

        found = compare_times(
            partial(ask, "live"),
            partial(ask, "candidate"),
            limit=(1 + self._settings.gate_time_rise) / calls,
            most_turns=self._settings.gate_time_turns,
        )
        return TimeRow(
            seconds=found.ratio, calls=calls, per_message=found.ratio * calls, turns=found.turns, sure=found.sure
        )
