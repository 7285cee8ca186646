"""Fitting a finished model's temperature and threshold, and saying what each policy is worth."""

from dataclasses import dataclass

import numpy as np
from transformers import OPTForCausalLM

from prompts.profile import ModelProfile
from prompts.roles import RolePrompts
from trainer.calibration import fit_temperature, fit_threshold, probabilities
from trainer.examples import Example
from trainer.metrics import OUTLIER, Flips, Report, calibration_error, flips, report
from trainer.sanm import negotiate


@dataclass(frozen=True, slots=True)
class Policy:
    """What one policy comes to on the development data."""

    agreement: Report
    flips: Flips
    outliers: int
    decisions: float


@dataclass(frozen=True, slots=True)
class Fitted:
    """The profile with its temperature and threshold, and what they are worth on the data that they were fitted on.

    Attributes:
        profile: to be written beside the weights.
        policies: one pass, paper and calibrated, by name.
        calibration_error: before and after the temperature.
        asked: share of the messages that policy calibrated sends on to the discriminator.
    """

    profile: ModelProfile
    policies: dict[str, Policy]
    calibration_error: tuple[float, float]
    asked: float


def fit(model: OPTForCausalLM, roles: RolePrompts, profile: ModelProfile, dev: list[Example]) -> Fitted:
    """Fit temperature and threshold, with the weights as they are served."""
    names = [label.name for label in dev[0].question.parts.labels]
    truth = np.array([one.target for one in dev])
    found = negotiate(model, roles, dev)
    temperature = fit_temperature(found.logits, truth)
    threshold = fit_threshold(found, temperature, truth)
    right = truth == found.first
    errors = [calibration_error(probabilities(found.logits, one).max(-1), right) for one in (1.0, temperature)]
    asked = np.where(threshold.accepted, 1, found.decisions)
    policies = {
        name: Policy(
            report(truth, final, names),
            flips(truth, found.first, final),
            int((final == OUTLIER).sum()),
            float(decisions.mean()),
        )
        for name, final, decisions in (
            ("one-pass", found.first, np.ones(len(dev))),
            ("paper", found.final, found.decisions),
            ("calibrated", threshold.final, asked),
        )
    }
    fitted = profile.model_copy(update={"temperature": round(temperature, 4), "threshold": round(threshold.margin, 4)})
    return Fitted(fitted, policies, (errors[0], errors[1]), float((~threshold.accepted).mean()))
