"""What one side answers to many messages through the policy that is live; the rules are the worker's."""

import zlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray

from prompts.profile import ModelProfile
from prompts.roles import RolePrompts
from schemas.event import Policy
from trainer.calibration import margins, probabilities
from trainer.examples import Example
from trainer.metrics import OUTLIER, Indices
from trainer.predict import label_logits
from trainer.sanm import decisions, negotiate

#: Draws of policy ``vote3``.
VOTES: Final = 3


@dataclass(frozen=True, slots=True)
class Serving:
    """How the live service asks: the same for both sides."""

    policy: Policy
    rounds: int = 3


@dataclass(frozen=True, slots=True)
class Trust:
    """How far one side's scores are trusted; see ``schemas.adapter.AdapterMetadata``.

    Attributes:
        by_taxonomy: for single taxonomies; the two figures are for all others. An adapter has none.
    """

    temperature: float
    threshold: float
    by_taxonomy: Mapping[str, Self] = field(default_factory=dict)

    @classmethod
    def of(cls, profile: ModelProfile) -> Self:
        """Of a model without an adapter."""
        single = {name: cls(one.temperature, one.threshold) for name, one in profile.trust.items()}
        return cls(profile.temperature, profile.threshold, single)

    def within(self, taxonomy: str) -> Self:
        """Of the answers in one taxonomy."""
        return self.by_taxonomy.get(taxonomy, self)

    def temperatures(self, examples: Sequence[Example]) -> NDArray[np.float64]:
        """Of each example's taxonomy, shape (examples, 1)."""
        return np.array([self.within(one.question.parts.taxonomy).temperature for one in examples])[:, None]

    def thresholds(self, examples: Sequence[Example]) -> NDArray[np.float64]:
        """Of each example's taxonomy, shape (examples,)."""
        return np.array([self.within(one.question.parts.taxonomy).threshold for one in examples])


@dataclass(frozen=True, slots=True)
class Answers:
    """One side's answers. Labels are indices of each example's own label set.

    Attributes:
        logits: G's first ones, shape (examples, most labels).
        first: G's first answers, or OUTLIER.
        final: what the policy comes to; OUTLIER where the message gets no label.
        calls: of the model, per example.
    """

    logits: NDArray[np.float64]
    first: Indices
    final: Indices
    calls: Indices


def answer(model: Any, roles: RolePrompts, examples: Sequence[Example], serving: Serving, trust: Trust) -> Answers:
    """Ask as the worker does: a first answer is taken at once where the policy says so, else G and D negotiate.

    A first answer outside the set is never taken, by no policy: D is asked then.
    """
    logits = label_logits(model, examples)
    if serving.policy == "vote3":
        return _votes(logits, examples, trust)
    first = decisions(logits)
    rows = np.flatnonzero(~_taken(logits, examples, serving.policy, trust) | (first == OUTLIER))
    found = negotiate(model, roles, examples, serving.rounds, logits, rows)
    return Answers(logits, first, found.final, found.decisions)


def _taken(logits: NDArray[np.float64], examples: Sequence[Example], policy: Policy, trust: Trust) -> NDArray[np.bool_]:
    if policy == "calibrated":
        taken: NDArray[np.bool_] = margins(logits, trust.temperatures(examples)) >= trust.thresholds(examples)
        return taken
    return np.full(len(logits), policy == "one-pass")


def _votes(logits: NDArray[np.float64], examples: Sequence[Example], trust: Trust) -> Answers:
    first, final = decisions(logits), np.full(len(examples), OUTLIER, dtype=np.int64)
    for row in np.flatnonzero(first != OUTLIER):
        one = examples[row]
        # Both sides draw by the same seeds: what differs is the adapter, not the luck.
        seed = zlib.crc32(f"{one.conversation}\0{one.question.opening}".encode())
        known = logits[row, : len(one.label_ids)]
        draws = [draw(known, one.label_ids, seed + number) for number in range(VOTES)]
        first[row] = draws[0]
        names = [label.name for label in one.question.parts.labels]
        temperature = trust.within(one.question.parts.taxonomy).temperature
        final[row] = majority(draws, probabilities(known, temperature), names)
    return Answers(logits, first, final, np.full(len(examples), VOTES, dtype=np.int64))


def draw(logits: NDArray[np.float64], label_ids: Sequence[int], seed: int) -> int:
    """Index of a label drawn at temperature 1, as the worker's engine draws: over the tokens in their order."""
    order = sorted(range(len(label_ids)), key=label_ids.__getitem__)
    chances = probabilities(logits)
    return Random(seed).choices(order, [chances[index] for index in order])[0]


def majority(draws: Sequence[int], scores: NDArray[np.float64], names: Sequence[str]) -> int:
    """The label drawn most often; a tie goes to the higher score, then to the name."""
    votes = Counter(draws)
    return min(votes, key=lambda label: (-votes[label], -scores[label], names[label]))
