"""The engine that runs vLLM in this process: on the CPU, or on the GPUs that it finds."""

import asyncio
import itertools
import math
import time
from collections.abc import Mapping, Sequence
from functools import lru_cache, partial
from pathlib import Path
from random import Random
from typing import Any

import structlog

from prompts.errors import WordNotATokenError
from prompts.profile import ModelProfile
from prompts.roles import Prompt
from prompts.tokenizer import PromptTokenizer
from schemas.taxonomy import Label
from worker import metrics
from worker.engines.contract import (
    Adapter,
    AdapterRefusedError,
    Choice,
    EngineEndedError,
    EngineUnavailableError,
    PromptRefusedError,
    Writing,
)
from worker.engines.vllm_adapters import check_adapter
from worker.engines.vllm_options import VllmOptions
from worker.engines.vllm_runtime import Ask, VllmRuntime
from worker.engines.vllm_thread import EngineThread

log = structlog.get_logger()


class VllmEngine:
    """Decides for labels by one token; it writes no free text."""

    def __init__(self, folder: Path, options: VllmOptions | None = None) -> None:
        """Read the model folder's profile and tokenizer; ProfileError where they cannot be used."""
        self._folder = folder
        self._options = options or VllmOptions()
        self._profile = ModelProfile.read(folder)
        self._max_tokens = self._options.max_model_len or self._profile.context_length
        self._word = lru_cache(maxsize=1024)(PromptTokenizer(folder).word)
        self._thread: EngineThread | None = None
        self._vocabulary = 0
        self._adapters: dict[str, tuple[Path, Any]] = {}
        self._adapter_lock = asyncio.Lock()
        # vLLM has served a stale cache after a reload under an old name (issue 42125): a number is used once.
        self._numbers = itertools.count(1)

    @property
    def model(self) -> str:
        """The profile's name."""
        return self._profile.name

    @property
    def trouble(self) -> str | None:
        """Why the engine does not answer; None while it does."""
        return "the engine is not started" if self._thread is None else self._thread.ended

    async def start(self) -> None:
        """Load and warm the model; EngineUnavailableError where that fails or takes too long."""
        began = time.perf_counter()
        build = partial(VllmRuntime, self._folder, self._max_tokens, self._options)
        self._thread = EngineThread(build, asyncio.get_running_loop())
        try:
            async with asyncio.timeout(self._options.start_seconds):
                await self._thread.start()
                loaded = time.perf_counter()
                await self._thread.call(VllmRuntime.warm)
                self._vocabulary = await self._thread.call(lambda runtime: runtime.vocabulary)
                await self._thread.call(_watch_cache)
        except TimeoutError:
            raise EngineUnavailableError(
                f"{self._folder} was not loaded within {self._options.start_seconds:.0f} s"
            ) from None
        log.info(
            "vllm_engine_ready",
            model=self.model,
            load_s=round(loaded - began, 1),
            warm_s=round(time.perf_counter() - loaded, 1),
        )

    async def choose(
        self, prompt: Prompt, labels: Sequence[Label], *, adapter: str | None = None, sample_seed: int | None = None
    ) -> Choice:
        """Decide for one of the labels; log-probabilities are normalised over them, and a draw is made by them."""
        began = time.perf_counter()
        try:
            ids = {self._word(label.word): label.name for label in labels}
        except WordNotATokenError as error:
            raise PromptRefusedError(str(error)) from error
        self._check(prompt, ids, labels)
        ask = Ask(prompt.token_ids, tuple(ids), self._adapter(adapter))
        try:
            async with asyncio.timeout(self._options.answer_seconds):
                answer = await self._running().ask(ask)
        except TimeoutError:
            raise self._late() from None
        if answer.token_id is None:
            raise EngineUnavailableError("vLLM gave this prompt up without an answer")
        return Choice(
            label=ids.get(answer.token_id if sample_seed is None else _draw(answer.logprobs, sample_seed)),
            logprobs={ids[token]: value for token, value in answer.logprobs.items() if token in ids},
            prompt_tokens=answer.prompt_tokens,
            completion_tokens=1,
            seconds=time.perf_counter() - began,
        )

    async def write(
        self, prompt: Prompt, *, max_tokens: int, adapter: str | None = None, sample_seed: int | None = None
    ) -> Writing:
        """Refuse: see the class."""
        del prompt, max_tokens, adapter, sample_seed
        raise PromptRefusedError(
            f"{self.model} only chooses labels: use mode direct, or an OpenAI-compatible engine for mode reasoned"
        )

    async def load_adapter(self, adapter: Adapter) -> None:
        """Let what is in flight finish, add the version, warm it, go on (vLLM issue 47724: never while decoding)."""
        async with self._adapter_lock:
            if adapter.version in self._adapters:
                if self._adapters[adapter.version][0] == adapter.path:
                    return
                raise AdapterRefusedError(
                    f"version {adapter.version} is loaded from {self._adapters[adapter.version][0]}; another folder "
                    f"({adapter.path}) needs another version"
                )
            if len(self._adapters) >= self._options.adapter_slots:
                raise AdapterRefusedError(
                    f"all {self._options.adapter_slots} adapter slots are taken ({', '.join(self._adapters)}): "
                    "drop a version first, or start the engine with more slots"
                )
            await asyncio.to_thread(check_adapter, adapter.path, self._folder, self._options.max_adapter_rank)
            handle = await self._running().call(partial(_add, adapter=adapter, number=next(self._numbers)))
            self._adapters[adapter.version] = (adapter.path, handle)
            log.info("adapter_loaded", version=adapter.version)

    async def drop_adapter(self, version: str) -> None:
        """Forget a version, after what is in flight; one that is not there is fine."""
        async with self._adapter_lock:
            if (found := self._adapters.pop(version, None)) is not None:
                number = found[1].lora_int_id
                await self._running().call(lambda runtime: runtime.remove_adapter(number))
                log.info("adapter_dropped", version=version)

    async def close(self) -> None:
        """Stop within ``close_seconds``."""
        if self._thread is not None and not await self._thread.close(self._options.close_seconds):
            log.warning("vllm_engine_left_behind", seconds=self._options.close_seconds)

    def _late(self) -> EngineUnavailableError:
        """A step that takes twice as long as an answer may does not come back, and nobody outside could mend it."""
        limit = self._options.answer_seconds
        if (step_s := self._running().step_s) > 2 * limit:
            return EngineEndedError(f"a step of the vLLM engine has hung for {step_s:.0f} s")
        return EngineUnavailableError(f"no answer within {limit:g} s")

    def _running(self) -> EngineThread:
        if self._thread is None:
            raise EngineUnavailableError("the engine is not started")
        return self._thread

    def _adapter(self, version: str | None) -> Any | None:
        if version is None:
            return None
        if version not in self._adapters:
            raise EngineUnavailableError(f"adapter {version} is not loaded here")
        return self._adapters[version][1]

    def _check(self, prompt: Prompt, ids: dict[int, str], labels: Sequence[Label]) -> None:
        """Refuse here what vLLM would refuse, or worse, take."""
        if not prompt.token_ids:
            raise PromptRefusedError(f"{self.model} is asked by token ids; this prompt has none (template style?)")
        if len(ids) != len(labels):
            raise PromptRefusedError("two labels share one token: give each label a word of its own")
        if len(prompt.token_ids) >= self._max_tokens:
            raise PromptRefusedError(
                f"a prompt of {len(prompt.token_ids)} tokens and its answer do not fit into {self._max_tokens}"
            )
        if self._vocabulary and max(prompt.token_ids) >= self._vocabulary:
            raise PromptRefusedError(f"token {max(prompt.token_ids)} is not in the model's {self._vocabulary}")


def _watch_cache(runtime: VllmRuntime) -> None:
    try:
        runtime.cache_usage  # noqa: B018 - whether this vLLM has it: /metrics must not fail by it, nor the start
    except AttributeError as error:
        log.warning("kv_cache_not_watched", error=str(error))
    else:
        metrics.KV_CACHE.set_function(lambda: runtime.cache_usage)


def _draw(logprobs: Mapping[int, float], seed: int) -> int:
    """Temperature 1, here: vLLM's CPU build cannot seed a request's draw (it ends the engine instead).

    The same seed draws the same token from the same scores, in whatever order vLLM names them.
    """
    tokens = sorted(logprobs)
    return Random(seed).choices(tokens, [math.exp(logprobs[token]) for token in tokens])[0]


def _add(runtime: VllmRuntime, adapter: Adapter, number: int) -> Any:
    """Load and warm a version on the engine's thread; whatever it fails by is the adapter's problem."""
    try:
        handle = runtime.add_adapter(f"{adapter.version}-{number}", number, adapter.path)
        runtime.warm(handle)
    except Exception as error:
        runtime.remove_adapter(number)
        raise AdapterRefusedError(f"vLLM refuses the adapter in {adapter.path}: {error}") from error
    return handle
