"""Calls to a server that speaks OpenAI's API, their failures sorted: outage, set-up, or one prompt's problem."""

import asyncio
import json
import re
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Final

import aiohttp

from schemas.shown_address import shown_address
from worker.current_trace import CALL_HEADERS
from worker.engines.contract import EngineError, EngineUnavailableError

#: What servers answer when they do not take what they were sent; anything else is about the load or the set-up.
_NOT_TAKEN: Final = frozenset(
    {HTTPStatus.BAD_REQUEST, HTTPStatus.REQUEST_ENTITY_TOO_LARGE, HTTPStatus.UNPROCESSABLE_ENTITY}
)
#: Codes and words by which OpenAI, Azure, vLLM, llama.cpp and TGI say that it is this prompt.
_PROMPT_CODES: Final = re.compile(r"context_length|context_size|content_filter|content_policy|invalid_prompt")
_PROMPT_WORDS: Final = re.compile(
    r"context (length|size|window)|maximum .{0,20}(length|tokens)|too long|too many tokens|longer than", re.IGNORECASE
)
_CODE: Final = re.compile(r"[\w.-]{1,64}")
_HINTS: Final[dict[int, str]] = {
    HTTPStatus.UNAUTHORIZED: "see OPENAI_API_KEY",
    HTTPStatus.FORBIDDEN: "see OPENAI_API_KEY",
    HTTPStatus.NOT_FOUND: "see OPENAI_BASE_URL and OPENAI_MODEL",
    HTTPStatus.TOO_MANY_REQUESTS: "it has too much to do: see MAX_IN_FLIGHT",
}


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
    api_key: str | None = field(default=None, repr=False)
    timeout_s: float = 60.0
    connections: int = 256

    @property
    def shown(self) -> str:
        """Its address as it may be logged."""
        return shown_address(self.base_url)


class StatusError(EngineUnavailableError):
    """The server answers, but with an error that is not about what it was sent."""

    def __init__(self, status: int, words: str) -> None:
        super().__init__(words)
        self.status = status


class NotTakenError(EngineError):
    """The server does not take what it was sent.

    Attributes:
        names_prompt: it says that the prompt's length or content is the reason.
    """

    def __init__(self, words: str, *, names_prompt: bool) -> None:
        super().__init__(words)
        self.names_prompt = names_prompt


class OpenAIClient:
    """One pool of connections to one server.

    aiohttp's: httpx's lost a connection with each call that was given up before it began, until none was left, and its
    work for one call grew with the square of the connections.
    """

    def __init__(self, server: Server) -> None:
        self.server = server
        self._closed = False
        self._session: aiohttp.ClientSession | None = None

    async def call(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """The answer's JSON object; empty where it is none.

        Raises:
            NotTakenError: the server does not take the body.
            StatusError: it answers with another error.
            EngineUnavailableError: it does not answer.
        """
        session = self._open()
        url = f"{self.server.base_url.rstrip('/')}/{path}"
        try:
            async with (
                asyncio.timeout(self.server.timeout_s),
                session.request(method, url, json=body, headers=CALL_HEADERS.get(), allow_redirects=False) as answer,
            ):
                status, text = answer.status, await answer.read()
        except (aiohttp.ClientError, TimeoutError) as error:
            if self._closed:
                raise EngineUnavailableError("the engine is closed") from error
            raise EngineUnavailableError(
                f"{self.server.shown} does not answer ({type(error).__name__}): is it up? See OPENAI_BASE_URL"
            ) from error
        except RuntimeError as error:
            if not self._closed:
                raise
            raise EngineUnavailableError("the engine is closed") from error
        if HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
            return _object(text)
        raise self._trouble(status, text)

    async def close(self) -> None:
        """Close the connections; what still waits meets EngineUnavailableError."""
        self._closed = True
        if self._session is not None:
            await self._session.close()

    def _open(self) -> aiohttp.ClientSession:
        """Made by the first call, since it belongs to the loop of its calls."""
        if self._closed:
            raise EngineUnavailableError("the engine is closed")
        if self._session is None:
            key = self.server.api_key
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=self.server.connections),
                headers={"Authorization": f"Bearer {key}"} if key else {},
                timeout=aiohttp.ClientTimeout(total=None),
                cookie_jar=aiohttp.DummyCookieJar(),
                # Proxies, as the environment names them.
                trust_env=True,
            )
        return self._session

    def _trouble(self, status: int, text: bytes) -> EngineError:
        found = _object(text)
        error = found["error"] if isinstance(found.get("error"), dict) else found
        # The server's words may quote the prompt, which is somebody's talk: only its codes go on.
        codes = [code for name in ("type", "code", "param") if _CODE.fullmatch(code := str(error.get(name) or ""))]
        words = f"{self.server.shown} answers HTTP {status}"
        if codes:
            words += f" ({', '.join(codes)})"
        if status in _NOT_TAKEN:
            names_prompt = (
                status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE
                or any(_PROMPT_CODES.search(code) for code in codes)
                or _PROMPT_WORDS.search(str(error.get("message") or "")) is not None
            )
            return NotTakenError(words, names_prompt=names_prompt)
        return StatusError(status, f"{words}: {_HINTS[status]}" if status in _HINTS else words)


def _object(text: bytes) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except ValueError:
        return {}  # the adapter calls answer in plain words
    return found if isinstance(found, dict) else {}
