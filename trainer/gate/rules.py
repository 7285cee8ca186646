"""The rules by which a candidate is released or refused. Each says in plain words what it found."""

from typing import Final

from trainer.gate.report import Compared, GuardRow, LabelRow, RuleCode, RuleResult
from trainer.gate.settings import GateSettings

#: On messages of one label, an adapter that always says it would be perfect.
MIN_LABELS: Final = 2
#: 38 of 40 is 5 points less than 40 of 40, and no more: 0.95 - 1.0 is a little less than -0.05 to a computer.
_ROUNDING: Final = 1e-9


def judge_figures(compared: Compared, settings: GateSettings) -> tuple[RuleResult, ...]:
    """Every rule, whether kept or not, in the order in which a person asks."""
    rules = [_not_worse, _better, _recall, _invalid, _calibration, _time]
    results = [rule(compared, settings) for rule in rules]
    if compared.guards:
        results.append(_guards(compared.guards, settings))
    return tuple(results)


def enough(messages: int, conversations: int, labels: int, settings: GateSettings) -> RuleResult:
    """Whether the held-out data can tell a better adapter from a lucky one, or from one that always says the same."""
    text = f"{_count(messages, 'held-out message')} of {_count(conversations, 'conversation')}, with "
    text += f"{_count(labels, 'label')} among them; at least {settings.gate_min_messages} messages of "
    text += f"{settings.gate_min_conversations} conversations with {MIN_LABELS} labels are needed"
    passed = (
        messages >= settings.gate_min_messages
        and conversations >= settings.gate_min_conversations
        and labels >= MIN_LABELS
    )
    facts = {
        "messages": messages,
        "conversations": conversations,
        "labels": labels,
        "least_messages": settings.gate_min_messages,
        "least_conversations": settings.gate_min_conversations,
        "least_labels": MIN_LABELS,
    }
    return RuleResult(name="enough held-out data", passed=passed, text=text, code="gate_enough", facts=facts)


def _not_worse(compared: Compared, settings: GateSettings) -> RuleResult:
    found = compared.macro_f1
    return RuleResult(
        name="macro-F1 not worse",
        passed=found.not_worse >= settings.gate_confidence,
        text=f"macro-F1 goes from {_percent(compared.live.macro_f1)} to {_percent(compared.candidate.macro_f1)} "
        f"({_points(found.observed)}, 95 % interval {_points(found.low)} to {_points(found.high)}); "
        f"it loses less than {_plain_points(settings.gate_macro_f1_loss)} in {_percent(found.not_worse)} of the "
        f"resamples, and {_percent(settings.gate_confidence)} are needed",
        code="gate_not_worse",
        facts={
            "before": _percent(compared.live.macro_f1),
            "after": _percent(compared.candidate.macro_f1),
            "change": _change(found.observed),
            "low": _change(found.low),
            "high": _change(found.high),
            "loss": _change(settings.gate_macro_f1_loss, "g"),
            "kept": _percent(found.not_worse),
            "needed": _percent(settings.gate_confidence),
        },
    )


def _better(compared: Compared, _: GateSettings) -> RuleResult:
    macro, weighted = compared.macro_f1.observed, compared.weighted_f1.observed
    return RuleResult(
        name="better in one F1",
        passed=macro > 0 or weighted > 0,
        text=f"macro-F1 changes by {_points(macro)}, weighted F1 by {_points(weighted)} "
        f"({_percent(compared.live.weighted_f1)} to {_percent(compared.candidate.weighted_f1)}); "
        "one of them must rise",
        code="gate_better",
        facts={
            "macro": _change(macro),
            "weighted": _change(weighted),
            "before": _percent(compared.live.weighted_f1),
            "after": _percent(compared.candidate.weighted_f1),
        },
    )


def _recall(compared: Compared, settings: GateSettings) -> RuleResult:
    judged = [row for row in compared.labels if row.support >= settings.gate_recall_cases]
    fallen = [row for row in judged if row.recall.rise < -settings.gate_recall_loss - _ROUNDING]
    most = f"no label with {settings.gate_recall_cases} cases may lose more than "
    most += _plain_points(settings.gate_recall_loss)
    facts: dict[str, str | int] = {
        "cases": settings.gate_recall_cases,
        "loss": _change(settings.gate_recall_loss, "g"),
        "judged": len(judged),
    }
    code: RuleCode
    if fallen:
        text, code = f"recall falls too far: {', '.join(map(_fall, fallen))}; {most}", "gate_recall_fallen"
        facts["labels"] = ", ".join(map(_short_fall, fallen))
    elif judged:
        worst = min(judged, key=lambda row: row.recall.rise)
        text, code = f"the least of {len(judged)} labels' changes is {_fall(worst)}; {most}", "gate_recall_least"
        facts["labels"] = _short_fall(worst)
    else:
        text = f"no label has {settings.gate_recall_cases} held-out cases, so none can be judged"
        code = "gate_recall_none"
    return RuleResult(name="recall of each label", passed=not fallen, text=text, code=code, facts=facts)


