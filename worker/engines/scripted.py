"""A deterministic engine without a model, for tests, drills and the demo's dry run."""

import asyncio
import json
import math
import time
import zlib
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from prompts.roles import Prompt
from schemas.taxonomy import Label
from worker.engines.contract import (
    Adapter,
    AdapterRefusedError,
    Choice,
    EngineUnavailableError,
    PromptRefusedError,
    Writing,
)


@dataclass(frozen=True, slots=True)
class Script:
    """How the engine behaves.

    Attributes:
        seed: other answers and delays for another seed.
        delay_s: of each answer; drawn between half and one and a half of it where ``jitter`` is set.
        sharpness: how sure answers are; at 0 all labels are alike.
        unavailable: the first so many calls meet an outage.
        refuse_token: a prompt that holds this token id is refused for ever; chat prompts never are.
    """

    seed: int = 0
    delay_s: float = 0.0
    jitter: bool = False
    sharpness: float = 2.0
    unavailable: int = 0
    refuse_token: int | None = None


class ScriptedEngine:
    """Answers by a hash of prompt, adapter and seed: the same question always has the same answer."""

    def __init__(self, model: str = "scripted", script: Script | None = None) -> None:
        self._model = model
        self._script = script or Script()
        self._unavailable = self._script.unavailable
        self._adapters: set[str] = set()
        self._closed = False

    @property
    def model(self) -> str:
        """The name it was given."""
        return self._model

    async def start(self) -> None:
        """Nothing to load."""

    async def choose(
        self, prompt: Prompt, labels: Sequence[Label], *, adapter: str | None = None, sample_seed: int | None = None
    ) -> Choice:
        """Decide by hash; raises as the script says."""
        began = time.perf_counter()
        draw = self._draw(prompt, adapter)
        await self._wait(draw, prompt, adapter)
        weights = [draw.expovariate(1.0) * self._script.sharpness for _ in labels]
        norm = math.log(sum(map(math.exp, weights)))
        logprobs = {label.name: weight - norm for label, weight in zip(labels, weights, strict=True)}
        names = list(logprobs)
        if sample_seed is None:
            label = max(names, key=logprobs.__getitem__)
        else:
            draw.seed(draw.getrandbits(32) ^ sample_seed)
            label = draw.choices(names, [math.exp(value) for value in logprobs.values()])[0]
        return Choice(label, logprobs, _length(prompt), 1, time.perf_counter() - began)

    async def write(
        self, prompt: Prompt, *, max_tokens: int, adapter: str | None = None, sample_seed: int | None = None
    ) -> Writing:
        """Answer with the JSON that reasoned mode asks for; the label is one of those that the prompt lists."""
        if not prompt.chat:
            raise PromptRefusedError("reasoned mode needs a model with a chat template: choose one, or mode direct")
        began = time.perf_counter()
        draw = self._draw(prompt, adapter)
        await self._wait(draw, prompt, adapter)
        if sample_seed is not None:
            draw.seed(draw.getrandbits(32) ^ sample_seed)
        listed = [
            line[2:].split(":")[0] for turn in prompt.chat for line in turn.content.splitlines() if line[:2] == "- "
        ]
        answer = {
            "scenario": f"scene {draw.randrange(100)}",
            "people": "the speakers of the conversation",
            "relationships": f"relationship {draw.randrange(100)}",
            "reason": f"because of script {self._script.seed}",
            "label": draw.choice(listed) if listed else "?",
        }
        text = json.dumps(answer)
        tokens = min(max_tokens, len(text) // 4)
        return Writing(text, _length(prompt), tokens, time.perf_counter() - began)

    async def load_adapter(self, adapter: Adapter) -> None:
        """Know a version; a folder that is not there is refused."""
        if not await asyncio.to_thread(adapter.path.is_dir):
            raise AdapterRefusedError(f"{adapter.path} is no folder")
        self._adapters.add(adapter.version)

    async def drop_adapter(self, version: str) -> None:
        """Forget a version."""
        self._adapters.discard(version)

    async def close(self) -> None:
        """Answer no more."""
        self._closed = True

    def _draw(self, prompt: Prompt, adapter: str | None) -> Random:
        rest = repr((prompt.chat, adapter, self._script.seed)).encode()
        return Random(zlib.crc32(rest, zlib.crc32(array("Q", prompt.token_ids))))

    async def _wait(self, draw: Random, prompt: Prompt, adapter: str | None) -> None:
        if self._closed:
            raise EngineUnavailableError("the engine is closed")
        if self._unavailable > 0:
            self._unavailable -= 1
            raise EngineUnavailableError("the script says so")
        if adapter is not None and adapter not in self._adapters:
            raise EngineUnavailableError(f"adapter {adapter} is not loaded here")
        if self._script.refuse_token is not None and self._script.refuse_token in prompt.token_ids:
            raise PromptRefusedError("the script says so")
        if self._script.delay_s:
            await asyncio.sleep(self._script.delay_s * (draw.uniform(0.5, 1.5) if self._script.jitter else 1.0))
            if self._closed:
                raise EngineUnavailableError("the engine was closed")


def _length(prompt: Prompt) -> int:
    return len(prompt.token_ids) or sum(len(turn.content) for turn in prompt.chat) // 4
