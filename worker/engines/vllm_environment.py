"""What has to be right in this process before vLLM is imported."""

import contextlib
import gc
import logging
import os
import sys
import warnings
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from schemas.processor import multiplies_bfloat16
from worker.engines.vllm_options import VllmOptions

#: In two bytes a number; float32 gets twice as much for as many tokens.
_CPU_KV_CACHE_MB: Final = 256


def prepare_environment() -> None:
    """Set what torch and vLLM read when they are imported: no engine process, no reports home, no network."""
    os.environ["VLLM_ENABLE_V1_MULTIPROCESSING"] = "0"
    defaults = {
        "VLLM_NO_USAGE_STATS": "1",
        "VLLM_CONFIGURE_LOGGING": "0",
        "HF_HUB_OFFLINE": "1",
        # Threads that spin while they wait for each other cost more than half of the rate where cores are shared.
        "OMP_WAIT_POLICY": "PASSIVE",
    }
    for name, value in defaults.items():
        os.environ.setdefault(name, value)
    # Its warnings are about what this engine chose on purpose, such as running without compilation.
    logging.getLogger("vllm").setLevel(os.environ.get("VLLM_LOGGING_LEVEL", "ERROR"))
    warnings.filterwarnings("ignore", category=FutureWarning, module=r"vllm\.")


def on_this_machine(options: VllmOptions) -> VllmOptions:
    """Fill in what depends on whether there is a GPU; vLLM must not be imported before."""
    import torch

    on_cpu = not torch.cuda.is_available()
    eager = on_cpu if options.eager is None else options.eager
    dtype, kv_cache_mb = options.dtype, options.kv_cache_mb
    if on_cpu and dtype == "auto" and not multiplies_bfloat16(torch.cpu.get_capabilities()):
        dtype = "float32"
    if on_cpu and kv_cache_mb is None:
        kv_cache_mb = _CPU_KV_CACHE_MB * (2 if dtype == "float32" else 1)
    if options.threads is not None:
        torch.set_num_threads(options.threads)
    if eager:
        # One helper of the sampler is compiled even so: 15 s of g++ for a function of two lines.
        os.environ.setdefault("TORCH_COMPILE_DISABLE", "1")
        if "torch._dynamo.config" in sys.modules:
            sys.modules["torch._dynamo.config"].disable = True  # type: ignore[attr-defined]
    return replace(options, dtype=dtype, eager=eager, kv_cache_mb=kv_cache_mb)


@contextlib.contextmanager
def no_collection() -> Iterator[None]:
    """Importing vLLM makes millions of objects that all stay: looking for garbage among them takes a quarter longer."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
