"""What can be set of the vLLM engine."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class VllmOptions:
    """How vLLM runs a model in this process; the same on the CPU and on GPUs but where it says so.

    Attributes:
        dtype: of weights and activations; ``auto`` is what the model folder says, but float32 on a CPU
            that has no instructions for bfloat16.
        max_model_len: most tokens of a prompt with its answer; None is the profile's context length.
        max_num_seqs: most prompts in one step.
        max_batched_tokens: most tokens in one step: larger is faster in all, and slower for whoever arrives meanwhile.
        kv_cache_mb: size of the key-value cache; None is 256 on the CPU, 512 in float32, and on GPUs what
            ``gpu_memory_utilization`` leaves.
        gpu_memory_utilization: share of a GPU's memory that vLLM may take.
        tensor_parallel_size: GPUs to split the model over; above 1 vLLM starts one process for each.
        eager: no compilation, which pays on GPUs only; None is True on the CPU and False on GPUs.
        threads: CPU threads of the model; None is one for each core.
        adapter_slots: most adapter versions at a time; 0 serves the base model alone.
        max_adapter_rank: largest rank of an adapter: 8, 16, 32, 64, 128, 256, 320 or 512.
        answer_seconds: an answer that takes longer counts as an outage.
        start_seconds: a start that takes longer counts as failed.
        close_seconds: how long to wait for the step that runs when the engine is closed.
    """

    dtype: str = "auto"
    max_model_len: int | None = None
    max_num_seqs: int = 128
    max_batched_tokens: int = 2048
    kv_cache_mb: int | None = None
    gpu_memory_utilization: float = 0.9
    tensor_parallel_size: int = 1
    eager: bool | None = None
    threads: int | None = None
    adapter_slots: int = 3
    max_adapter_rank: int = 16
    answer_seconds: float = 60.0
    start_seconds: float = 300.0
    close_seconds: float = 5.0
