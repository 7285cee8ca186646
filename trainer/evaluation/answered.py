"""What a model answered to each message, by label, and the same as indices that can be counted."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from schemas.taxonomy import Taxonomy
from trainer.evaluation.material import Material, taxonomy_of
from trainer.metrics import OUTLIER, Indices


@dataclass(frozen=True, slots=True)
class Answered:
    """One message's answer.

    Attributes:
        first: the first decision, or None where it was outside the set.
        final: what the policy came to, or None for an outlier.
        first_scores: probability by label of the first decision; empty where the engine gives none.
        scores: of what the policy came to.
        refused: the engine refused the prompt for good.
    """

    first: str | None
    final: str | None
    first_scores: Mapping[str, float] = field(default_factory=dict)
    scores: Mapping[str, float] = field(default_factory=dict)
    calls: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    model_seconds: float = 0.0
    refused: bool = False


@dataclass(frozen=True, slots=True)
class Outcome:
    """All answers of one policy, as indices of the material's labels; OUTLIER is wrong whatever the truth.

    Attributes:
        first: shape (messages,).
        final: likewise.
        confidence: probability of the first answer, not a number where the engine gives none.
        answers: as they came.
        wall_seconds: of this process, what was kept from earlier ones not counted.
    """

    policy: str
    first: Indices
    final: Indices
    confidence: NDArray[np.float64]
    answers: Sequence[Answered]
    wall_seconds: float = 0.0


def outcome(policy: str, material: Material, answers: Sequence[Answered], wall_seconds: float = 0.0) -> Outcome:
    """Count-ready answers; where sentiments are compared, each emotion by its own."""
    place = {name: index for index, name in enumerate(material.names)}
    first, final = np.full((2, len(answers)), OUTLIER, dtype=np.int64)
    confidence = np.full(len(answers), np.nan)
    for row, (one, example) in enumerate(zip(answers, material.examples, strict=True)):
        said, came_to = one.first, one.final
        scores = one.first_scores
        if material.by_sentiment:
            taxonomy = taxonomy_of(example)
            said = None if said is None else taxonomy.sentiment(said, dict(one.first_scores))
            came_to = None if came_to is None else taxonomy.sentiment(came_to, dict(one.scores))
            scores = summed_by_sentiment(one.first_scores, taxonomy)
        first[row] = OUTLIER if said is None else place[said]
        final[row] = OUTLIER if came_to is None else place[came_to]
        confidence[row] = scores.get(said, np.nan) if said is not None else 0.0
    return Outcome(policy, first, final, confidence, answers, wall_seconds)


def summed_by_sentiment(scores: Mapping[str, float], taxonomy: Taxonomy) -> dict[str, float]:
    """Scores summed over the labels of each sentiment."""
    summed: dict[str, float] = {}
    for label, score in scores.items():
        sentiment = taxonomy.sentiment(label, dict(scores))
        summed[sentiment] = summed.get(sentiment, 0.0) + score
    return summed
