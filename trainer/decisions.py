"""A model's decisions: scores of the labels at the positions that decide, and the loss there."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional
from transformers import PreTrainedModel

from trainer.batches import Batch


@dataclass(frozen=True, slots=True)
class Scores:
    """What the model says at a batch's decisions.

    Attributes:
        labels: logits of the label set, shape (decisions, most labels), minus infinity at padding.
        vocabulary: log of the sum over the whole vocabulary, shape (decisions,), or None where not asked for.
        text: logits of the vocabulary at the text positions, shape (text positions, words), or None without any.
    """

    labels: Tensor
    vocabulary: Tensor | None
    text: Tensor | None = None


def bare(model: PreTrainedModel) -> PreTrainedModel:
    """The transformers model inside PEFT's, its adapter's layers still in place; any other as it is."""
    return model.get_base_model() if hasattr(model, "get_base_model") else model


def padding_id(model: PreTrainedModel) -> int:
    """What fills rows up. Nothing reads it, so that a model without one takes its first word."""
    found = bare(model).config.pad_token_id
    return found if isinstance(found, int) and found >= 0 else 0


def decide(model: PreTrainedModel, batch: Batch, *, vocabulary: bool = False) -> Scores:
    """Run the model once and read its label logits, in float32; other positions never reach the vocabulary.

    Args:
        model: a causal model whose logits are its head's plain product with the last hidden state.
        batch: on the model's device.
        vocabulary: ask for the sum over the vocabulary too.
    """
    model = bare(model)
    # Causal attention and padding on the right: no mask is needed.
    hidden = model.base_model(input_ids=batch.ids, use_cache=False).last_hidden_state
    deciding = hidden[batch.row, batch.position]
    head = model.get_output_embeddings()
    words, bias = head.weight, getattr(head, "bias", None)
    chosen = functional.embedding(batch.labels, words).to(deciding.dtype)
    labels = torch.einsum("dh,dkh->dk", deciding, chosen).float()
    if bias is not None:
        labels = labels + bias[batch.labels].float()
    labels = labels.masked_fill(~batch.known, float("-inf"))
    # Words that are no labels shall be unlikely, but their embeddings serve as input too: only the hidden state learns.
    fixed = words.detach()
    total = functional.linear(deciding, fixed, bias).float().logsumexp(-1) if vocabulary else None
    text = None
    if batch.text_row.numel():
        text = functional.linear(hidden[batch.text_row, batch.text_position], fixed, bias).float()
    return Scores(labels, total, text)


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
