"""What is believed of each message's label, from which the answers in training negotiations are drawn."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from trainer.examples import Example


def frequencies(examples: Sequence[Example]) -> NDArray[np.float32]:
    """Before a message is seen: how often each label is, among the examples of its taxonomy.

    Returns:
        Shape (examples, most labels), not normalised, and nowhere 0.
    """
    most = max(len(one.label_ids) for one in examples)
    counts: dict[str, NDArray[np.float32]] = {}
    for one in examples:
        counts.setdefault(one.question.parts.taxonomy, np.zeros(most, np.float32))[one.target] += 1
    return np.stack([counts[one.question.parts.taxonomy] for one in examples]) + np.float32(1e-6)
