"""From both sides' answers to the figures that the rules judge."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trainer.calibration import chance_error, probabilities
from trainer.examples import Example
from trainer.gate.answers import Answers, Trust
from trainer.gate.bootstrap import Resampled, paired_differences
from trainer.gate.report import Change, DifferenceRow, LabelRow, ReliabilityBin, SideReport
from trainer.gate.sets import LabelSet, targets, usual_taxonomy
from trainer.gate.settings import GateSettings
from trainer.metrics import OUTLIER, Indices, Report, bins_for, calibration_error, flips, report


@dataclass(frozen=True, slots=True)
class Scored:
    """One side's figures; ``final`` holds places in the labels' common order."""

    side: SideReport
    report: Report
    final: Indices


@dataclass(frozen=True, slots=True)
class HeldOut:
    """The messages of the decision, with their labels in one order."""

    examples: Sequence[Example]
    labels: LabelSet
    truth: Indices

    @classmethod
    def of(cls, examples: Sequence[Example]) -> "HeldOut":
        """Put the labels into one order."""
        labels = LabelSet(examples)
        return cls(examples, labels, labels.of(targets(examples)))


def score(name: str, held_out: HeldOut, answers: Answers, trust: Trust) -> Scored:
    """One side's figures on the held-out messages."""
    truth, first = held_out.truth, held_out.labels.of(answers.first)
    final = held_out.labels.of(answers.final)
    found = report(truth, final, held_out.labels.names)
    flipped = flips(truth, first, final)
    confidence, right = _confidence(held_out.examples, answers, trust), truth == first
    bins = bins_for(len(truth))
    shown = trust.within(usual_taxonomy(held_out.examples))
    side = SideReport(
        name=name,
        temperature=shown.temperature,
        threshold=shown.threshold,
        accuracy=found.accuracy,
        macro_f1=found.macro_f1,
        weighted_f1=found.weighted_f1,
        invalid=float((final == OUTLIER).mean()),
        calibration_error=calibration_error(confidence, right, bins),
        calibration_by_chance=chance_error(confidence, bins),
        calls=float(answers.calls.mean()),
        right_to_wrong=flipped.right_to_wrong,
        wrong_to_right=flipped.wrong_to_right,
        confusion=confusion(truth, final, len(held_out.labels.names)),
        reliability=reliability(confidence, right, bins),
    )
    return Scored(side, found, final)


def label_rows(live: Report, candidate: Report) -> tuple[LabelRow, ...]:
    """Label by label, in the labels' order; those that neither the truth nor an answer names are left out."""
    rows = []
    for name, before in live.per_label.items():
        after = candidate.per_label[name]
        if before.support or before.precision or after.precision:
            changes = {
                what: Change(live=getattr(before, what), candidate=getattr(after, what))
                for what in ("precision", "recall", "f1")
            }
            rows.append(LabelRow(name=name, support=before.support, **changes))
    return tuple(rows)


def differences(
    held_out: HeldOut, live: Scored, candidate: Scored, settings: GateSettings
) -> tuple[DifferenceRow, DifferenceRow]:
    """Of macro-F1 and of weighted F1."""
    found = paired_differences(
        held_out.truth,
        live.final,
        candidate.final,
        [one.conversation for one in held_out.examples],
        labels=len(held_out.labels.names),
        margin=settings.gate_macro_f1_loss,
        resamples=settings.gate_resamples,
        seed=settings.gate_seed,
    )
    return _row(found.macro_f1), _row(found.weighted_f1)


def _row(found: Resampled) -> DifferenceRow:
    return DifferenceRow(observed=found.observed, low=found.low, high=found.high, not_worse=found.not_worse)


def _confidence(examples: Sequence[Example], answers: Answers, trust: Trust) -> NDArray[np.float64]:
    """Of the first answers; none where there is no answer."""
    confidence = np.zeros(len(answers.first))
    sound = answers.first != OUTLIER
    if sound.any():
        scores = probabilities(answers.logits[sound], trust.temperatures(examples)[sound])
        confidence[sound] = scores[np.arange(len(scores)), answers.first[sound]]
    return confidence


def confusion(truth: Indices, final: Indices, labels: int) -> tuple[tuple[int, ...], ...]:
    """Messages by true label (rows) and answer (columns); the last column holds the outliers."""
    columns = np.where(final == OUTLIER, labels, final)
    cells = np.bincount(truth * (labels + 1) + columns, minlength=labels * (labels + 1))
    return tuple(tuple(int(one) for one in row) for row in cells.reshape(labels, labels + 1))


def reliability(confidence: NDArray[np.float64], right: NDArray[np.bool_], bins: int) -> tuple[ReliabilityBin, ...]:
    """Bins of equal mass, from the least to the most confident."""
    order = np.argsort(confidence, kind="stable")
    return tuple(
        ReliabilityBin(
            confidence=float(confidence[part].mean()), accuracy=float(right[part].mean()), messages=len(part)
        )
        for part in np.array_split(order, bins)
        if len(part)
    )
