"""Scores of the labels at a step's decisions, and the loss there."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional
from transformers import OPTForCausalLM

from trainer.bilingual.decoder_layers import DecoderLayers
from trainer.bilingual.packing import Packed
from trainer.examples import Example


def hidden_states(model: OPTForCausalLM, packed: Packed, layers: DecoderLayers) -> Tensor:
    """The last layer's states at the decisions, shape (decisions, hidden), in the layers' type.

    The last layer runs at the decisions alone: nothing else of it is ever seen.
    """
    decoder = model.model.decoder
    states = decoder.embed_tokens(packed.ids) + decoder.embed_positions(None, position_ids=packed.positions)
    rows = torch.arange(len(states))[:, None]
    slots, valid = _slots(packed, len(states))
    last_mask = packed.mask[rows, 0, slots]
    asked = layers(decoder.layers, states, packed.mask, lambda whole: whole[rows, slots], last_mask)
    return asked[valid]


def _slots(packed: Packed, rows: int) -> tuple[Tensor, Tensor]:
    """The deciding places of each row, padded with 0, and which of them are real; both (rows, most)."""
    counts = torch.bincount(packed.row, minlength=rows)
    valid = torch.arange(int(counts.max()))[None] < counts[:, None]
    slots = torch.zeros(valid.shape, dtype=torch.int64)
    # Decisions come by rows, in order.
    slots[valid] = packed.place
    return slots, valid


def label_scores(model: OPTForCausalLM, states: Tensor, examples: Sequence[Example]) -> Tensor:
    """Logits of each decision's label set in float32, shape (decisions, most labels), minus infinity at padding."""
    most = max(len(one.label_ids) for one in examples)
    ids = torch.tensor([one.label_ids + one.label_ids[:1] * (most - len(one.label_ids)) for one in examples])
    known = torch.tensor([[place < len(one.label_ids) for place in range(most)] for one in examples])
    words = functional.embedding(ids, model.get_output_embeddings().weight)
    found = torch.einsum("dh,dkh->dk", states.float(), words.float())
    return found.masked_fill(~known, float("-inf"))


def loss(scores: Tensor, target: Tensor, weight: Tensor) -> Tensor:
    """Cross-entropy of the true label among its set, weighted mean over the decisions."""
    each = functional.cross_entropy(scores, target, reduction="none")
    return (each * weight).sum() / weight.sum()
