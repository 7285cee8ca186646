"""The arithmetic of evaluation: agreement, confidence, flips, and whether a difference is more than chance.

A prediction of -1 is no label (an outlier): it is wrong, whatever the truth.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

Indices = NDArray[np.int64]
OUTLIER: Final = -1
BINS: Final = 15
_FEWEST_BINS: Final = 3
#: A bin of fewer messages shows chance rather than calibration: small sets get fewer bins.
_BIN_MESSAGES: Final = 30


@dataclass(frozen=True, slots=True)
class LabelScore:
    """How well one label was found."""

    precision: float
    recall: float
    f1: float
    support: int


@dataclass(frozen=True, slots=True)
class Report:
    """Agreement of predictions with the truth; ``macro_f1`` is over the labels that the truth holds."""

    accuracy: float
    macro_f1: float
    weighted_f1: float
    per_label: dict[str, LabelScore]


def report(truth: Indices, predicted: Indices, labels: Sequence[str]) -> Report:
    """Compare predictions with the truth, both indices of ``labels``, shape (messages,)."""
    scores = {}
    for index, name in enumerate(labels):
        hits = int(((truth == index) & (predicted == index)).sum())
        said, support = int((predicted == index).sum()), int((truth == index).sum())
        f1 = 2 * hits / (said + support) if said + support else 0.0
        scores[name] = LabelScore(hits / said if said else 0.0, hits / support if support else 0.0, f1, support)
    present = [score for score in scores.values() if score.support]
    total = len(truth)
    return Report(
        accuracy=float((truth == predicted).mean()) if total else 0.0,
        macro_f1=sum(score.f1 for score in present) / len(present) if present else 0.0,
        weighted_f1=sum(score.f1 * score.support for score in present) / total if total else 0.0,
        per_label=scores,
    )


def weighted_f1(truth: Indices, predicted: Indices, labels: int) -> float:
    """F1 of each label, weighted by its support; as ``report`` has it, for loops."""
    kept = predicted[predicted >= 0]
    hits = np.bincount(truth[truth == predicted], minlength=labels)
    both = np.bincount(kept, minlength=labels) + np.bincount(truth, minlength=labels)
    f1 = np.divide(2 * hits, both, out=np.zeros(labels), where=both > 0)
    return float((f1 * np.bincount(truth, minlength=labels)).sum() / max(len(truth), 1))


def calibration_error(confidence: NDArray[np.float64], right: NDArray[np.bool_], bins: int = BINS) -> float:
    """Expected calibration error over bins of equal mass: mean gap of confidence and accuracy, weighted by size."""
    order = np.argsort(confidence, kind="stable")
    parts = [part for part in np.array_split(order, bins) if len(part)]
    gaps = [len(part) * abs(confidence[part].mean() - right[part].mean()) for part in parts]
    return float(sum(gaps) / max(len(order), 1))


def bins_for(messages: int) -> int:
    """How many bins `calibration_error` gets for so many messages."""
    return int(np.clip(messages // _BIN_MESSAGES, _FEWEST_BINS, BINS))


@dataclass(frozen=True, slots=True)
class Flips:
    """What the negotiation did to the first answers."""

    right_to_wrong: int
    wrong_to_right: int


def flips(truth: Indices, first: Indices, final: Indices) -> Flips:
    """Count the messages whose first answer was right and final one wrong, and the other way round."""
    was, now = truth == first, truth == final
    return Flips(int((was & ~now).sum()), int((~was & now).sum()))


@dataclass(frozen=True, slots=True)
class Difference:
    """A score's difference, ``b`` minus ``a``, with its 95 % interval and the share of resamples at or below 0."""

    observed: float
    low: float
    high: float
    not_better: float


def paired_bootstrap(
    groups: Sequence[str],
    score_a: Callable[[Indices], float],
    score_b: Callable[[Indices], float],
    *,
    resamples: int = 1000,
    seed: int = 0,
) -> Difference:
    """Resample whole conversations, since their messages are not independent.

    Args:
        groups: the conversation of each message.
        score_a: a score of the messages at given indices.
        score_b: the other one's.
        resamples: how many.
        seed: of the random generator.
    """
    _, group = np.unique(np.asarray(groups), return_inverse=True)
    members = [np.flatnonzero(group == one) for one in range(group.max() + 1)]
    rng = np.random.default_rng(seed)
    everything = np.arange(len(groups))
    differences = np.empty(resamples)
    for turn in range(resamples):
        chosen = np.concatenate([members[one] for one in rng.integers(0, len(members), len(members))])
        differences[turn] = score_b(chosen) - score_a(chosen)
    low, high = np.quantile(differences, [0.025, 0.975])
    observed = score_b(everything) - score_a(everything)
    return Difference(observed, float(low), float(high), float((differences <= 0).mean()))
