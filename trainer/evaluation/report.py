"""The report of an evaluation: Markdown, with confusion matrices and reliability diagrams as pictures beside it."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from trainer.evaluation.answered import Outcome
from trainer.evaluation.baselines import Baseline
from trainer.evaluation.headline import change, headlines
from trainer.evaluation.material import Material
from trainer.gate.figures import reliability
from trainer.gate.markdown import table
from trainer.gate.report import SideReport

_SHOWN = (
    ("accuracy", "accuracy"),
    ("macro_f1", "macro-F1"),
    ("weighted_f1", "weighted F1"),
    ("micro_f1_emotions", "micro-F1 of the emotions"),
    ("macro_f1_emotions", "macro-F1 of the emotions"),
    ("sentiment_accuracy", "sentiment, accuracy"),
    ("sentiment_macro_f1", "sentiment, macro-F1"),
    ("sentiment_by_scores_macro_f1", "sentiment by summed scores, macro-F1"),
)
_COSTS = (
    ("expected calibration error", "ece", "{:.3f}"),
    ("what chance alone gives of it", "ece_by_chance", "{:.3f}"),
    ("outliers", "outliers", "{}"),
    ("right to wrong", "right_to_wrong", "{}"),
    ("wrong to right", "wrong_to_right", "{}"),
    ("model calls a message", "calls_per_message", "{:.2f}"),
    ("tokens", "tokens", "{:,}"),
    ("model time, s", "model_s", "{:.1f}"),
    ("model time, times that of one pass", "model_s_ratio", "{:.2f}"),
)


def write_report(
    path: Path,
    title: str,
    material: Material,
    policies: Sequence[tuple[Outcome, dict[str, Any]]],
    baselines: Sequence[Baseline],
) -> None:
    """Write ``path`` and, beside it, two pictures for each policy.

    Args:
        path: of the Markdown file.
        title: what was evaluated on what.
        material: what was asked.
        policies: each outcome with its figures.
        baselines: what they are compared with.
    """
    from trainer.evaluation.pictures import draw

    path.parent.mkdir(parents=True, exist_ok=True)
    first = policies[0][1]
    lines = [f"# {title}", ""]
    lines += [f"{first['messages']} messages of {first['conversations']} conversations. Brackets hold 95 % intervals."]
    lines += ["", *table(*summary(policies, baselines))]
    for outcome, found in policies:
        side = _side(outcome, found, material)
        pictures = [f"{path.stem}.{outcome.policy}.{what}.png" for what in ("confusion", "reliability")]
        draw(path.with_name(pictures[0]), path.with_name(pictures[1]), side, material.names)
        lines += ["", *_policy(found, pictures)]
    lines += ["", *_how(material, policies[0][1])]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def summary(
    policies: Sequence[tuple[Outcome, dict[str, Any]]], baselines: Sequence[Baseline]
) -> tuple[list[str], list[list[str]]]:
    """Head and rows of the table of all policies beside the baselines."""
    first = policies[0][1]
    head = ["", *(found["policy"] for _, found in policies), *(one.name for one in baselines)]
    cells = [
        [shown, *(_within(found, key) for _, found in policies), *(_percent(one.scores.get(key)) for one in baselines)]
        for key, shown in _SHOWN
        if key in first
    ]
    empty = ["" for _ in baselines]
    for name, key, form in _COSTS:
        values = ["-" if found[key] is None else form.format(found[key]) for _, found in policies]
        cells.append([name, *values, *empty])
    for figure in headlines(first):
        changes = [change(found, figure) for _, found in policies]
        if any(changes):
            cells.append([f"{figure.shown} against one pass, points", *changes, *empty])
    return head, cells


def _policy(found: dict[str, Any], pictures: Sequence[str]) -> Iterator[str]:
    yield f"## Policy {found['policy']}"
    yield ""
    rows = [
        (name, *(_percent(one[what]) for what in ("precision", "recall", "f1")), str(one["support"]))
        for name, one in found["per_label"].items()
    ]
    yield from table(("label", "precision", "recall", "F1", "messages"), rows)
    yield ""
    yield f"![Confusion matrix]({pictures[0]})"
    yield ""
    yield f"![Reliability diagram]({pictures[1]})"


def _how(material: Material, found: dict[str, Any]) -> Iterator[str]:
    yield "## How it was measured"
    yield ""
    adapter = f" with adapter {found['adapter']}" if found["adapter"] else ""
    how = f"engine {found['engine']}, mode {found['mode']}, at most {found['rounds']} rounds"
    yield f"- Model {found['model']}{adapter}, {how}."
    yield f"- Temperature {found['temperature']:.4g}, acceptance threshold {found['threshold']:.4g}."
    if material.by_sentiment:
        yield f"- The model was asked in the labels of {material.asked}, and their sentiments are compared."
    elif material.asked != material.corpus:
        yield (
            f"- The model does not know the labels of {material.corpus}: they are said in those of {material.asked}, "
            f"and {material.left_out} messages whose label has no counterpart are left out."
        )
    yield "- Intervals are of a bootstrap over conversations (1,000 resamples, seed 0)."
    yield "- An outlier, a message without consensus or with an answer outside the label set, counts as wrong."
    yield "- Calibration is that of the first answers, in 15 bins of equal mass. What chance alone gives of its"
    yield "  error, answers would show that are right just as often as their confidence says."
    yield "- Calls and tokens are what the policy asks for; answers that were kept from an earlier run count alike."


def _side(outcome: Outcome, found: dict[str, Any], material: Material) -> SideReport:
    confidence = np.nan_to_num(outcome.confidence)
    right = outcome.first == material.truth
    return SideReport(
        name=found["model"],
        temperature=found["temperature"],
        threshold=found["threshold"],
        accuracy=found["accuracy"],
        macro_f1=found["macro_f1"],
        weighted_f1=found["weighted_f1"],
        invalid=found["outliers"] / found["messages"],
        calibration_error=found["ece"] or 0.0,
        calls=found["calls_per_message"],
        right_to_wrong=found["right_to_wrong"],
        wrong_to_right=found["wrong_to_right"],
        confusion=found["confusion"],
        reliability=() if found["ece"] is None else reliability(confidence, right, 15),
    )


def _within(found: dict[str, Any], key: str) -> str:
    low, high = found["intervals"][key]
    return f"{_percent(found[key])} [{100 * low:.1f}, {100 * high:.1f}]"


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{100 * share:.1f}"
