"""What vLLM's layers call on the CPU to apply adapters, with the batch grouped once per step."""

from typing import Any

import torch
from torch.nn.functional import linear
from vllm.lora.punica_wrapper.punica_cpu import PunicaWrapperCPU

from worker.engines.cpu_lora_ops import AdapterRows, group_rows


class GroupedPunicaWrapper(PunicaWrapperCPU):
    """vLLM's CPU wrapper, with linear layers in one shrink per adapter for all slices of a packed layer (q, k, v)."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._groups: list[AdapterRows] = []

    def update_metadata(self, *args: Any, **kwargs: Any) -> None:
        """Called once per step: find each adapter's rows for all layers of the step."""
        super().update_metadata(*args, **kwargs)
        self._groups = group_rows(self.token_lora_indices)

    def add_lora_linear(
        self,
        y: torch.Tensor,
        x: torch.Tensor,
        lora_a_stacked: tuple[torch.Tensor, ...],
        lora_b_stacked: tuple[torch.Tensor, ...],
        scale: float,
        output_slices: tuple[int, ...],
        *,
        buffer: tuple[torch.Tensor, ...] | None = None,
        **kwargs: Any,
    ) -> None:
        """Add ``scale * x @ A.T @ B.T`` to ``y`` in place, [tokens, in] and [tokens, out], slice by slice of ``y``."""
        same_type = x.dtype == y.dtype == lora_a_stacked[0].dtype
        if buffer is not None or kwargs or not same_type:
            super().add_lora_linear(y, x, lora_a_stacked, lora_b_stacked, scale, output_slices, buffer=buffer, **kwargs)
            return
        y, x = y.view(-1, y.shape[-1]), x.view(-1, x.shape[-1])
        for group in self._groups:
            a = [stacked[group.slot, 0] for stacked in lora_a_stacked]
            shrunk = linear(x[group.rows], a[0] if len(a) == 1 else torch.cat(a))
            if scale != 1.0:
                shrunk.mul_(scale)
            # Indexing by a slice is a view of y, by indices a copy that has to go back.
            rows = y[group.rows]
            offset = 0
            for b_stacked, part, size in zip(lora_b_stacked, shrunk.chunk(len(a), dim=1), output_slices, strict=True):
                rows[:, offset : offset + size].addmm_(part, b_stacked[group.slot, 0].t())
                offset += size
            if not isinstance(group.rows, slice):
                y[group.rows] = rows
