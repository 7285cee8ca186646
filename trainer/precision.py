"""What models are computed in: bfloat16, where the processor has products of it."""

import torch

from schemas.processor import multiplies_bfloat16


def computed_in(device: torch.device) -> torch.dtype:
    """In what a model that is stored in bfloat16 is asked and taught on a device; float32 holds the same weights."""
    if device.type != "cpu" or multiplies_bfloat16(torch.cpu.get_capabilities()):
        return torch.bfloat16
    return torch.float32
