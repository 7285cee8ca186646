"""Each rule at its limit: the last figure that is let pass, and the first that is not."""

from typing import Any

import numpy as np
import pytest

from trainer.calibration import chance_error
from trainer.gate.markdown import markdown
from trainer.gate.report import (
    Change,
    Compared,
    DifferenceRow,
    GateReport,
    GuardRow,
    LabelRow,
    RuleResult,
    SideReport,
    TimeRow,
)
from trainer.gate.rules import enough, judge_figures
from trainer.gate.settings import GateSettings
from trainer.metrics import bins_for, calibration_error

SETTINGS = GateSettings()


def side(**changed: Any) -> SideReport:
    given = {
        "name": "one",
        "temperature": 1.2,
        "threshold": 0.1,
        "accuracy": 0.7,
        "macro_f1": 0.6,
        "weighted_f1": 0.65,
        "invalid": 0.01,
        "calibration_error": 0.03,
        "calls": 1.1,
        "right_to_wrong": 1,
        "wrong_to_right": 2,
        "confusion": ((8, 2, 0), (1, 9, 0)),
        "reliability": (),
    }
    return SideReport.model_validate(given | changed)


def label(support: int, recall: float, live: float = 0.8) -> LabelRow:
    same = Change(live=0.5, candidate=0.5)
    return LabelRow(name="joy", support=support, precision=same, recall=Change(live=live, candidate=recall), f1=same)


def compared(**changed: Any) -> Compared:
    better = DifferenceRow(observed=0.02, low=0.001, high=0.04, not_worse=0.99)
    given = {
        "names": ("joy", "anger"),
        "live": side(),
        "candidate": side(),
        "labels": (label(40, 0.8),),
        "macro_f1": better,
        "weighted_f1": better,
        "time": TimeRow(seconds=1.0, calls=1.0, per_message=1.0, turns=7, sure=True),
        "guards": (),
    }
    return Compared.model_validate(given | changed)


def difference(observed: float, not_worse: float = 1.0) -> DifferenceRow:
    return DifferenceRow(observed=observed, low=observed - 0.02, high=observed + 0.02, not_worse=not_worse)


def time(per_message: float) -> TimeRow:
    return TimeRow(seconds=per_message, calls=1.0, per_message=per_message, turns=9, sure=True)


def guard(candidate: float, live: float = 0.625) -> tuple[GuardRow, ...]:
    return (GuardRow(name="meld", messages=90, weighted_f1=Change(live=live, candidate=candidate)),)


@pytest.mark.parametrize(
    ("rule", "kept", "broken"),
    [
        (
            "macro-F1 not worse",
            {"macro_f1": difference(-0.001, 0.95)},
            {"macro_f1": difference(0.01, 0.949)},
        ),
        (
            "better in one F1",
            {"macro_f1": difference(-0.001), "weighted_f1": difference(0.001)},
            {"macro_f1": difference(0.0), "weighted_f1": difference(0.0)},
        ),
        ("recall of each label", {"labels": (label(30, 0.7505),)}, {"labels": (label(30, 0.74),)}),
        ("recall of each label", {"labels": (label(29, 0.0),)}, {"labels": (label(300, 0.8), label(31, 0.7))}),
        # Exactly five points: a computer's 0.95 - 1.0 is less than -0.05.
        ("recall of each label", {"labels": (label(40, 38 / 40, 1.0),)}, {"labels": (label(40, 37 / 40, 1.0),)}),
        ("guards", {"guards": guard(0.70, 0.71)}, {"guards": guard(0.6999, 0.71)}),
        ("invalid answers", {"candidate": side(invalid=0.01)}, {"candidate": side(invalid=0.011)}),
        (
            "calibration",
            {"candidate": side(calibration_error=0.049)},
            {"candidate": side(calibration_error=0.05)},
        ),
        (
            "calibration",
            {"live": side(calibration_error=0.09), "candidate": side(calibration_error=0.09)},
            {"live": side(calibration_error=0.09), "candidate": side(calibration_error=0.091)},
        ),
        # However much of it is chance.
        (
            "calibration",
            {"candidate": side(calibration_error=0.049, calibration_by_chance=0.06)},
            {"candidate": side(calibration_error=0.05, calibration_by_chance=0.06)},
        ),
        (
            "calibration",
            {"live": side(calibration_error=0.09), "candidate": side(calibration_error=0.09)},
            {
                "live": side(calibration_error=0.09, calibration_by_chance=0.01),
                "candidate": side(calibration_error=0.091, calibration_by_chance=0.06),
            },
        ),
        ("time per message", {"time": time(1.05)}, {"time": time(1.051)}),
        ("guards", {"guards": guard(0.616)}, {"guards": guard(0.614)}),
    ],
)
def test_a_rule_at_its_limit(rule: str, kept: dict[str, Any], broken: dict[str, Any]) -> None:
    assert not failed(compared(**kept))
    assert failed(compared(**broken)) == [rule]


def failed(figures: Compared, settings: GateSettings = SETTINGS) -> list[str]:
    return [one.name for one in judge_figures(figures, settings) if not one.passed]


