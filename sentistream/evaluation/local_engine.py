"""A model folder as an engine without vLLM: transformers, in batches of like length."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from prompts.roles import Prompt, RolePrompts
from schemas.taxonomy import Label
from trainer.lora.loading import load_for_answers
from trainer.predict import prompt_logits
from trainer.sanm import decisions
from worker.engines.contract import Adapter, AdapterRefusedError, Choice, PromptRefusedError, Writing

_ROWS: Final = 64


@dataclass(slots=True)
class _Asked:
    """A prompt that waits for its batch."""

    ids: tuple[int, ...]
    label_ids: tuple[int, ...]
    answer: "asyncio.Future[tuple[NDArray[np.float64], float]]"


class LocalEngine:
    """Answers by label logits, computed in what the service computes in; what waits is asked together.

    A prompt's answer does not depend on its company in the batch, so that an interrupted run comes to the same figures.
    """

    def __init__(self, folder: Path, roles: RolePrompts) -> None:
        self._folder = folder
        self._roles = roles
        self._adapter: Adapter | None = None
        self._loaded: Any = None
        self._waiting: list[_Asked] = []
        self._pump: asyncio.Task[None] | None = None

    @property
    def model(self) -> str:
        """The profile's name."""
        return self._roles.profile.name

    async def start(self) -> None:
        """Nothing yet: the model is loaded with the first question, for all answers may be known already."""

    async def choose(
        self, prompt: Prompt, labels: Sequence[Label], *, adapter: str | None = None, sample_seed: int | None = None
    ) -> Choice:
        """The likeliest label; samples are drawn from its scores by who asks (kept_answers.py)."""
        del sample_seed
        self._check(adapter)
        if not prompt.token_ids or len(prompt.token_ids) > self._roles.profile.context_length:
            raise PromptRefusedError(f"{len(prompt.token_ids)} tokens: from 1 to {self._roles.profile.context_length}")
        asked = _Asked(prompt.token_ids, self._roles.label_ids(labels), asyncio.get_running_loop().create_future())
        self._waiting.append(asked)
        if self._pump is None or self._pump.done():
            self._pump = asyncio.create_task(self._answer())
        logits, seconds = await asked.answer
        chosen = int(decisions(logits[None])[0])
        if chosen < 0:
            return Choice(None, {}, len(prompt.token_ids), 1, seconds)
        top = logits.max()
        logprobs = logits - top - np.log(np.exp(logits - top).sum())
        scores = {label.name: float(value) for label, value in zip(labels, logprobs, strict=True)}
        return Choice(labels[chosen].name, scores, len(prompt.token_ids), 1, seconds)

    async def write(
        self, prompt: Prompt, *, max_tokens: int, adapter: str | None = None, sample_seed: int | None = None
    ) -> Writing:
        """Label words only: mode reasoned needs a server."""
        del prompt, max_tokens, adapter, sample_seed
        raise PromptRefusedError("the local engine answers by labels only: use --engine openai for mode reasoned")

    async def load_adapter(self, adapter: Adapter) -> None:
        """Take the one adapter that answers from now on."""
        if not adapter.path.is_dir():
            raise AdapterRefusedError(f"{adapter.path} is no folder", "missing")
        self._adapter, self._loaded = adapter, None

    async def drop_adapter(self, version: str) -> None:
        """Answer by the base model again."""
        if self._adapter is not None and self._adapter.version == version:
            self._adapter = self._loaded = None

    async def close(self) -> None:
        """Give the memory back."""
        if self._pump is not None:
            self._pump.cancel()
        self._loaded = None

    def _check(self, adapter: str | None) -> None:
        live = self._adapter.version if self._adapter else None
        if adapter != live:
            raise PromptRefusedError(f"adapter {adapter} is asked for, and {live} is loaded")

    async def _answer(self) -> None:
        """Ask what waits, the longest first, until nothing does; others join while a batch runs."""
        await asyncio.sleep(0)
        while self._waiting:
            self._waiting.sort(key=lambda one: len(one.ids))
            batch = self._waiting[-_ROWS:]
            del self._waiting[-_ROWS:]
            try:
                logits, seconds = await asyncio.to_thread(self._run, batch)
            except BaseException as error:
                for one in [*batch, *self._waiting]:
                    if not one.answer.done():
                        one.answer.set_exception(error if isinstance(error, Exception) else asyncio.CancelledError())
                self._waiting.clear()
                raise
            for one, row in zip(batch, logits, strict=True):
                if not one.answer.done():
                    one.answer.set_result((row[: len(one.label_ids)], seconds / len(batch)))
            await asyncio.sleep(0)

    def _run(self, batch: Sequence[_Asked]) -> tuple[NDArray[np.float64], float]:
        if self._loaded is None:
            self._loaded = load_for_answers(self._folder, self._adapter.path if self._adapter else None)
        began = time.perf_counter()
        found = prompt_logits(self._loaded, [one.ids for one in batch], [one.label_ids for one in batch])
        return found, time.perf_counter() - began
