"""LoRA's matrix products on the CPU, grouped by adapter: drop-in for ``vllm.lora.ops.torch_ops``.

A slot of -1 means no adapter: nothing is added to such rows. (vLLM's own functions index the stacked weights by it and
so give those rows the adapter in the last slot, when a batch mixes rows with and without adapter.)
"""

from dataclasses import dataclass

import torch


@dataclass(frozen=True, slots=True)
class AdapterRows:
    """The rows of a batch that use one adapter: a slice where they lie together, else their indices."""

    slot: int
    rows: slice | torch.Tensor


def group_rows(slots: torch.Tensor) -> list[AdapterRows]:
    """Distinct adapters of a batch with their rows, [rows] of slot numbers in; rows without adapter are left out."""
    values, counts = torch.unique_consecutive(slots, return_counts=True)
    runs: dict[int, list[slice]] = {}
    start = 0
    for value, count in zip(values.tolist(), counts.tolist(), strict=True):
        runs.setdefault(value, []).append(slice(start, start + count))
        start += count
    runs.pop(-1, None)
    return [
        AdapterRows(slot, found[0] if len(found) == 1 else torch.nonzero(slots == slot).squeeze(1))
        for slot, found in runs.items()
    ]


def _weights(stacked: torch.Tensor, slot: int) -> torch.Tensor:
    """One adapter's [out, in] matrix from [slots, 1, out, in] or [slots, out, in]."""
    one = stacked[slot]
    return one.squeeze(0) if one.dim() == 3 else one  # noqa: PLR2004 - the dimension that vLLM puts in for slices


def _product(
    inputs: torch.Tensor, stacked: torch.Tensor, slots: torch.Tensor, dtype: torch.dtype, scaling: float = 1.0
) -> torch.Tensor:
    """[rows, out]: each row times its adapter's matrix, zero where there is none."""
    outputs = torch.zeros((slots.shape[0], stacked.shape[-2]), dtype=dtype, device=inputs.device)
    for group in group_rows(slots):
        weights = _weights(stacked, group.slot).to(dtype)
        outputs[group.rows] = (inputs[group.rows].to(dtype) @ weights.t()).mul_(scaling)
    return outputs


def bgmv_shrink(
    inputs: torch.Tensor,
    lora_b_weights: torch.Tensor,
    output_tensor: torch.Tensor,
    lora_indices_tensor: torch.Tensor,
    scaling: float = 1.0,
) -> None:
    """Write ``scaling * inputs @ A.T`` of each row's adapter into the first columns of ``output_tensor``.

    The names of the arguments are vLLM's, which calls these functions by name in places: here the weights are LoRA's A.
    """
    outputs = _product(inputs, lora_b_weights, lora_indices_tensor, output_tensor.dtype, scaling)
    output_tensor[:, : outputs.shape[1]] = outputs


def bgmv_expand(
    inputs: torch.Tensor,
    lora_b_weights: torch.Tensor,
    output_tensor: torch.Tensor,
    lora_indices_tensor: torch.Tensor,
    add_inputs: bool = True,  # noqa: FBT001, FBT002 - vLLM's signature
) -> None:
    """Add ``inputs @ B.T`` of each row's adapter to ``output_tensor``, or put it there."""
    outputs = _product(inputs, lora_b_weights, lora_indices_tensor, output_tensor.dtype)
    # The adapter and the model may pad the vocabulary differently; a single row is meant for all.
    columns = min(outputs.shape[1], output_tensor.shape[1])
    _store(output_tensor[:, :columns], outputs[: output_tensor.shape[0], :columns], add=add_inputs)


def bgmv_expand_slice(
    inputs: torch.Tensor,
    lora_b_weights: torch.Tensor,
    output_tensor: torch.Tensor,
    lora_indices_tensor: torch.Tensor,
    slice_offset: int,
    slice_size: int,
    add_inputs: bool = True,  # noqa: FBT001, FBT002 - vLLM's signature
) -> None:
    """As ``bgmv_expand``, into ``slice_size`` columns from ``slice_offset``."""
    outputs = _product(inputs, lora_b_weights, lora_indices_tensor, output_tensor.dtype)
    _store(output_tensor[:, slice_offset : slice_offset + slice_size], outputs, add=add_inputs)


def _store(target: torch.Tensor, values: torch.Tensor, *, add: bool) -> None:
    if add:
        target.add_(values)
    else:
        target.copy_(values)
