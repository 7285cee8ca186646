"""Base weights in 4 bits: NF4 with double quantisation, as QLoRA has it (arXiv 2305.14314)."""

from importlib.util import find_spec
from typing import Any

import torch
from transformers import BitsAndBytesConfig

from trainer.lora.errors import QuantizationError


def four_bit(device: torch.device) -> Any:
    """The options for transformers.

    Raises:
        QuantizationError: no GPU, or no bitsandbytes.
    """
    if device.type != "cuda":
        raise QuantizationError(
            f"the recipe asks for quantization 4bit, which needs an NVIDIA GPU; this run is on {device.type}: "
            "run it on one, or set quantization to null"
        )
    if find_spec("bitsandbytes") is None:
        raise QuantizationError("the recipe asks for quantization 4bit: install bitsandbytes, or set it to null")
    return BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=torch.bfloat16,
    )
