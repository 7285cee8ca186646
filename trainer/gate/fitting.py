"""Temperature and threshold of the candidate, refitted on development data; they travel with it."""

from collections.abc import Sequence
from typing import Any, Final

from prompts.roles import RolePrompts
from trainer.calibration import affordable, fit_temperature, fit_threshold, least_certain, margins
from trainer.examples import Example
from trainer.gate.answers import Trust
from trainer.gate.sets import targets
from trainer.metrics import OUTLIER
from trainer.predict import label_logits
from trainer.sanm import decisions, negotiate

#: What is written to the metadata is readable, and rounded before it is judged.
_DIGITS: Final = 4


def fit_trust(
    model: Any,
    roles: RolePrompts,
    development: Sequence[Example],
    *,
    rounds: int,
    most_calls: float,
) -> Trust:
    """Fit both to the candidate's answers.

    The threshold is the largest that costs no weighted F1, sends at most `MOST_ASKED` of the messages to the
    discriminator and keeps within ``most_calls``: asking more often would cost more time than the gate allows.

    Args:
        model: the candidate.
        roles: asks it.
        development: not empty.
        rounds: of the negotiation.
        most_calls: model calls a message, on this data.
    """
    logits = label_logits(model, development)
    sound = decisions(logits) != OUTLIER
    truth = targets(development)
    temperature = round(fit_temperature(logits[sound], truth[sound]), _DIGITS) if sound.any() else 1.0
    margin = margins(logits, temperature)
    found = negotiate(model, roles, development, rounds, logits, least_certain(margin))
    share = affordable(found, margin, most_calls)
    return Trust(temperature, round(fit_threshold(found, temperature, truth, share).margin, _DIGITS))
