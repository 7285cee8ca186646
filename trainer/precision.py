"""What models are computed in: bfloat16, where the processor has products of it."""

from typing import Final

import torch

#: What x86 processors call it, and ARM's.
_PRODUCTS: Final = ("avx512_bf16", "amx_bf16", "bf16")


def computed_in(device: torch.device) -> torch.dtype:
    """In what a model that is stored in bfloat16 is asked and taught on a device.

    A CPU without instructions for it takes four times as long in bfloat16 as in float32, which holds the same weights.
    """
    if device.type != "cpu" or any(map(torch.cpu.get_capabilities().get, _PRODUCTS)):
        return torch.bfloat16
    return torch.float32
