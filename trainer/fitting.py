"""Fitting a finished model's temperature and threshold, with the weights as they are served."""

from dataclasses import dataclass

import numpy as np
from transformers import PreTrainedModel

from prompts.profile import ModelProfile
from prompts.roles import RolePrompts
from trainer.calibration import Worth, fit_temperature, fit_threshold
from trainer.examples import Example
from trainer.policies import Comparison, compare
from trainer.sanm import negotiate

#: What is written to the profile is readable, and rounded before it is judged.
_DIGITS = 4


@dataclass(frozen=True, slots=True)
class Fitted:
    """The profile with its temperature and threshold, and what they are worth on the data that they were fitted on."""

    profile: ModelProfile
    dev: Comparison


def fit(
    model: PreTrainedModel, roles: RolePrompts, profile: ModelProfile, dev: list[Example], worth: Worth | None = None
) -> Fitted:
    """Fit both on the development data; ``worth``: what the threshold may not cost, weighted F1 if left out."""
    truth = np.array([one.target for one in dev])
    found = negotiate(model, roles, dev)
    temperature = round(fit_temperature(found.logits, truth), _DIGITS)
    threshold = round(fit_threshold(found, temperature, truth, worth=worth).margin, _DIGITS)
    fitted = profile.model_copy(update={"temperature": temperature, "threshold": threshold})
    return Fitted(fitted, compare(found, dev, fitted))
