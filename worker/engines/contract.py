"""What an engine is: it answers one prompt at a time, many at once, and says which of two kinds of trouble it has."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from prompts.roles import Prompt
from schemas.taxonomy import Label

#: Why an adapter is refused, as the metric counts it.
RefusalReason = Literal["corrupt", "engine", "foreign", "metadata", "missing", "oversized", "release"]


class EngineError(Exception):
    """Base of what an engine may raise."""


class EngineUnavailableError(EngineError):
    """The engine does not answer, or not in time: an outage, never one record's problem. Ask again later."""


class EngineEndedError(EngineUnavailableError):
    """The engine of this process has ended, and only a new process brings another: waiting does not help."""


class PromptRefusedError(EngineError):
    """This prompt can never be answered (too long, say): one record's problem."""


class AdapterRefusedError(EngineError):
    """An adapter that is corrupt, missing, too large, or made for another model. Work goes on without it.

    Attributes:
        reason: one of a small closed set, fit for a metric's label.
    """

    def __init__(self, text: str, reason: RefusalReason = "engine") -> None:
        """Keep the reason apart from the words."""
        super().__init__(text)
        self.reason: RefusalReason = reason


class AdapterStoreError(EngineError):
    """The store that holds an adapter does not answer: an outage, never the adapter's fault. Ask again later."""


@dataclass(frozen=True, slots=True)
class Choice:
    """A decision among a closed set.

    Attributes:
        logprobs: log-probability by label name, normalised over the set; empty where the engine gives none.
        label: the likeliest label's name, or the sampled one; None where the answer was outside the set.
        seconds: from the asking to the answer.
    """

    label: str | None
    logprobs: Mapping[str, float]
    prompt_tokens: int
    completion_tokens: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Writing:
    """Free text of a model (reasoned mode)."""

    text: str
    prompt_tokens: int
    completion_tokens: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Adapter:
    """An immutable LoRA adapter: another content is another version."""

    version: str
    path: Path


class Engine(Protocol):
    """An asynchronous engine. All methods are called from one event loop; many calls wait at once."""

    @property
    def model(self) -> str:
        """Name of the model that answers, as events carry it."""

    async def start(self) -> None:
        """Load and warm the model: when this returns, the first answer is as fast as any."""

    async def choose(
        self, prompt: Prompt, labels: Sequence[Label], *, adapter: str | None = None, sample_seed: int | None = None
    ) -> Choice:
        """Decide for one of the labels: the likeliest, or with a seed one drawn at temperature 1.

        Raises:
            EngineUnavailableError: no answer now (EngineEndedError: none from this process any more).
            PromptRefusedError: no answer ever.
        """

    async def write(
        self, prompt: Prompt, *, max_tokens: int, adapter: str | None = None, sample_seed: int | None = None
    ) -> Writing:
        """Answer in words, greedily or with a seed at temperature 1.

        Raises:
            EngineUnavailableError: no answer now.
            PromptRefusedError: no answer ever, or the engine only chooses labels.
        """

    async def load_adapter(self, adapter: Adapter) -> None:
        """Add a version beside those there are and warm it; AdapterRefusedError where it cannot be used."""

    async def drop_adapter(self, version: str) -> None:
        """Forget a version that no request names any more."""

    async def close(self) -> None:
        """Stop within seconds; what still waits gets EngineUnavailableError."""
