"""The layers of a post-LN OPT decoder, as transformers has them, a third faster in training on CPU cores.

One product makes queries, keys and values; nothing between the products leaves the type that they are computed in,
where autocast goes to float32 and back some 900 times a step; what lies between them is compiled; and dropout cuts its
masks from a pool of random numbers, where drawing each anew, on one thread, took a tenth of a step.
"""

import shutil
from collections.abc import Callable, Iterable
from typing import Final

import structlog
import torch
from torch import Tensor, nn
from torch.nn import functional

log = structlog.get_logger()

#: A mask is a random piece of a pool that is so many times as large.
_POOL: Final = 5


class DecoderLayers:
    """Runs layers whose weights are somewhere else."""

    def __init__(self, dtype: torch.dtype, *, dropout: float = 0.0, largest: int = 0, compiled: bool = False) -> None:
        """Begin.

        Args:
            dtype: what is computed in; the weights are cast to it.
            dropout: share of a layer's two results that is left out.
            largest: most numbers of the states, batch times length times hidden, if there is dropout.
            compiled: whether to compile what has the shape of all steps; needs a C++ compiler, and does without if
                there is none.
        """
        self._dtype = dtype
        kept = torch.rand(_POOL * largest) >= dropout if dropout else None
        self._pool = None if kept is None else kept.to(dtype) / (1 - dropout)
        self._layer: Callable[..., Tensor] = _layer
        if compiled and not any(map(shutil.which, ("g++", "clang++", "c++"))):
            log.warning("not_compiled", reason="no C++ compiler", mend="install g++ for a faster training")
        elif compiled:
            self._layer = torch.compile(_layer, dynamic=False)

    def __call__(
        self,
        layers: Iterable[nn.Module],
        states: Tensor,
        mask: Tensor,
        last_queries: Callable[[Tensor], Tensor],
        last_mask: Tensor,
    ) -> Tensor:
        """States after all layers, of the places that the last one is asked for.

        Args:
            layers: of OPT.
            states: embeddings, shape (batch, length, hidden).
            mask: added to attention scores, shape (batch, 1, length, length).
            last_queries: takes its places from the last layer's states, shape (batch, places, hidden).
            last_mask: theirs, shape (batch, places, length).
        """
        *most, last = layers
        states, mask = states.to(self._dtype), mask.to(self._dtype)
        for one in most:
            states = self._layer(one, states, states, mask, self._kept(states), self._kept(states))
        asked = last_queries(states)
        return _layer(last, asked, states, last_mask[:, None].to(self._dtype), self._kept(asked), self._kept(asked))

    def _kept(self, states: Tensor) -> Tensor | None:
        if self._pool is None:
            return None
        size = states.numel()
        begin = int(torch.randint(len(self._pool) - size + 1, ()))
        return self._pool[begin : begin + size].view(states.shape)


def _layer(
    layer: nn.Module, asked: Tensor, states: Tensor, mask: Tensor, kept: Tensor | None, kept_wide: Tensor | None
) -> Tensor:
    """One layer for some places, or all of them, as queries."""
    attention, dtype = layer.self_attn, states.dtype
    scaling, heads, size = attention.scaling, attention.num_heads, attention.head_dim
    query, key, value = attention.q_proj, attention.k_proj, attention.v_proj
    batch, places, hidden = asked.shape
    if asked is states:
        weight = torch.cat([query.weight * scaling, key.weight, value.weight]).to(dtype)
        bias = torch.cat([query.bias * scaling, key.bias, value.bias]).to(dtype)
        q, k, v = functional.linear(states, weight, bias).view(batch, -1, 3, heads, size).permute(2, 0, 3, 1, 4)
    else:
        q = functional.linear(asked, (query.weight * scaling).to(dtype), (query.bias * scaling).to(dtype))
        weight, bias = torch.cat([key.weight, value.weight]).to(dtype), torch.cat([key.bias, value.bias]).to(dtype)
        q = q.view(batch, places, heads, size).transpose(1, 2)
        k, v = functional.linear(states, weight, bias).view(batch, -1, 2, heads, size).permute(2, 0, 3, 1, 4)
    shares = (q @ k.transpose(-1, -2) + mask).softmax(-1)
    mixed = (shares @ v).transpose(1, 2).reshape(batch, places, hidden)
    found = _normed(layer.self_attn_layer_norm, asked, _linear(attention.out_proj, mixed), kept)
    wide = layer.activation_fn(_linear(layer.fc1, found))
    return _normed(layer.final_layer_norm, found, _linear(layer.fc2, wide), kept_wide)


def _linear(layer: nn.Module, states: Tensor) -> Tensor:
    return functional.linear(states, layer.weight.to(states.dtype), layer.bias.to(states.dtype))


def _normed(norm: nn.Module, before: Tensor, added: Tensor, kept: Tensor | None) -> Tensor:
    total = before + (added if kept is None else added * kept)
    shape = norm.normalized_shape
    return functional.layer_norm(total, shape, norm.weight.to(total.dtype), norm.bias.to(total.dtype), norm.eps)
