"""Scores of answers, and their 95 % intervals by bootstrap over conversations, all from the same counts."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from trainer.gate.bootstrap import Resamples, f1_scores, resample
from trainer.metrics import Indices

RESAMPLES: Final = 1000
SEED: Final = 0

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Scores:
    """By name: shape (1 + resamples,), the first of the messages as they are."""

    values: dict[str, Floats]

    def observed(self) -> dict[str, float]:
        """On the messages as they are."""
        return {name: float(one[0]) for name, one in self.values.items()}

    def intervals(self) -> dict[str, tuple[float, float]]:
        """95 % of the resamples lie within."""
        return {name: _interval(one[1:]) for name, one in self.values.items()}

    def changes(self, before: "Scores") -> dict[str, tuple[float, float, float]]:
        """This minus another's of the same resamples: observed, low, high."""
        found = {}
        for name in self.values.keys() & before.values.keys():
            change = self.values[name] - before.values[name]
            found[name] = (float(change[0]), *_interval(change[1:]))
        return found


def score(
    truth: Indices, said: Indices, conversations: Sequence[str], names: Sequence[str], emotions: Sequence[str] = ()
) -> Scores:
    """All scores of answers.

    Args:
        truth: shape (messages,).
        said: OUTLIER is wrong.
        conversations: of each message.
        names: all labels.
        emotions: those without which there is nothing to feel (neutral, others): F1 of them alone is added.
    """
    return _scores(resample(truth, said, conversations, len(names), RESAMPLES, SEED), names, emotions)


def _scores(counts: Resamples, names: Sequence[str], emotions: Sequence[str]) -> Scores:
    macro, weighted = f1_scores(counts)
    values = {
        "accuracy": counts.hits.sum(-1) / np.maximum(counts.cases.sum(-1), 1),
        "macro_f1": macro,
        "weighted_f1": weighted,
        "micro_f1": _micro(counts, slice(None)),
    }
    if emotions:
        columns = [names.index(name) for name in emotions]
        values["micro_f1_emotions"] = _micro(counts, columns)
        felt = Resamples(counts.hits[:, columns], counts.answers[:, columns], counts.cases[:, columns])
        values["macro_f1_emotions"], values["weighted_f1_emotions"] = f1_scores(felt)
    return Scores(values)


def _micro(counts: Resamples, columns: slice | list[int]) -> Floats:
    both = (counts.answers[:, columns] + counts.cases[:, columns]).sum(-1)
    found: Floats = 2 * counts.hits[:, columns].sum(-1) / np.maximum(both, 1)
    return found


def _interval(drawn: Floats) -> tuple[float, float]:
    low, high = np.quantile(drawn, [0.025, 0.975])
    return float(low), float(high)
