"""What a server answers, as far as it is read; servers differ in what they leave out."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final, TypeVar

from pydantic import Field, ValidationError

from schemas.base import Frozen
from schemas.taxonomy import Label
from worker.engines.contract import EngineUnavailableError
from worker.reasoning import match_label

_TOKEN_ID: Final = "token_id:"  # noqa: S105 -- how vLLM writes a token by its number


class _Usage(Frozen):
    prompt_tokens: int = Field(default=0, ge=0)
    completion_tokens: int = Field(default=0, ge=0)


class Answer(Frozen):
    """What both kinds of answers have."""

    usage: _Usage | None = None

    @property
    def tokens(self) -> tuple[int, int]:
        """Prompt and completion tokens; 0 where the server does not count."""
        return (self.usage.prompt_tokens, self.usage.completion_tokens) if self.usage else (0, 0)


class _CompletionLogprobs(Frozen):
    tokens: tuple[str, ...] = ()
    top_logprobs: tuple[dict[str, float] | None, ...] | None = None


class _CompletionChoice(Frozen):
    text: str | None = None
    logprobs: _CompletionLogprobs | None = None


class Completion(Answer):
    """An answer of ``/completions``."""

    choices: tuple[_CompletionChoice, ...] = Field(min_length=1)

    def decision(self, names: Mapping[int, str], labels: Sequence[Label]) -> tuple[str | None, dict[str, float]]:
        """The label and the log-probabilities, by the labels' names by token."""
        choice = self.choices[0]
        found = choice.logprobs or _CompletionLogprobs()
        listed = (found.top_logprobs or (None,))[0] or {}
        by_id = {number: value for token, value in listed.items() if (number := _number(token)) is not None}
        logprobs = {names[number]: value for number, value in by_id.items() if number in names}
        sampled = _number(found.tokens[0]) if found.tokens else None
        label = match_label(choice.text or "", labels) if sampled is None else names.get(sampled)
        return label, normalised(logprobs)


class _TopLogprob(Frozen):
    token: str
    logprob: float


class _ChatToken(Frozen):
    top_logprobs: tuple[_TopLogprob, ...] | None = None


class _ChatLogprobs(Frozen):
    content: tuple[_ChatToken, ...] | None = None


class _ChatMessage(Frozen):
    content: str | None = None


class _ChatChoice(Frozen):
    message: _ChatMessage
    logprobs: _ChatLogprobs | None = None


class ChatCompletion(Answer):
    """An answer of ``/chat/completions``."""

    choices: tuple[_ChatChoice, ...] = Field(min_length=1)

    @property
    def text(self) -> str:
        """The model's words."""
        return self.choices[0].message.content or ""

    def decision(self, labels: Sequence[Label]) -> tuple[str | None, dict[str, float]]:
        """The label and, where its word is one token, the log-probabilities of it and of others that are."""
        tokens = (self.choices[0].logprobs or _ChatLogprobs()).content or ()
        logprobs: dict[str, float] = {}
        for one in (tokens[0].top_logprobs or ()) if tokens else ():
            if (name := match_label(one.token, labels)) is not None:
                logprobs.setdefault(name, one.logprob)
        label = match_label(self.text, labels)
        return label, normalised(logprobs) if label in logprobs else {}


A = TypeVar("A", bound=Answer)


def read(kind: type[A], found: dict[str, Any]) -> A:
    """Read an answer; one that is none is an outage, for it says nothing of the prompt."""
    try:
        return kind.model_validate(found)
    except ValidationError as error:
        places = ", ".join(".".join(map(str, one["loc"])) for one in error.errors(include_input=False)[:3])
        raise EngineUnavailableError(
            f"the server's answer cannot be read ({places}): does it speak OpenAI's API? See OPENAI_BASE_URL"
        ) from None


def normalised(logprobs: Mapping[str, float]) -> dict[str, float]:
    """Over the set; the server's are over the whole vocabulary."""
    if not logprobs:
        return {}
    highest = max(logprobs.values())
    norm = highest + math.log(sum(math.exp(value - highest) for value in logprobs.values()))
    return {name: value - norm for name, value in logprobs.items()}


def _number(token: str) -> int | None:
    number = token.removeprefix(_TOKEN_ID)
    return int(number) if number != token and number.isdecimal() else None
