"""An engine behind HTTP: ``vllm serve``, or any server that speaks OpenAI's API."""

import asyncio
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import httpx

from prompts.errors import WordNotATokenError
from prompts.roles import Prompt, RolePrompts
from schemas.taxonomy import Label
from worker.engines.contract import (
    Adapter,
    AdapterRefusedError,
    Choice,
    EngineUnavailableError,
    PromptRefusedError,
    Writing,
)
from worker.reasoning import match_label

#: A client error that is about this prompt; any other (401, 404, 429) is about the set-up or the load.
_PROMPT_ERRORS: Final = frozenset({400, 413, 422})
_ANSWER_TOKENS: Final = 16
_TOP_LOGPROBS: Final = 20


@dataclass(frozen=True, slots=True)
class Server:
    """Where the server is and how it is asked.

    Attributes:
        base_url: up to and with ``/v1``.
        model: the model's name there.
        timeout_s: for one answer.
        connections: most calls at once.
    """

    base_url: str
    model: str
    api_key: str | None = None
    timeout_s: float = 60.0
    connections: int = 256


class OpenAIServerEngine:
    """Completion-style prompts go to ``/completions`` as token ids, chat-style ones to ``/chat/completions``."""

    def __init__(self, server: Server, roles: RolePrompts) -> None:
        self._server = server
        self._roles = roles
        self._names: dict[str, str] = {}
        headers = {"Authorization": f"Bearer {server.api_key}"} if server.api_key else {}
        self._client = httpx.AsyncClient(
            base_url=server.base_url.rstrip("/") + "/",
            headers=headers,
            timeout=httpx.Timeout(server.timeout_s, pool=None),
            limits=httpx.Limits(max_connections=server.connections, max_keepalive_connections=server.connections),
        )

    @property
    def model(self) -> str:
        """The model's name at the server."""
        return self._server.model

    async def start(self) -> None:
        """See that the server is there and has the model."""
        listed = await self._call("GET", "models")
        names = [str(one.get("id")) for one in listed.get("data", []) if isinstance(one, dict)]
        if names and self._server.model not in names:
            raise EngineUnavailableError(
                f"{self._server.base_url} has no model {self._server.model!r} (it has {', '.join(names)}): "
                "set OPENAI_MODEL to one of them"
            )

    async def choose(
        self, prompt: Prompt, labels: Sequence[Label], *, adapter: str | None = None, sample_seed: int | None = None
    ) -> Choice:
        """Decide for one of the labels; see the contract."""
        began = time.perf_counter()
        body: dict[str, Any] = {"model": self._name(adapter), **_sampling(sample_seed)}
        if prompt.token_ids:
            found, label, logprobs = await self._complete(prompt, labels, body)
        else:
            found, label, logprobs = await self._chat(prompt, labels, body)
        return Choice(label, logprobs, *_usage(found), time.perf_counter() - began)

    async def write(
        self, prompt: Prompt, *, max_tokens: int, adapter: str | None = None, sample_seed: int | None = None
    ) -> Writing:
        """Answer in words; chat-style prompts only."""
        if not prompt.chat:
            raise PromptRefusedError("reasoned mode needs a model with a chat template: choose one, or mode direct")
        began = time.perf_counter()
        body = {
            "model": self._name(adapter),
            **_sampling(sample_seed),
            "messages": _messages(prompt),
            "max_tokens": max_tokens,
            "response_format": {"type": "json_object"},
        }
        found = await self._call("POST", "chat/completions", body)
        return Writing(str(_first(found)["message"].get("content") or ""), *_usage(found), time.perf_counter() - began)

    async def load_adapter(self, adapter: Adapter) -> None:
        """Ask the server for the version; the folder must be in its reach.

        vLLM takes it where VLLM_ALLOW_RUNTIME_LORA_UPDATING is set.
        """
        name = f"{self._server.model}-{adapter.version}"
        try:
            await self._call("POST", "load_lora_adapter", {"lora_name": name, "lora_path": str(adapter.path)})
        except (PromptRefusedError, EngineUnavailableError) as error:
            raise AdapterRefusedError(f"the server does not load adapter {adapter.version}: {error}") from error
        self._names[adapter.version] = name

    async def drop_adapter(self, version: str) -> None:
        """Ask the server to forget the version."""
        if (name := self._names.pop(version, None)) is not None:
            await self._call("POST", "unload_lora_adapter", {"lora_name": name})

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def _complete(
        self, prompt: Prompt, labels: Sequence[Label], body: dict[str, Any]
    ) -> tuple[dict[str, Any], str | None, dict[str, float]]:
        try:
            ids = dict(zip(self._roles.label_ids(labels), (label.name for label in labels), strict=True))
        except WordNotATokenError as error:
            raise PromptRefusedError(str(error)) from error
        body |= {
            "prompt": list(prompt.token_ids),
            "max_tokens": 1,
            "logprobs": len(ids),
            "allowed_token_ids": list(ids),
            # Tokens by number: a label's text is not unique, its id is.
            "return_tokens_as_token_ids": True,
        }
        found = await self._call("POST", "completions", body)
        listed = ((_first(found).get("logprobs") or {}).get("top_logprobs") or [{}])[0]
        by_id = {int(name.removeprefix("token_id:")): value for name, value in listed.items() if _is_id(name)}
        logprobs = _normalised({ids[token]: float(value) for token, value in by_id.items() if token in ids})
        sampled = ((_first(found).get("logprobs") or {}).get("tokens") or [""])[0]
        if _is_id(sampled):
            return found, ids.get(int(sampled.removeprefix("token_id:"))), logprobs
        return found, match_label(str(_first(found).get("text", "")), labels), logprobs

    async def _chat(
        self, prompt: Prompt, labels: Sequence[Label], body: dict[str, Any]
    ) -> tuple[dict[str, Any], str | None, dict[str, float]]:
        body |= {
            "messages": _messages(prompt),
            "max_tokens": _ANSWER_TOKENS,
            "logprobs": True,
            "top_logprobs": _TOP_LOGPROBS,
        }
        found = await self._call("POST", "chat/completions", body)
        answer = _first(found)
        content = ((answer.get("logprobs") or {}).get("content") or [{}])[0]
        logprobs: dict[str, float] = {}
        for one in content.get("top_logprobs") or []:
            # A label is known by its first token only where that token is the whole word.
            if (name := match_label(str(one.get("token", "")), labels)) is not None:
                logprobs.setdefault(name, float(one["logprob"]))
        label = match_label(str(answer["message"].get("content") or ""), labels)
        return found, label, _normalised(logprobs) if label in logprobs else {}

    def _name(self, adapter: str | None) -> str:
        if adapter is None:
            return self._server.model
        if adapter not in self._names:
            raise EngineUnavailableError(f"adapter {adapter} is not loaded at {self._server.base_url}")
        return self._names[adapter]

    async def _call(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        try:
            async with asyncio.timeout(self._server.timeout_s):
                answer = await self._client.request(method, path, json=body)
        except (httpx.HTTPError, TimeoutError) as error:
            raise EngineUnavailableError(
                f"{self._server.base_url} does not answer ({type(error).__name__}): is it up? See OPENAI_BASE_URL"
            ) from error
        if answer.is_success:
            return _json(answer)
        # The server's words may quote the prompt, which is somebody's talk: only its code goes on.
        if answer.status_code in _PROMPT_ERRORS:
            raise PromptRefusedError(f"the server refuses the prompt: HTTP {answer.status_code}")
        hint = {401: "see OPENAI_API_KEY", 403: "see OPENAI_API_KEY", 404: "see OPENAI_BASE_URL and OPENAI_MODEL"}
        raise EngineUnavailableError(
            f"{self._server.base_url} answers HTTP {answer.status_code}"
            f"{': ' + hint[answer.status_code] if answer.status_code in hint else ''}"
        )


def _json(answer: httpx.Response) -> dict[str, Any]:
    if not answer.content:
        return {}
    try:
        found = answer.json()
    except ValueError:
        return {}  # the adapter calls answer in plain words
    return found if isinstance(found, dict) else {}


def _first(found: dict[str, Any]) -> dict[str, Any]:
    choices = found.get("choices")
    if not isinstance(choices, list) or not choices or not isinstance(choices[0], dict):
        raise EngineUnavailableError("the server's answer holds no choice: does it speak OpenAI's API?")
    return {"message": {}, **choices[0]}


def _messages(prompt: Prompt) -> list[dict[str, str]]:
    return [{"role": turn.role, "content": turn.content} for turn in prompt.chat]


def _normalised(logprobs: dict[str, float]) -> dict[str, float]:
    """Over the set; the server's are over the whole vocabulary."""
    if not logprobs:
        return {}
    highest = max(logprobs.values())
    norm = highest + math.log(sum(math.exp(value - highest) for value in logprobs.values()))
    return {name: value - norm for name, value in logprobs.items()}


def _sampling(seed: int | None) -> dict[str, Any]:
    return {"temperature": 0.0} if seed is None else {"temperature": 1.0, "seed": seed % 2**31}


def _usage(found: dict[str, Any]) -> tuple[int, int]:
    usage = found.get("usage") or {}
    return int(usage.get("prompt_tokens") or 0), int(usage.get("completion_tokens") or 0)


def _is_id(name: str) -> bool:
    return name.startswith("token_id:") and name.removeprefix("token_id:").isdigit()