@pytest.mark.parametrize(
    ("live", "kept", "broken"),
    [
        ((0.03, 0.03), (0.109, 0.06), (0.111, 0.06)),
        # Above the limit, and what is the model's own does not rise.
        ((0.13, 0.05), (0.14, 0.06), (0.15, 0.06)),
    ],
)
def test_calibration_beyond_chance_is_a_setting(
    live: tuple[float, float],
    kept: tuple[float, float],
    broken: tuple[float, float],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def sides(candidate: tuple[float, float]) -> Compared:
        before, after = (
            side(calibration_error=error, calibration_by_chance=chance) for error, chance in (live, candidate)
        )
        return compared(live=before, candidate=after)

    monkeypatch.setenv("TRAINER_GATE_CALIBRATION_BEYOND_CHANCE", "true")
    settings = GateSettings()
    assert not failed(sides(kept), settings)
    assert failed(sides(broken), settings) == ["calibration"]


@pytest.mark.parametrize(
    ("beyond", "code", "limit"),
    [
        (False, "gate_calibration_plain", "; it must stay under 0.05, or not rise"),
        (True, "gate_calibration", "; what is beyond chance must stay under 0.05, or not rise"),
    ],
)
def test_the_rule_of_calibration_says_how_it_judged(beyond: bool, code: str, limit: str) -> None:  # noqa: FBT001
    figures = compared(candidate=side(calibration_error=0.0712, calibration_by_chance=0.0633))
    found = judge_figures(figures, GateSettings(gate_calibration_beyond_chance=beyond))
    (rule,) = [one for one in found if one.name == "calibration"]
    assert rule.passed is beyond
    assert (rule.code, rule.facts["most"]) == (code, "0.05")
    figures_of = "expected calibration error after temperature goes from 0.030 (0.000 by chance) to 0.071 (0.063)"
    assert rule.text == figures_of + limit
    assert f"| calibration | {rule.text} |" in markdown(report(found, figures))


@pytest.mark.parametrize(("messages", "least", "most"), [(400, 0.4, 0.65), (1000, 0.7, 0.95)])
def test_by_the_plain_rule_luck_refuses_candidates_whose_confidence_is_perfect(
    messages: int, least: float, most: float
) -> None:
    """As many of both sides' answers are right as their confidence says, and eight tenths of them on both sides."""
    draw = np.random.default_rng(0)
    bins, kept = bins_for(messages), {True: 0, False: 0}
    by_chance = chance_error(draw.uniform(0.3, 1.0, messages), bins)
    for _ in range(200):
        confidence = draw.uniform(0.3, 1.0, messages)
        before, anew = (draw.random(messages) < confidence for _ in range(2))
        after = np.where(draw.random(messages) < 0.8, before, anew)
        live, candidate = (
            side(calibration_error=calibration_error(confidence, right, bins), calibration_by_chance=by_chance)
            for right in (before, after)
        )
        for beyond in kept:
            settings = GateSettings(gate_calibration_beyond_chance=beyond)
            kept[beyond] += not failed(compared(live=live, candidate=candidate), settings)
    assert least < kept[False] / 200 < most
    assert kept[True] / 200 > 0.99


@pytest.mark.parametrize(
    ("counts", "passed"), [((50, 10, 2), True), ((49, 10, 2), False), ((50, 9, 2), False), ((500, 100, 1), False)]
)
def test_how_much_held_out_data_is_enough(counts: tuple[int, int, int], passed: bool) -> None:  # noqa: FBT001
    assert enough(*counts, SETTINGS).passed is passed


def test_each_limit_is_a_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRAINER_GATE_INVALID_RISE", "0.02")
    results = judge_figures(compared(candidate=side(invalid=0.025)), GateSettings())
    assert all(one.passed for one in results)


def test_a_reason_names_the_label_and_its_figures() -> None:
    (reason,) = [one.text for one in judge_figures(compared(labels=(label(31, 0.7),)), SETTINGS) if not one.passed]
    assert "joy 80.0 % to 70.0 % (-10.0 points, 31 cases)" in reason


def test_the_first_lines_of_a_refusal_say_why() -> None:
    rules = judge_figures(compared(time=time(1.2)), SETTINGS)
    text = markdown(report(rules, compared(time=time(1.2))))
    head = text.split("## Rule by rule")[0]
    assert head.startswith("# Refused: v2\n")
    assert "- time per message: a message takes 1.200 times as long" in head
    assert len(head.splitlines()) < 15


def report(rules: tuple[RuleResult, ...], figures: Compared | None) -> GateReport:
    return GateReport.model_validate(
        {
            "candidate": "v2",
            "live": "v1",
            "released": all(rule.passed for rule in rules),
            "reasons": tuple(f"{rule.name}: {rule.text}" for rule in rules if not rule.passed),
            "rules": rules,
            "policy": "calibrated",
            "rounds": 3,
            "messages": 90,
            "conversations": 30,
            "development_messages": 40,
            "refitted": True,
            "resamples": 2000,
            "seed": 0,
            "compared": figures,
            "decided_at": "2026-11-21T03:15:00Z",
        }
    )
