"""A model's decisions: scores of the labels at the positions that decide, and the loss there."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional
from transformers import OPTForCausalLM

from trainer.batches import Batch


@dataclass(frozen=True, slots=True)
class Scores:
    """What the model says at a batch's decisions.

    Attributes:
        labels: logits of the label set, shape (decisions, most labels), minus infinity at padding.
        vocabulary: log of the sum over the whole vocabulary, shape (decisions,), or None where not asked for.
    """

    labels: Tensor
    vocabulary: Tensor | None


def decide(model: OPTForCausalLM, batch: Batch, *, vocabulary: bool = False) -> Scores:
    """Run the model once and read its label logits, in float32; other positions never reach the vocabulary."""
    hidden = model.model(input_ids=batch.ids, use_cache=False).last_hidden_state
    deciding = hidden[batch.row, batch.position]
    words = model.get_input_embeddings().weight
    chosen = functional.embedding(batch.labels, words).to(deciding.dtype)
    labels = torch.einsum("dh,dkh->dk", deciding, chosen).float()
    labels = labels.masked_fill(~batch.known, float("-inf"))
    if not vocabulary:
        return Scores(labels, None)
    # Words that are no labels shall be unlikely, but their embeddings serve as input too: only the hidden state learns.
    return Scores(labels, functional.linear(deciding, words.detach()).float().logsumexp(-1))


def loss(scores: Scores, batch: Batch, later: float) -> Tensor:
    """Cross-entropy of the true label's token over the vocabulary, weighted mean over decisions.

    It is the sum of two terms, the label among its set and the set among all words.

    Args:
        scores: with the vocabulary.
        batch: the batch that they are of.
        later: weight of every decision after G's first, which weighs 1.
    """
    each = functional.cross_entropy(scores.labels, batch.target, reduction="none")
    if scores.vocabulary is not None:
        each = each + scores.vocabulary - scores.labels.logsumexp(-1)
    weight = torch.where(batch.first, 1.0, later)
    return (each * weight).sum() / weight.sum()
