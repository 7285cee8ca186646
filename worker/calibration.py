"""From an engine's log-probabilities to probabilities that mean what they say."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from prompts.profile import ModelProfile


@dataclass(frozen=True, slots=True)
class Trust:
    """How far the answers of a model, with or without an adapter, are trusted; fitted on development data.

    Attributes:
        temperature: by which log-probabilities are divided.
        threshold: smallest margin at which policy ``calibrated`` takes a first answer at once.
    """

    temperature: float
    threshold: float

    @classmethod
    def of(cls, profile: ModelProfile, taxonomy: str) -> Self:
        """Of a model without an adapter, in one taxonomy."""
        found = profile.trust_in(taxonomy)
        return cls(found.temperature, found.threshold)


def calibrated(logprobs: Mapping[str, float], temperature: float) -> dict[str, float]:
    """Softmax of ``logprobs / temperature`` (Guo et al., 2017), by label name; empty for none.

    Args:
        logprobs: by label name, normalised or not.
        temperature: fitted on development data; 1 leaves a normalised distribution as it is.
    """
    if not logprobs:
        return {}
    highest = max(logprobs.values())
    weights = {label: math.exp((value - highest) / temperature) for label, value in logprobs.items()}
    total = sum(weights.values())
    return {label: weight / total for label, weight in weights.items()}
