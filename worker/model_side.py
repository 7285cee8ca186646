"""The model's side of a worker, put together from its settings: engine, roles, labeller, adapters."""

import asyncio
from concurrent.futures import Future
from pathlib import Path
from typing import Any

from prompts.profile import ModelProfile, find_model
from prompts.roles import RolePrompts
from prompts.tokenizer import PromptTokenizer
from schemas.release import AdapterRelease
from worker.adapter_checks import AdapterFolders, ServedModel
from worker.adapters import LiveAdapter
from worker.engines.contract import Engine
from worker.labelling import SanmLabeller, SanmOptions
from worker.release_reader import ReleaseReader
from worker.settings import WorkerSettings
from worker.warm_question import WarmQuestion


class ModelSide:
    """What the exactly-once consumer asks for labels; made on any thread, started on the engine's."""

    def __init__(self, settings: WorkerSettings, engine: Engine | None = None) -> None:
        """Read the model folder; ProfileError where it cannot be used. Another engine is for tests and benchmarks."""
        folder = find_model(settings.model)
        profile = ModelProfile.read(folder)
        tokenizer = PromptTokenizer(folder)
        roles = RolePrompts(profile, tokenizer)
        self.tokenizer = tokenizer.sha256
        self.engine = engine or build_engine(settings, folder, profile, roles)
        self._served = ServedModel(profile.name, folder)
        folders = AdapterFolders(
            settings.adapters_cache, self._served, settings.max_adapter_rank, settings.adapters_cache_keep
        )
        self._adapters = LiveAdapter(self.engine, folders, WarmQuestion(self.engine, profile, roles))
        self.labeller = SanmLabeller(self.engine, profile, roles, _options(settings), self._adapters)
        self._settings = settings
        self._reader: ReleaseReader | None = None

    async def start(self) -> None:
        """Load and warm the model, then the adapter that is live."""
        # Gigabytes for a large model: read while the engine loads, and off the loop.
        checksum = asyncio.create_task(asyncio.to_thread(lambda: self._served.sha256))
        await self.engine.start()
        await checksum
        loop = asyncio.get_running_loop()

        def apply(release: AdapterRelease) -> "Future[Any]":
            return asyncio.run_coroutine_threadsafe(self._adapters.apply(release), loop)

        self._reader = ReleaseReader(self._settings, self._settings.releases, self._served.name, apply)
        await asyncio.to_thread(self._reader.start)

    async def close(self) -> None:
        """Stop within seconds."""
        if self._reader is not None:
            await asyncio.to_thread(self._reader.stop)
        await self.engine.close()


def build_engine(settings: WorkerSettings, folder: Path, profile: ModelProfile, roles: RolePrompts) -> Engine:
    """The engine that the settings name; vLLM takes seconds to import, so only where it is asked for."""
    if settings.engine == "scripted":
        from worker.engines.scripted import Script, ScriptedEngine

        script = Script(settings.scripted_seed, settings.scripted_delay_seconds, settings.scripted_jitter)
        return ScriptedEngine(profile.name, script)
    if settings.engine == "openai":
        from worker.engines.openai_http import Server
        from worker.engines.openai_server import OpenAIServerEngine

        server = Server(
            base_url=settings.openai_base_url,
            model=settings.openai_model or profile.name,
            api_key=settings.secret("openai_api_key"),
            timeout_s=settings.engine_timeout_seconds,
            connections=settings.max_in_flight,
        )
        return OpenAIServerEngine(server, roles)
    from worker.engines.vllm_engine import VllmEngine
    from worker.engines.vllm_options import VllmOptions

    return VllmEngine(
        folder,
        VllmOptions(
            dtype=settings.vllm_dtype,
            max_num_seqs=settings.vllm_max_num_seqs,
            max_batched_tokens=settings.vllm_max_batched_tokens,
            gpu_memory_utilization=settings.vllm_gpu_memory_utilization,
            tensor_parallel_size=settings.vllm_tensor_parallel_size,
            threads=settings.vllm_threads,
            adapter_slots=settings.adapter_slots,
            max_adapter_rank=settings.max_adapter_rank,
            answer_seconds=settings.engine_timeout_seconds,
        ),
    )


def _options(settings: WorkerSettings) -> SanmOptions:
    return SanmOptions(
        policy=settings.sanm_policy,
        mode=settings.sanm_mode,
        rounds=settings.sanm_rounds,
        deduction_every=settings.deduction_every,
        event_text=settings.event_text,
    )
