"""A server that speaks OpenAI's API over real HTTP as vLLM does, without a model: answers come from a hash."""

import asyncio
import json
import math
import zlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

from aiohttp import web


@dataclass(frozen=True)
class Asked:
    """One request that arrived."""

    path: str
    headers: dict[str, str]
    body: dict[str, Any]


#: Status and JSON (or plain words) in place of an answer; None answers as usual.
Override = Callable[[Asked], tuple[int, Any] | None]
CONTEXT = 512
TOO_LONG = "This model's maximum context length is 512 tokens. However, your prompt has more."


class OpenAIDouble:
    """One server.

    Attributes:
        requests: what arrived; `arrived` tells a waiting test of each.
        lacking: names of body fields, or types of response_format, that it does not take.
        delay_s: before each answer.
        loras: loaded adapters by name.
    """

    def __init__(self, model: str = "little") -> None:
        self.model = model
        self.requests: list[Asked] = []
        self.arrived = asyncio.Semaphore(0)
        self.lacking: set[str] = set()
        self.override: Override = lambda _: None
        self.delay_s = 0.0
        self.loras: dict[str, str] = {}
        self.url = ""

    def bodies(self, path: str) -> list[dict[str, Any]]:
        return [asked.body for asked in self.requests if asked.path == path]

    @asynccontextmanager
    async def running(self) -> AsyncIterator["OpenAIDouble"]:
        app = web.Application()
        app.router.add_route("*", "/v1/{path:.*}", self._handle)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        host, port = runner.addresses[0][:2]
        self.url = f"http://{host}:{port}/v1"
        try:
            yield self
        finally:
            await runner.cleanup()

    async def _handle(self, request: web.Request) -> web.Response:
        path = request.match_info["path"]
        body: dict[str, Any] = json.loads(await request.read() or b"{}")
        asked = Asked(path, dict(request.headers), body)
        self.requests.append(asked)
        self.arrived.release()
        if self.delay_s:
            await asyncio.sleep(self.delay_s)
        status, answer = self.override(asked) or self._answer(path, body)
        if isinstance(answer, str):
            return web.Response(status=status, text=answer)
        return web.json_response(answer, status=status)

    def _answer(self, path: str, body: dict[str, Any]) -> tuple[int, Any]:
        if path == "models":
            return 200, {"data": [{"id": name} for name in (self.model, *self.loras)]}
        if path == "load_lora_adapter":
            return self._load(body["lora_name"], body["lora_path"])
        if path == "unload_lora_adapter":
            known = self.loras.pop(body["lora_name"], None) is not None
            return (200, "removed") if known else error(404, "it cannot be found", "NotFoundError")
        return self._refusal(body) or (200, self._complete(body) if path == "completions" else self._chat(body))

    def _refusal(self, body: dict[str, Any]) -> tuple[int, Any] | None:
        if body["model"] not in (self.model, *self.loras):
            return error(404, f"The model `{body['model']}` does not exist.", "NotFoundError")
        given = {*body, (body.get("response_format") or {}).get("type")}
        if lacked := sorted(self.lacking & given):
            return error(400, f"extra fields not permitted: {lacked[0]}")
        if len(body.get("prompt", ())) >= CONTEXT:
            return error(400, TOO_LONG, param="input_tokens")
        return None

    def _load(self, name: str, path: str) -> tuple[int, Any]:
        if name in self.loras:
            return error(400, f"The lora adapter '{name}' has already been loaded.", "InvalidUserInput")
        if not (Path(path) / "adapter_config.json").is_file():
            return error(404, f"No adapter found for {path}", "NotFoundError")
        self.loras[name] = path
        return 200, f"Success: LoRA adapter '{name}' added successfully."

    def _draw(self, body: dict[str, Any]) -> Random:
        content = (body.get("prompt"), body.get("messages"), self.loras.get(body["model"], ""))
        return Random(zlib.crc32(repr(content).encode()))

    def _complete(self, body: dict[str, Any]) -> dict[str, Any]:
        draw = self._draw(body)
        # Over a vocabulary of which the labels are a part, as real ones are.
        logits = {f"token_id:{token}": draw.gauss(0, 1) - 3 for token in body["allowed_token_ids"]}
        likeliest = max(logits, key=logits.__getitem__)
        if "seed" in body:
            draw.seed(draw.getrandbits(32) ^ body["seed"])
            likeliest = draw.choices(list(logits), [math.exp(value) for value in logits.values()])[0]
        logprobs = {"tokens": [likeliest], "top_logprobs": [logits]}
        return {
            "choices": [{"index": 0, "text": "", "logprobs": logprobs}],
            "usage": {"prompt_tokens": len(body["prompt"]), "completion_tokens": 1},
        }

    def _chat(self, body: dict[str, Any]) -> dict[str, Any]:
        draw = self._draw(body)
        shape = (body.get("response_format") or {}).get("json_schema", {}).get("schema")
        if shape:
            labels = shape["properties"]["label"]["enum"]
            answer = {name: f"{name} {draw.randrange(100)}" for name in shape["required"]}
            text = json.dumps(answer | {"label": draw.choice(labels)})
        else:
            listed = [
                line[2:].split(":")[0] for line in body["messages"][-1]["content"].splitlines() if line[:2] == "- "
            ]
            text = draw.choice((body.get("structured_outputs") or {}).get("choice") or listed or ["?"])
        choice: dict[str, Any] = {"index": 0, "message": {"role": "assistant", "content": text}}
        if body.get("logprobs"):
            top = [
                {"token": text, "logprob": -0.5},
                {"token": " Anger", "logprob": -1.5},
                {"token": "x", "logprob": -3},
            ]
            choice["logprobs"] = {"content": [{"token": text, "logprob": -0.5, "top_logprobs": top}]}
        return {"choices": [choice], "usage": {"prompt_tokens": 50, "completion_tokens": 7}}


def error(status: int, message: str, kind: str = "BadRequestError", param: str | None = None) -> tuple[int, Any]:
    """An error as vLLM writes it."""
    return status, {"error": {"message": message, "type": kind, "param": param, "code": status}}