def _fall(row: LabelRow) -> str:
    before, after = _percent(row.recall.live), _percent(row.recall.candidate)
    return f"{row.name} {before} to {after} ({_points(row.recall.rise)}, {row.support} cases)"


def _short_fall(row: LabelRow) -> str:
    return f"{row.name} {_percent(row.recall.live)} → {_percent(row.recall.candidate)} ({row.support})"


def _invalid(compared: Compared, settings: GateSettings) -> RuleResult:
    before, after = compared.live.invalid, compared.candidate.invalid
    limit = "it must not rise"
    if settings.gate_invalid_rise:
        limit = f"it may rise by {_plain_points(settings.gate_invalid_rise)}"
    return RuleResult(
        name="invalid answers",
        passed=after - before <= settings.gate_invalid_rise + _ROUNDING,
        text=f"{_percent(before, 2)} of the messages got no label before, {_percent(after, 2)} do now; {limit}",
        code="gate_invalid",
        facts={
            "before": _percent(before, 2),
            "after": _percent(after, 2),
            "rise": _change(settings.gate_invalid_rise, "g"),
        },
    )


def _calibration(compared: Compared, settings: GateSettings) -> RuleResult:
    """The whole error, or what is beyond chance: on 400 messages a model without any error shows 0.05 and more."""
    live, candidate = compared.live, compared.candidate
    code: RuleCode
    if settings.gate_calibration_beyond_chance:
        before, after = live.calibration_beyond_chance, candidate.calibration_beyond_chance
        judged, code = "what is beyond chance", "gate_calibration"
    else:
        before, after = live.calibration_error, candidate.calibration_error
        judged, code = "it", "gate_calibration_plain"
    facts = {
        "before": f"{live.calibration_error:.3f}",
        "before_chance": f"{live.calibration_by_chance:.3f}",
        "after": f"{candidate.calibration_error:.3f}",
        "after_chance": f"{candidate.calibration_by_chance:.3f}",
        "most": f"{settings.gate_calibration_error:g}",
    }
    return RuleResult(
        name="calibration",
        passed=after < settings.gate_calibration_error or after <= before + _ROUNDING,
        text="expected calibration error after temperature goes from {before} ({before_chance} by chance) to {after} "
        "({after_chance}); {judged} must stay under {most}, or not rise".format(judged=judged, **facts),
        code=code,
        facts=facts,
    )


def _time(compared: Compared, settings: GateSettings) -> RuleResult:
    time = compared.time
    measured = f"median of {_count(time.turns, 'turn')}" + ("" if time.sure else ", and not clear after them")
    return RuleResult(
        name="time per message",
        passed=time.per_message <= 1 + settings.gate_time_rise + _ROUNDING,
        text=f"a message takes {time.per_message:.3f} times as long: {time.seconds:.3f} times per model call "
        f"({measured}), {compared.live.calls:.2f} to {compared.candidate.calls:.2f} calls a message; "
        f"at most {1 + settings.gate_time_rise:g} times",
        code="gate_time",
        facts={
            "times": f"{time.per_message:.3f}",
            "call": f"{time.seconds:.3f}",
            "turns": time.turns,
            "before": f"{compared.live.calls:.2f}",
            "after": f"{compared.candidate.calls:.2f}",
            "most": f"{1 + settings.gate_time_rise:g}",
        },
    )


def _guards(guards: tuple[GuardRow, ...], settings: GateSettings) -> RuleResult:
    fallen = [row for row in guards if row.weighted_f1.rise < -settings.gate_guard_loss - _ROUNDING]
    shown = ", ".join(
        f"{row.name} {_percent(row.weighted_f1.live)} to {_percent(row.weighted_f1.candidate)} "
        f"({_points(row.weighted_f1.rise)})"
        for row in (fallen or guards)
    )
    said = "falls too far on" if fallen else "stands on"
    sets = ", ".join(
        f"{row.name} {_percent(row.weighted_f1.live)} → {_percent(row.weighted_f1.candidate)}"
        for row in (fallen or guards)
    )
    return RuleResult(
        name="guards",
        passed=not fallen,
        text=f"weighted F1 {said} {shown}; at most {_plain_points(settings.gate_guard_loss)} may be lost",
        code="gate_guards_fallen" if fallen else "gate_guards_stand",
        facts={"sets": sets, "loss": _change(settings.gate_guard_loss, "g")},
    )


def _percent(share: float, digits: int = 1) -> str:
    return f"{100 * share:.{digits}f} %"


def _points(share: float) -> str:
    return f"{100 * share:+.1f} points"


def _change(share: float, form: str = "+.1f") -> str:
    """In points, for a text in any language."""
    return f"{100 * share:{form}}"


def _plain_points(share: float) -> str:
    return f"{100 * share:g} point{'' if share == 0.01 else 's'}"  # noqa: PLR2004 - one point is singular


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
