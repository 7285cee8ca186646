"""What a processor can multiply, for all that asks or teaches a model on it."""

from collections.abc import Mapping
from typing import Final

#: What processors with products of bfloat16 call them: x86 the first two, ARM the last.
_BFLOAT16_PRODUCTS: Final = ("avx512_bf16", "amx_bf16", "bf16")


def multiplies_bfloat16(capabilities: Mapping[str, object]) -> bool:
    """Whether it has instructions for it: without, bfloat16 takes four times as long as float32.

    Args:
        capabilities: as `torch.cpu.get_capabilities` names them.
    """
    return any(map(capabilities.get, _BFLOAT16_PRODUCTS))
