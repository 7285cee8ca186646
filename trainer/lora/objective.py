"""The loss of an adapter: focal at the decisions, cross-entropy on text.

Focal loss is L = -alpha_t (1 - p_t)^gamma log p_t (Lin et al., arXiv 1708.02002; SentiXRL, section 3.4). Every example
weighs the same, however many answers its negotiation took, so that a batch in parts has the gradient of the whole.
"""

from collections import Counter
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from trainer.batches import Batch
from trainer.decisions import Scores
from trainer.examples import Example
from trainer.lora.recipe import Recipe


def label_weights(examples: Sequence[Example], recipe: Recipe) -> NDArray[np.float32]:
    """Focal loss's alpha for each example's true label, shape (examples,).

    By frequency it is (N / (K n))^power, for n of N examples of a taxonomy with K labels seen, with mean 1 over them.
    """
    if recipe.alpha != "frequency":
        return np.full(len(examples), 1.0 if recipe.alpha is None else recipe.alpha, np.float32)
    keys = [(one.question.parts.taxonomy, one.target) for one in examples]
    count = Counter(keys)
    total = Counter(taxonomy for taxonomy, _ in keys)
    seen = Counter(taxonomy for taxonomy, _ in count)
    raw = {key: (total[key[0]] / (seen[key[0]] * n)) ** recipe.alpha_power for key, n in count.items()}
    mean = {name: sum(raw[key] * n for key, n in count.items() if key[0] == name) / total[name] for name in total}
    return np.array([raw[key] / mean[key[0]] for key in keys], np.float32)


def objective(scores: Scores, batch: Batch, alpha: Tensor, recipe: Recipe) -> Tensor:
    """Sum over the batch's rows.

    Args:
        scores: with the vocabulary if the recipe asks for it.
        batch: what they are of.
        alpha: of each row, shape (rows,).
        recipe: gamma and the weights.
    """
    rows = len(batch.ids)
    each = functional.cross_entropy(scores.labels, batch.target, reduction="none")
    if scores.vocabulary is not None:
        each = each + scores.vocabulary - scores.labels.logsumexp(-1)
    if recipe.gamma:
        # The gradient goes through the factor too, as the paper has it.
        each = each * (1 - torch.exp(-each)).clamp_min(1e-6) ** recipe.gamma
    later = torch.zeros(rows, device=each.device).index_add_(0, batch.row, (~batch.first).float())
    share = recipe.later_decisions / later.clamp_min(1)[batch.row]
    value = (each * alpha[batch.row] * torch.where(batch.first, 1.0, share)).sum()
    if scores.text is not None and recipe.text_weight:
        words = functional.cross_entropy(scores.text, batch.text_target, reduction="none")
        long = torch.zeros(rows, device=each.device).index_add_(0, batch.text_row, torch.ones_like(words))
        value = value + recipe.text_weight * (words / long[batch.text_row]).sum()
    return value
