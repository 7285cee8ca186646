"""A vLLM plugin: LoRA on the CPU by one matrix product per distinct adapter.

vLLM 0.32 gathers an adapter's weights once per token there, which makes a small model several times slower with an
adapter than without. vLLM calls ``register`` in every process that builds an engine (entry point
``vllm.general_plugins``); away from the CPU it does nothing.
"""

import structlog

log = structlog.get_logger()

_WRAPPER = "worker.engines.cpu_lora_wrapper.GroupedPunicaWrapper"


def register() -> None:
    """Replace the CPU's LoRA operations; calling it again changes nothing."""
    from vllm.platforms import current_platform

    if not current_platform.is_cpu():
        return
    from vllm.lora.ops import torch_ops
    from vllm.lora.ops.torch_ops import lora_ops
    from vllm.lora.punica_wrapper import punica_cpu

    from worker.engines import cpu_lora_ops

    # sgmv_* of lora_ops call the bgmv_* of their own module, so those follow by themselves.
    for name in ("bgmv_shrink", "bgmv_expand", "bgmv_expand_slice"):
        for module in (lora_ops, torch_ops, punica_cpu):
            setattr(module, name, getattr(cpu_lora_ops, name))
    type(current_platform).get_punica_wrapper = classmethod(_wrapper_name)
    log.debug("cpu_lora_registered")


def _wrapper_name(_platform: type) -> str:
    """Where vLLM finds the class that applies adapters; it imports this by name when it first needs it."""
    return _WRAPPER
