"""vLLM's ``LLMEngine`` inside this process, step by step; every call must come from one thread.

In process, because vLLM's engine core as a process of its own outlives a killed parent (vLLM issue 55510).
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from worker.engines.contract import PromptRefusedError
from worker.engines.vllm_environment import no_collection, on_this_machine, prepare_environment
from worker.engines.vllm_options import VllmOptions

_MOST_LABELS = 64
_WARM_TOKENS = 64
_WARM_BATCH = 8


@dataclass(frozen=True, slots=True)
class Ask:
    """One prompt and the tokens among which to choose."""

    token_ids: Sequence[int]
    among: tuple[int, ...]
    adapter: Any | None


@dataclass(frozen=True, slots=True)
class Answer:
    """The token chosen, and the log-probability of each token of the choice; empty where vLLM gave up."""

    token_id: int | None
    logprobs: Mapping[int, float]
    prompt_tokens: int


class VllmRuntime:
    """A loaded model."""

    def __init__(self, folder: Path, max_model_len: int, options: VllmOptions) -> None:
        """Load the model, which takes seconds; whatever vLLM raises goes through."""
        prepare_environment()
        with no_collection():
            self._load(folder, max_model_len, on_this_machine(options))

    def _load(self, folder: Path, max_model_len: int, options: VllmOptions) -> None:
        from vllm.engine.arg_utils import EngineArgs
        from vllm.inputs import tokens_input
        from vllm.lora.request import LoRARequest
        from vllm.sampling_params import RequestOutputKind, SamplingParams
        from vllm.v1.engine.llm_engine import LLMEngine

        from worker.engines.cpu_lora import register

        register()
        if options.tensor_parallel_size == 1:
            _register_model_class(folder)
        self._engine = LLMEngine.from_engine_args(EngineArgs(**_arguments(folder, max_model_len, options)))
        self._tokens_input = tokens_input
        self._lora_request = LoRARequest
        self.vocabulary: int = self._engine.model_config.get_vocab_size()

        @lru_cache(maxsize=256)
        def params(among: tuple[int, ...]) -> Any:
            return SamplingParams(
                temperature=0.0,
                max_tokens=1,
                allowed_token_ids=list(among),
                logprobs=len(among),
                detokenize=False,
                output_kind=RequestOutputKind.FINAL_ONLY,
            )

        self._params = params

    @property
    def busy(self) -> bool:
        """Whether there is work for ``step``."""
        return bool(self._engine.has_unfinished_requests())

    @property
    def cache_usage(self) -> float:
        """Share of the key-value cache's blocks that are in use; may be asked from any thread."""
        # As vLLM's own metric vllm:kv_cache_usage_perc, which needs its statistics of each step.
        return float(self._engine.engine_core.engine_core.scheduler.kv_cache_manager.usage)

    def submit(self, name: str, ask: Ask) -> None:
        """Queue a prompt under a name; PromptRefusedError where vLLM will not take it."""
        params = self._params(ask.among)
        try:
            self._engine.add_request(name, self._tokens_input(list(ask.token_ids)), params, lora_request=ask.adapter)
        except ValueError as error:
            msg = f"vLLM refuses this prompt of {len(ask.token_ids)} tokens: {error}"
            raise PromptRefusedError(msg) from error

    def abort(self, names: Sequence[str]) -> None:
        """Forget prompts that nobody waits for; unknown names are fine."""
        self._engine.abort_request(list(names))

    def step(self) -> list[tuple[str, Answer]]:
        """Run the model once over what is queued, and return what is finished."""
        return [(output.request_id, _answer(output)) for output in self._engine.step() if output.finished]

    def add_adapter(self, name: str, number: int, folder: Path) -> Any:
        """Load a LoRA folder; what comes back goes into ``Ask.adapter``. Nothing may be in flight."""
        adapter = self._lora_request(name, number, str(folder))
        if not self._engine.add_lora(adapter):
            msg = f"vLLM did not take the adapter in {folder}"
            raise ValueError(msg)
        return adapter

    def remove_adapter(self, number: int) -> None:
        """Unload an adapter; one that is not there is fine. Nothing may be in flight."""
        self._engine.remove_lora(number)

    def warm(self, adapter: Any | None = None) -> None:
        """Answer a small batch and a single prompt, so that buffers and kernels are there. Nothing may be in flight.

        An adapter is asked the single prompt alone: the rest is warm since the start, and messages wait meanwhile.
        """
        top = self.vocabulary - 1
        for batch in (_WARM_BATCH, 1) if adapter is None else (1,):
            for index in range(batch):
                # Every prompt starts differently: none may find the others' prefix in the cache.
                ids = [(index * 7 + position) % top + 1 for position in range(_WARM_TOKENS)]
                self.submit(f"warm-{index}", Ask(ids, tuple(range(1, 8)), adapter))
            while self.busy:
                self.step()
        if adapter is None:
            self._engine.reset_prefix_cache()

    def close(self) -> None:
        """Free the model."""
        self._engine.engine_core.shutdown()


def _arguments(folder: Path, max_model_len: int, options: VllmOptions) -> dict[str, Any]:
    """VLLM's own names for the options."""
    arguments: dict[str, Any] = {
        "model": str(folder),
        "skip_tokenizer_init": True,
        "dtype": options.dtype,
        "enforce_eager": options.eager,
        "max_model_len": max_model_len,
        "max_num_seqs": options.max_num_seqs,
        "max_num_batched_tokens": max(options.max_batched_tokens, options.max_num_seqs),
        "gpu_memory_utilization": options.gpu_memory_utilization,
        "tensor_parallel_size": options.tensor_parallel_size,
        "enable_prefix_caching": True,
        "logprobs_mode": "processed_logprobs",
        "max_logprobs": _MOST_LABELS,
        "disable_log_stats": True,
        "use_tqdm_on_load": False,
        "generation_config": "vllm",
    }
    if options.kv_cache_mb is not None:
        arguments["kv_cache_memory_bytes"] = options.kv_cache_mb << 20
    if options.adapter_slots:
        # As many in memory as in a batch: vLLM never has to drop one and read its folder again.
        arguments |= {
            "enable_lora": True,
            "max_loras": options.adapter_slots,
            "max_cpu_loras": options.adapter_slots,
            "max_lora_rank": options.max_adapter_rank,
        }
    return arguments


def _register_model_class(folder: Path) -> None:
    """Import the model's class here: vLLM would start a second Python for a look at it, and import all again."""
    from vllm import ModelRegistry

    for name in json.loads((folder / "config.json").read_bytes()).get("architectures") or ():
        entry = ModelRegistry.models.get(name)
        if entry is not None:
            ModelRegistry.models[name] = _loaded(entry)


def _loaded(entry: Any) -> Any:
    from vllm.model_executor.models import registry

    return registry._RegisteredModel.from_model_cls(entry.load_model_cls())  # noqa: SLF001 - register_model logs a warning


def _answer(output: Any) -> Answer:
    tokens = len(output.prompt_token_ids or ())
    first = output.outputs[0]
    if not first.token_ids:
        return Answer(None, {}, tokens)
    logprobs = {token: entry.logprob for token, entry in first.logprobs[0].items()} if first.logprobs else {}
    return Answer(first.token_ids[0], logprobs, tokens)
