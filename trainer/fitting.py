"""Fitting a finished model's temperature and threshold, with the weights as they are served."""

from dataclasses import dataclass

import numpy as np
from transformers import PreTrainedModel

from prompts.profile import ModelProfile
from prompts.roles import RolePrompts
from trainer.calibration import Worth, affordable, fit_temperature, fit_threshold, least_certain, margins
from trainer.examples import Example
from trainer.policies import Comparison, compare
from trainer.predict import label_logits
from trainer.sanm import negotiate

#: What is written to the profile is readable, and rounded before it is judged.
_DIGITS = 4
#: Model calls a message by policy ``calibrated``, at most. A further call is longer than the first one, and in smaller
#: batches: where no prefix is shared 1.09 to 1.13 calls took 1.15 to 1.43 times the time of one pass, 1.04 up to 1.18.
_MOST_CALLS = 1.03
#: What policy ``calibrated`` may cost in weighted F1, by the lower end of its 95 % interval over conversations: half a
#: point, less what another engine's rounding turns.
_MOST_LOST = 0.004
#: Where it may cost more, so much fewer messages are sent on to the discriminator.
_FEWER = 0.8


@dataclass(frozen=True, slots=True)
class Fitted:
    """The profile with its temperature and threshold, and what they are worth on the data that they were fitted on."""

    profile: ModelProfile
    dev: Comparison


def fit(
    model: PreTrainedModel, roles: RolePrompts, profile: ModelProfile, dev: list[Example], worth: Worth | None = None
) -> Fitted:
    """Fit both on the development data.

    The threshold asks the discriminator as often as costs next to no time and nothing in quality, and as chance cannot
    make half a point of: the fewer the development messages, the fewer of them.

    Args:
        model: the finished model.
        roles: its prompts.
        profile: the model's, for all but the two.
        dev: the development data.
        worth: what the threshold may not cost; weighted F1 if it is left out.
    """
    truth = np.array([one.target for one in dev])
    logits = label_logits(model, dev)
    temperature = round(fit_temperature(logits, truth), _DIGITS)
    margin = margins(logits, temperature)
    found = negotiate(model, roles, dev, logits=logits, among=least_certain(margin))
    asked = affordable(found, margin, _MOST_CALLS)
    while True:
        threshold = round(fit_threshold(found, temperature, truth, asked, worth).margin, _DIGITS)
        fitted = profile.model_copy(update={"temperature": temperature, "threshold": threshold})
        compared = compare(found, dev, fitted)
        if compared.policies["calibrated"].gain.low >= -_MOST_LOST or threshold == 0:
            return Fitted(fitted, compared)
        asked *= _FEWER
