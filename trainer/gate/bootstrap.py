"""Is a difference in F1 more than chance? A paired bootstrap over conversations, from counts alone.

F1 needs no more than three counts per label (hits, answers, cases), and counts of conversations add up. A resample is
thus a row of weights times a matrix of counts: thousands of them are one product.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trainer.metrics import Indices

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Resamples:
    """Counts by label of the messages as they are (the first row) and of each resample of their conversations.

    Attributes:
        hits: shape (1 + resamples, labels).
        answers: likewise.
        cases: likewise.
    """

    hits: Floats
    answers: Floats
    cases: Floats


@dataclass(frozen=True, slots=True)
class Resampled:
    """A score's difference, candidate minus live.

    Attributes:
        observed: on the messages as they are.
        low: 2.5 % of the resamples lie below,
        high: and 2.5 % above.
        not_worse: share of the resamples in which it is above minus the margin.
    """

    observed: float
    low: float
    high: float
    not_worse: float


@dataclass(frozen=True, slots=True)
class Differences:
    """What the bootstrap finds in both scores."""

    macro_f1: Resampled
    weighted_f1: Resampled


def paired_differences(
    truth: Indices,
    live: Indices,
    candidate: Indices,
    conversations: Sequence[str],
    *,
    labels: int,
    margin: float,
    resamples: int,
    seed: int,
) -> Differences:
    """Resample whole conversations, both sides alike, since a conversation's messages are not independent.

    Args:
        truth: shape (messages,).
        live: its answers; OUTLIER is wrong, whatever the truth.
        candidate: its answers.
        conversations: of each message.
        labels: how many there are.
        margin: a loss up to which a score counts as not worse.
        resamples: how many.
        seed: of the random generator.
    """
    scores = [f1_scores(resample(truth, said, conversations, labels, resamples, seed)) for said in (live, candidate)]
    macro, weighted = (after - before for before, after in zip(*scores, strict=True))
    return Differences(_resampled(macro, margin), _resampled(weighted, margin))


def resample(
    truth: Indices, said: Indices, conversations: Sequence[str], labels: int, resamples: int, seed: int
) -> Resamples:
    """The same conversations are drawn for the same seed, whatever was said."""
    _, group = np.unique(np.asarray(conversations), return_inverse=True)
    groups = int(group.max()) + 1
    rng = np.random.default_rng(seed)
    weights = rng.multinomial(groups, np.full(groups, 1 / groups), size=resamples).astype(np.float64)
    weights = np.vstack([np.ones(groups), weights])
    return Resamples(*(weights @ one for one in _counts(truth, said, group, groups, labels)))


def _resampled(differences: Floats, margin: float) -> Resampled:
    observed, drawn = differences[0], differences[1:]
    low, high = np.quantile(drawn, [0.025, 0.975])
    return Resampled(float(observed), float(low), float(high), float((drawn > -margin).mean()))


def _counts(
    truth: Indices, said: Indices, group: NDArray[np.intp], groups: int, labels: int
) -> tuple[Floats, Floats, Floats]:
    """Hits, answers and cases, each of shape (conversations, labels)."""

    def count(label: Indices, rows: NDArray[np.bool_]) -> Floats:
        flat = np.bincount(group[rows] * labels + label[rows], minlength=groups * labels)
        return flat.reshape(groups, labels).astype(np.float64)

    return count(truth, truth == said), count(said, said >= 0), count(truth, truth >= 0)


def f1_scores(counts: Resamples) -> tuple[Floats, Floats]:
    """Macro-F1 over the labels that a resample holds, and weighted F1; each of shape (1 + resamples,)."""
    hits, cases = counts.hits, counts.cases
    both = counts.answers + cases
    f1 = np.divide(2 * hits, both, out=np.zeros_like(hits), where=both > 0)
    present = cases > 0
    macro = (f1 * present).sum(-1) / np.maximum(present.sum(-1), 1)
    weighted = (f1 * cases).sum(-1) / np.maximum(cases.sum(-1), 1)
    return macro, weighted
