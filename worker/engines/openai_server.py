"""An engine behind HTTP: ``vllm serve``, or any server that speaks OpenAI's API."""

import time
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any, Final

import structlog

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
from worker.engines.openai_answers import ChatCompletion, Completion, read
from worker.engines.openai_forms import Form, choice_forms, token_forms, writing_forms
from worker.engines.openai_http import NotTakenError, OpenAIClient, Server, StatusError

log = structlog.get_logger()

_ANSWER_TOKENS: Final = 16
#: The server answers so where an adapter's files are not there or do not fit, and where it does not load any.
_ADAPTER_ERRORS: Final = frozenset({HTTPStatus.NOT_FOUND, HTTPStatus.INTERNAL_SERVER_ERROR})


class OpenAIServerEngine:
    """Completion-style prompts go to ``/completions`` as token ids, chat-style ones to ``/chat/completions``."""

    def __init__(self, server: Server, roles: RolePrompts) -> None:
        self._server = server
        self._roles = roles
        self._client = OpenAIClient(server)
        self._adapters: dict[str, Adapter] = {}
        self._form_taken: dict[str, int] = {}

    @property
    def model(self) -> str:
        """The model's name at the server."""
        return self._server.model

    async def start(self) -> None:
        """See that the server is there and has the model."""
        names = await self._names()
        if names and self._server.model not in names:
            raise EngineUnavailableError(
                f"{self._server.shown} has no model {self._server.model!r} (it has {', '.join(names)}): "
                "set OPENAI_MODEL to one of them"
            )

    async def choose(
        self, prompt: Prompt, labels: Sequence[Label], *, adapter: str | None = None, sample_seed: int | None = None
    ) -> Choice:
        """Decide for one of the labels; see the contract."""
        began = time.perf_counter()
        body = _sampling(sample_seed)
        if prompt.chat:
            body |= {"messages": _messages(prompt), "max_tokens": _ANSWER_TOKENS}
            chat = read(ChatCompletion, await self._ask("chat/completions", body, choice_forms(labels), adapter))
            return Choice(*chat.decision(labels), *chat.tokens, time.perf_counter() - began)
        names = self._token_names(labels)
        body["prompt"] = list(prompt.token_ids)
        answer = read(Completion, await self._ask("completions", body, token_forms(list(names)), adapter))
        return Choice(*answer.decision(names, labels), *answer.tokens, time.perf_counter() - began)

    async def write(
        self, prompt: Prompt, *, max_tokens: int, adapter: str | None = None, sample_seed: int | None = None
    ) -> Writing:
        """Answer in words; chat-style prompts only."""
        if not prompt.chat:
            raise PromptRefusedError("reasoned mode needs a model with a chat template: choose one, or mode direct")
        began = time.perf_counter()
        body = _sampling(sample_seed) | {"messages": _messages(prompt), "max_tokens": max_tokens}
        answer = read(ChatCompletion, await self._ask("chat/completions", body, writing_forms(prompt), adapter))
        return Writing(answer.text, *answer.tokens, time.perf_counter() - began)

    async def load_adapter(self, adapter: Adapter) -> None:
        """Ask the server for the version, unless another worker has; the folder must be in its reach.

        vLLM takes it where VLLM_ALLOW_RUNTIME_LORA_UPDATING is set.

        Raises:
            AdapterRefusedError: the server cannot use it.
            EngineUnavailableError: the server does not answer.
        """
        name = self._name(adapter.version)
        try:
            await self._client.call("POST", "load_lora_adapter", {"lora_name": name, "lora_path": str(adapter.path)})
        except NotTakenError as error:
            if name not in await self._names():
                raise _refused(adapter, error) from error
        except StatusError as error:
            if error.status in _ADAPTER_ERRORS:
                raise _refused(adapter, error) from error
            raise
        self._adapters[adapter.version] = adapter

    async def drop_adapter(self, version: str) -> None:
        """Ask the server to forget the version. A worker beside us that still uses it has it loaded again."""
        if self._adapters.pop(version, None) is None:
            return
        try:
            await self._client.call("POST", "unload_lora_adapter", {"lora_name": self._name(version)})
        except StatusError as error:
            if error.status != HTTPStatus.NOT_FOUND:
                raise

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()

    async def _ask(self, path: str, body: dict[str, Any], forms: Sequence[Form], adapter: str | None) -> dict[str, Any]:
        """Ask in the best form that the server takes; what it does not take, it is not asked for again."""
        kind = "writing" if "response_format" in forms[0] else path
        body["model"] = self._served(adapter)
        refusal: NotTakenError | None = None
        for at in range(self._form_taken.get(kind, 0), len(forms)):
            try:
                found = await self._call(path, body | forms[at], adapter)
            except NotTakenError as error:
                if error.names_prompt:
                    raise PromptRefusedError(f"the server refuses the prompt: {error}") from error
                refusal = error
                continue
            if at > self._form_taken.get(kind, 0):
                log.info("server_lacks_form", kind=kind, without=sorted(forms[at - 1]), reason=str(refusal))
                self._form_taken[kind] = at
            return found
        raise await self._blame(path, body | forms[self._form_taken.get(kind, 0)], refusal)

    async def _blame(self, path: str, body: dict[str, Any], refusal: NotTakenError | None) -> Exception:
        """Whose fault a refusal is: the prompt's, if the server takes the same request about nothing."""
        if "prompt" in body:
            about_nothing = {"prompt": body["prompt"][:1]}
        else:
            about_nothing = {"messages": [one | {"content": "?"} for one in body["messages"]]}
        try:
            await self._client.call("POST", path, body | about_nothing)
        except NotTakenError:
            return EngineUnavailableError(f"{refusal}, whatever it is asked: see OPENAI_MODEL and the server's log")
        return PromptRefusedError(f"the server refuses the prompt: {refusal}")

    async def _call(self, path: str, body: dict[str, Any], adapter: str | None) -> dict[str, Any]:
        try:
            return await self._client.call("POST", path, body)
        except StatusError as error:
            if adapter is None or adapter not in self._adapters or error.status != HTTPStatus.NOT_FOUND:
                raise
        # A server that was started anew, or a worker beside us, has forgotten the adapter.
        log.warning("adapter_forgotten_by_server", version=adapter)
        try:
            await self.load_adapter(self._adapters[adapter])
        except AdapterRefusedError as error:
            raise EngineUnavailableError(str(error)) from error
        return await self._client.call("POST", path, body)

    async def _names(self) -> list[str]:
        listed = (await self._client.call("GET", "models")).get("data")
        return [str(one.get("id")) for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []

    def _token_names(self, labels: Sequence[Label]) -> dict[int, str]:
        try:
            names = dict(zip(self._roles.label_ids(labels), (label.name for label in labels), strict=True))
        except WordNotATokenError as error:
            raise PromptRefusedError(str(error)) from error
        if len(names) != len(labels):
            raise PromptRefusedError("two labels share one token: give each label a word of its own")
        return names

    def _name(self, version: str) -> str:
        return f"{self._server.model}-{version}"

    def _served(self, adapter: str | None) -> str:
        if adapter is None:
            return self._server.model
        if adapter not in self._adapters:
            raise EngineUnavailableError(f"adapter {adapter} is not loaded at {self._server.shown}")
        return self._name(adapter)


def _refused(adapter: Adapter, error: Exception) -> AdapterRefusedError:
    return AdapterRefusedError(
        f"the server does not load adapter {adapter.version} from {adapter.path}: {error}. It must reach the folder, "
        "and vLLM needs --enable-lora and VLLM_ALLOW_RUNTIME_LORA_UPDATING=1"
    )


def _messages(prompt: Prompt) -> list[dict[str, str]]:
    return [{"role": turn.role, "content": turn.content} for turn in prompt.chat]


def _sampling(seed: int | None) -> dict[str, Any]:
    return {"temperature": 0.0} if seed is None else {"temperature": 1.0, "seed": seed % 2**31}
