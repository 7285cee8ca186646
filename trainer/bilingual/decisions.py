"""Scores of the labels at a step's decisions, and the loss there."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional
from transformers import OPTForCausalLM

from trainer.bilingual.packing import Packed
from trainer.examples import Example


def hidden_states(model: OPTForCausalLM, packed: Packed) -> Tensor:
    """The last layer's states at the decisions, shape (decisions, hidden)."""
    states = model.model.decoder(
        input_ids=packed.ids, attention_mask=packed.mask, position_ids=packed.positions, use_cache=False
    ).last_hidden_state
    found: Tensor = states[packed.row, packed.place]
    return found


def label_scores(model: OPTForCausalLM, states: Tensor, examples: Sequence[Example]) -> Tensor:
    """Logits of each decision's label set in float32, shape (decisions, most labels), minus infinity at padding."""
    most = max(len(one.label_ids) for one in examples)
    ids = torch.tensor([one.label_ids + one.label_ids[:1] * (most - len(one.label_ids)) for one in examples])
    known = torch.tensor([[place < len(one.label_ids) for place in range(most)] for one in examples])
    words = functional.embedding(ids, model.get_output_embeddings().weight)
    found = torch.einsum("dh,dkh->dk", states, words.to(states.dtype)).float()
    return found.masked_fill(~known, float("-inf"))


def loss(scores: Tensor, target: Tensor, weight: Tensor) -> Tensor:
    """Cross-entropy of the true label among its set, weighted mean over the decisions."""
    each = functional.cross_entropy(scores, target, reduction="none")
    return (each * weight).sum() / weight.sum()
