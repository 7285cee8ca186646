"""Scores of the labels at a step's decisions, and the loss there."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional
from transformers import OPTForCausalLM

from trainer.bilingual.packing import Packed
from trainer.examples import Example


def hidden_states(model: OPTForCausalLM, packed: Packed) -> Tensor:
    """The last layer's states at the decisions, shape (decisions, hidden).

    The last layer runs at the decisions alone: nothing else of it is ever seen.
    """
    decoder = model.model.decoder
    states = decoder.embed_tokens(packed.ids) + decoder.embed_positions(None, position_ids=packed.positions)
    for layer in decoder.layers[:-1]:
        states = layer(states, attention_mask=packed.mask)
    return _last(decoder.layers[-1], states, packed)


def _last(layer: torch.nn.Module, states: Tensor, packed: Packed) -> Tensor:
    """A post-LN OPT layer, as transformers has it, for the deciding places as queries."""
    slots, valid = _slots(packed, len(states))
    rows = torch.arange(len(states))[:, None]
    queries = states[rows, slots]
    attention = layer.self_attn
    heads = (len(states), -1, attention.num_heads, attention.head_dim)
    query, key, value = (
        made(of).view(heads).transpose(1, 2)
        for made, of in ((attention.q_proj, queries), (attention.k_proj, states), (attention.v_proj, states))
    )
    scores = (query * attention.scaling) @ key.transpose(-1, -2) + packed.mask[rows, 0, slots][:, None]
    shares = scores.softmax(-1, dtype=torch.float32).to(value.dtype)
    mixed = (shares @ value).transpose(1, 2)[valid].flatten(1)
    found = queries[valid]

    def dropped(one: Tensor) -> Tensor:
        return functional.dropout(one, layer.dropout, layer.training)

    found = layer.self_attn_layer_norm(found + dropped(attention.out_proj(mixed)))
    wide = layer.fc2(layer.activation_fn(layer.fc1(found)))
    result: Tensor = layer.final_layer_norm(found + dropped(wide))
    return result


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
    found = torch.einsum("dh,dkh->dk", states, words.to(states.dtype)).float()
    return found.masked_fill(~known, float("-inf"))


def loss(scores: Tensor, target: Tensor, weight: Tensor) -> Tensor:
    """Cross-entropy of the true label among its set, weighted mean over the decisions."""
    each = functional.cross_entropy(scores, target, reduction="none")
    return (each * weight).sum() / weight.sum()
