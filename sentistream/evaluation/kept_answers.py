"""Answers kept in a file, so that the same command goes on where it was interrupted, and asks nothing twice."""

import asyncio
import hashlib
import math
import os
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from random import Random
from typing import Any, BinaryIO, Final, Self, TypeVar

import orjson
import structlog

from prompts.roles import Prompt
from schemas.taxonomy import Label
from worker.engines.contract import Adapter, Choice, Engine, EngineUnavailableError, Writing

log = structlog.get_logger()

Found = TypeVar("Found", Choice, Writing)

_TRIES: Final = 6


class AnswerFile:
    """JSON Lines of answers, one file for each model, adapter and engine; a half-written last line is passed over."""

    def __init__(self, folder: Path, subject: dict[str, Any]) -> None:
        """Open the file of one subject.

        Args:
            folder: of all such files.
            subject: all that decides the answer to a prompt.
        """
        text = orjson.dumps(subject, option=orjson.OPT_SORT_KEYS)
        self.path = folder.expanduser() / f"{hashlib.sha256(text).hexdigest()[:32]}.jsonl"
        self._subject = subject
        self._known: dict[str, dict[str, Any]] = {}
        self._file: BinaryIO | None = None

    def __enter__(self) -> Self:
        """Read what is known and open for more."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        if self.path.is_file():
            for line in self.path.read_bytes().splitlines():
                try:
                    row = orjson.loads(line)
                except orjson.JSONDecodeError:
                    continue
                if "key" in row:
                    self._known[row["key"]] = row
        self._file = self.path.open("ab")
        # After half a line, which a kill may have left.
        self._file.write(b"\n" + orjson.dumps({"subject": self._subject}) + b"\n")
        return self

    def __exit__(self, *_: object) -> None:
        """Everything is on disk."""
        if self._file is not None:
            self._file.flush()
            os.fsync(self._file.fileno())
            self._file.close()

    def __len__(self) -> int:
        """How many answers are known."""
        return len(self._known)

    def get(self, key: str) -> dict[str, Any] | None:
        """What was answered."""
        return self._known.get(key)

    def keep(self, key: str, answer: dict[str, Any]) -> None:
        """Write an answer at once."""
        if self._file is None:
            raise RuntimeError("the file of answers is not open")
        self._known[key] = answer
        self._file.write(orjson.dumps({"key": key, **answer}) + b"\n")
        self._file.flush()


class KeptAnswers:
    """An engine in front of another one, which is asked only what is not known yet.

    A server that does not answer is asked again some times, ever later.
    """

    def __init__(self, engine: Engine, answers: AnswerFile, *, draws: bool, at_once: int) -> None:
        """Wrap an engine.

        Args:
            engine: is asked what is not known.
            answers: what is known.
            draws: draw samples from the scores of the likeliest answer, where the engine gives all of them.
            at_once: most calls that wait for an answer.
        """
        self._engine = engine
        self._answers = answers
        self._draws = draws
        self._free = asyncio.Semaphore(at_once)

    @property
    def model(self) -> str:
        """The engine's."""
        return self._engine.model

    async def start(self) -> None:
        """Start the engine."""
        await self._engine.start()

    async def choose(
        self, prompt: Prompt, labels: Sequence[Label], *, adapter: str | None = None, sample_seed: int | None = None
    ) -> Choice:
        """Decide for one of the labels; see the contract."""
        asked_seed = None if self._draws else sample_seed
        key = _key(prompt, [label.name for label in labels], asked_seed)
        kept = self._answers.get(key)
        if kept is None:
            found = await self._asked(
                lambda: self._engine.choose(prompt, labels, adapter=adapter, sample_seed=asked_seed)
            )
            kept = {
                "label": found.label,
                "logprobs": dict(found.logprobs),
                "prompt_tokens": found.prompt_tokens,
                "completion_tokens": found.completion_tokens,
                "seconds": found.seconds,
            }
            self._answers.keep(key, kept)
        label = kept["label"]
        if self._draws and sample_seed is not None and label is not None:
            label = _drawn(kept["logprobs"], sample_seed)
        return Choice(label, kept["logprobs"], kept["prompt_tokens"], kept["completion_tokens"], kept["seconds"])

    async def write(
        self, prompt: Prompt, *, max_tokens: int, adapter: str | None = None, sample_seed: int | None = None
    ) -> Writing:
        """Answer in words; see the contract."""
        key = _key(prompt, max_tokens, sample_seed)
        kept = self._answers.get(key)
        if kept is None:
            found = await self._asked(
                lambda: self._engine.write(prompt, max_tokens=max_tokens, adapter=adapter, sample_seed=sample_seed)
            )
            kept = {
                "text": found.text,
                "prompt_tokens": found.prompt_tokens,
                "completion_tokens": found.completion_tokens,
                "seconds": found.seconds,
            }
            self._answers.keep(key, kept)
        return Writing(kept["text"], kept["prompt_tokens"], kept["completion_tokens"], kept["seconds"])

    async def load_adapter(self, adapter: Adapter) -> None:
        """Hand it on."""
        await self._engine.load_adapter(adapter)

    async def drop_adapter(self, version: str) -> None:
        """Hand it on."""
        await self._engine.drop_adapter(version)

    async def close(self) -> None:
        """Close the engine."""
        await self._engine.close()

    async def _asked(self, call: Callable[[], Awaitable[Found]]) -> Found:
        async with self._free:
            for number in range(_TRIES):
                try:
                    return await call()
                except EngineUnavailableError as error:
                    if number + 1 == _TRIES:
                        raise
                    log.warning("engine_unavailable", reason=str(error), again_in_s=2**number)
                    await asyncio.sleep(2**number)
        raise AssertionError


def _key(prompt: Prompt, what: object, seed: int | None) -> str:
    chat = [(turn.role, turn.content) for turn in prompt.chat]
    text = orjson.dumps([prompt.token_ids, chat, what, seed])
    return hashlib.sha256(text).hexdigest()[:32]


def _drawn(logprobs: dict[str, float], seed: int) -> str:
    return Random(seed).choices(list(logprobs), [math.exp(value) for value in logprobs.values()])[0]
