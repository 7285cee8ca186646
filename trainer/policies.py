"""What each policy of the negotiation is worth on labelled data."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from prompts.profile import ModelProfile
from trainer.calibration import apply_threshold, margins, probabilities
from trainer.examples import Example
from trainer.metrics import (
    OUTLIER,
    Difference,
    Flips,
    Indices,
    Report,
    calibration_error,
    flips,
    paired_bootstrap,
    report,
    weighted_f1,
)
from trainer.sanm import Negotiated


@dataclass(frozen=True, slots=True)
class PolicyResult:
    """One policy's.

    Attributes:
        agreement: with the truth; outliers count as wrong.
        flips: against the first answers.
        outliers: messages without consensus.
        decisions: model calls a message.
        gain: in weighted F1, against one pass.
    """

    agreement: Report
    flips: Flips
    outliers: int
    decisions: float
    gain: Difference


@dataclass(frozen=True, slots=True)
class Comparison:
    """All policies on the same messages.

    Attributes:
        policies: one-pass and calibrated, by name.
        calibration_error: of the first answers' confidence, before and after the temperature.
        asked: share of the messages that policy calibrated sends on to the discriminator.
    """

    policies: dict[str, PolicyResult]
    calibration_error: tuple[float, float]
    asked: float


def compare(found: Negotiated, examples: Sequence[Example], profile: ModelProfile) -> Comparison:
    """Compare the policies with the profile's temperature and threshold."""
    names = [label.name for label in examples[0].question.parts.labels]
    truth = np.array([one.target for one in examples])
    calibrated = apply_threshold(found, margins(found.logits, profile.temperature), profile.threshold)
    outcomes = {
        "one-pass": (found.first, np.ones(len(truth))),
        "calibrated": (calibrated.final, np.where(calibrated.accepted, 1, found.decisions)),
    }
    right = truth == found.first
    errors = [calibration_error(probabilities(found.logits, one).max(-1), right) for one in (1.0, profile.temperature)]

    def score(predicted: Indices, rows: Indices) -> float:
        return weighted_f1(truth[rows], predicted[rows], len(names))

    return Comparison(
        policies={
            name: PolicyResult(
                agreement=report(truth, final, names),
                flips=flips(truth, found.first, final),
                outliers=int((final == OUTLIER).sum()),
                decisions=float(decisions.mean()),
                gain=paired_bootstrap(
                    [one.conversation for one in examples],
                    lambda rows: score(found.first, rows),
                    lambda rows, final=final: score(final, rows),  # type: ignore[misc]
                ),
            )
            for name, (final, decisions) in outcomes.items()
        },
        calibration_error=(errors[0], errors[1]),
        asked=float((~calibrated.accepted).mean()),
    )
