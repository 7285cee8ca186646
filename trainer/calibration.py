"""How far a model's first answers can be trusted: a temperature, and the margin at which one is taken at once."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

import numpy as np
from numpy.typing import NDArray

from trainer.metrics import BINS, Indices, calibration_error, weighted_f1
from trainer.sanm import Negotiated

#: Policy ``calibrated`` sends at most this share of the messages on to the discriminator. Some of them come back for a
#: second round or a third: 0.12 were 1.14 calls a message, and 1.18 times the time where no prefix is shared.
MOST_ASKED: Final = 0.09
#: Of true labels and answers, what an answer is worth.
Worth = Callable[[Indices, Indices], float]
_LOG_TEMPERATURES: Final = (-1.5, 1.5)
_GOLDEN: Final = (5**0.5 - 1) / 2
_PRECISION: Final = 1e-4
_DRAWS: Final = 200


def probabilities(logits: NDArray[np.float64], temperature: float | NDArray[np.float64] = 1.0) -> NDArray[np.float64]:
    """Softmax over the label set, shape as ``logits``; one temperature for all, or (examples, 1) of them."""
    scaled = logits / temperature
    exponentials = np.exp(scaled - scaled.max(-1, keepdims=True))
    result: NDArray[np.float64] = exponentials / exponentials.sum(-1, keepdims=True)
    return result


def margins(logits: NDArray[np.float64], temperature: float | NDArray[np.float64]) -> NDArray[np.float64]:
    """The likeliest label's probability minus the second's, shape (examples,)."""
    ordered = np.sort(probabilities(logits, temperature), axis=-1)
    result: NDArray[np.float64] = ordered[:, -1] - ordered[:, -2]
    return result


def negative_log_likelihood(logits: NDArray[np.float64], truth: Indices, temperature: float) -> float:
    """Mean over examples."""
    own = probabilities(logits, temperature)[np.arange(len(truth)), truth]
    return float(-np.log(np.maximum(own, np.finfo(float).tiny)).mean())


def fit_temperature(logits: NDArray[np.float64], truth: Indices) -> float:
    """The temperature of least negative log-likelihood (Guo et al., 2017), by golden section over its logarithm."""
    low, high = _LOG_TEMPERATURES
    while high - low > _PRECISION:
        left, right = high - _GOLDEN * (high - low), low + _GOLDEN * (high - low)
        if negative_log_likelihood(logits, truth, np.exp(left)) < negative_log_likelihood(logits, truth, np.exp(right)):
            high = right
        else:
            low = left
    return float(np.exp((low + high) / 2))


def crossed_confidence(logits: NDArray[np.float64], truth: Indices, halves: Sequence[int]) -> NDArray[np.float64]:
    """Confidence in each first answer, each half of the examples with the temperature of the other half.

    Args:
        logits: of each example's labels; none of all where the model gave no number, which is confidence 0.
        truth: the true label.
        halves: 0 or 1, by conversation; where one is empty, the other has its own temperature.
    """
    side = np.asarray(halves)
    sound = np.isfinite(logits.max(-1))
    confidence = np.zeros(len(truth))
    for half in (0, 1):
        rows = sound & (side == half)
        others = sound & (side != half)
        fitted = others if others.any() else rows
        if rows.any():
            temperature = fit_temperature(logits[fitted], truth[fitted])
            confidence[rows] = probabilities(logits[rows], temperature).max(-1)
    return confidence


def chance_error(confidence: NDArray[np.float64], bins: int = BINS, seed: int = 0) -> float:
    """Mean calibration error of answers that are right just as often as their confidence says, by chance alone."""
    draw = np.random.default_rng(seed)
    drawn = [calibration_error(confidence, draw.random(len(confidence)) < confidence, bins) for _ in range(_DRAWS)]
    return float(np.mean(drawn))


@dataclass(frozen=True, slots=True)
class Threshold:
    """A margin, and what policy ``calibrated`` does with it on the data that it was fitted on.

    Attributes:
        margin: the least at which a first answer is taken at once.
        accepted: whether it was, shape (examples,).
        final: what comes out, or OUTLIER, shape (examples,).
    """

    margin: float
    accepted: NDArray[np.bool_]
    final: Indices


def apply_threshold(negotiated: Negotiated, margin: NDArray[np.float64], threshold: float) -> Threshold:
    """The first answer where its margin reaches the threshold, the negotiated one elsewhere."""
    accepted = margin >= threshold
    final = np.where(accepted, negotiated.first, negotiated.final)
    return Threshold(threshold, accepted, final)


def least_certain(margin: NDArray[np.float64]) -> Indices:
    """Places of the messages that a threshold may send on, the least certain first: a share of `MOST_ASKED`."""
    result: Indices = np.argsort(margin, kind="stable")[: math.ceil(MOST_ASKED * len(margin))]
    return result


def affordable(negotiated: Negotiated, margin: NDArray[np.float64], most_calls: float) -> float:
    """Share of the messages, the least certain first, that can be negotiated within so many calls a message.

    At most `MOST_ASKED` in any case.
    """
    further = (negotiated.decisions - 1)[np.argsort(margin, kind="stable")].cumsum()
    count = int(np.searchsorted(further, (most_calls - 1) * len(margin), side="right"))
    return min(count / len(margin), MOST_ASKED)


def fit_threshold(
    negotiated: Negotiated,
    temperature: float,
    truth: Indices,
    most_asked: float = MOST_ASKED,
    worth: Worth | None = None,
) -> Threshold:
    """The largest threshold that asks the discriminator seldom enough and costs nothing against one pass.

    Args:
        negotiated: all messages, by the whole negotiation.
        temperature: of the first answers.
        truth: shape (examples,).
        most_asked: largest share that the discriminator is asked for.
        worth: what may not become less; weighted F1 if it is left out.
    """
    margin = margins(negotiated.logits, temperature)
    labels = negotiated.logits.shape[1]
    worth = worth or partial(weighted_f1, labels=labels)
    one_pass = worth(truth, negotiated.first)
    ordered = np.sort(margin)
    for count in range(int(most_asked * len(margin)), 0, -1):
        # Halfway between two neighbours, so that rounding elsewhere moves nobody across.
        found = apply_threshold(negotiated, margin, float((ordered[count - 1] + ordered[count]) / 2))
        if worth(truth, found.final) >= one_pass:
            return found
    return apply_threshold(negotiated, margin, 0.0)
