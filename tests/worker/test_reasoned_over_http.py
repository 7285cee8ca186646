"""Reasoned mode from a request to its event, with a chat model's server behind real HTTP."""

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from prompts.profile import ModelProfile
from schemas.codec import decode, encode
from schemas.event import EmotionEvent
from tests.worker.model_folder import TAXONOMY, make_folder, parts_of, request_of, roles_of
from tests.worker.openai_double import Asked, OpenAIDouble
from worker.engines.contract import EngineUnavailableError
from worker.engines.openai_http import Server
from worker.engines.openai_server import OpenAIServerEngine
from worker.labelling import SanmLabeller, SanmOptions

NOW = datetime(2026, 3, 2, 10, tzinfo=UTC)


class Chat:
    """A labeller at a server that answers as it is told, in turn; then by its hash."""

    def __init__(self, double: OpenAIDouble, folder: Path) -> None:
        make_folder(folder, "chat", languages=("en", "zh"))
        self.double = double
        self.engine = OpenAIServerEngine(Server(double.url, "little"), roles_of(folder))
        options = SanmOptions(policy="paper", mode="reasoned")
        self._labeller = SanmLabeller(self.engine, ModelProfile.read(folder), roles_of(folder), options)

    def says(self, *answers: str | dict[str, str]) -> None:
        texts = iter(one if isinstance(one, str) else json.dumps(one) for one in answers)

        def answer(asked: Asked) -> tuple[int, Any] | None:
            del asked
            text = next(texts, None)
            usage = {"prompt_tokens": 50, "completion_tokens": 7}
            return None if text is None else (200, {"choices": [{"message": {"content": text}}], "usage": usage})

        self.double.override = answer

    def shown(self) -> list[tuple[str, str]]:
        """System and user message of each call."""
        asked = [body["messages"] for body in self.double.bodies("chat/completions")]
        return [(system["content"], user["content"]) for system, user in asked]

    async def label(self, text: str = "bad news", offset: int = 0, language: str = "en") -> EmotionEvent:
        request = request_of(parts_of(text, "chat", language=language), offset)
        return await self._labeller.label(request, taken_at=NOW)


@pytest.fixture
async def chat(tmp_path: Path) -> AsyncIterator[Chat]:
    async with OpenAIDouble().running() as double:
        one = Chat(double, tmp_path)
        yield one
        await one.engine.close()


async def test_a_disagreement_is_argued_out(chat: Chat) -> None:
    first = {"scenario": "a call", "people": "ana, ben", "relationships": "friends", "reason": "r1", "label": "anger"}
    chat.says(
        f"```json\n{json.dumps(first)}\n```",
        {"reason": "she is sad, not angry", "label": "Sadness"},
        {"reason": "right", "label": "sadness"},
    )
    event = await chat.label()
    assert (event.status, event.label, event.first_label) == ("labelled", "sadness", "anger")
    assert (event.sentiment, event.confidence, event.scores) == ("negative", None, {})
    assert [one.generator.reason for one in event.rounds] == ["r1", "right"]
    assert event.deduction is not None
    assert event.deduction.scenario == "a call"
    assert (event.usage.model_calls, event.usage.prompt_tokens, event.usage.completion_tokens) == (3, 150, 21)
    (_, generator), (_, discriminator), (again, final) = chat.shown()
    assert "generator: anger (r1)" in discriminator
    assert "she is sad" not in generator + discriminator
    assert "discriminator: sadness (she is sad, not angry)" in final
    assert "a reviewer disagreed" in again
    assert decode(EmotionEvent, encode(event)) == event


async def test_a_model_that_will_not_answer_makes_an_outlier(chat: Chat) -> None:
    chat.says(*["As a language model I have no opinion."] * 6)
    event = await chat.label()
    assert (event.status, event.label, event.candidates, len(event.rounds)) == ("outlier", None, (), 3)


async def test_chinese_is_asked_in_chinese(chat: Chat) -> None:
    event = await chat.label("今天真倒霉", language="zh")
    assert event.language == "zh"
    assert all("情绪" in system for system, _ in chat.shown())


async def test_every_answer_by_the_schema_is_a_decision(chat: Chat) -> None:
    events = [await chat.label("bad news", offset) for offset in range(8)]
    for event in events:
        said = [answer for one in event.rounds for answer in (one.generator, one.discriminator) if answer]
        assert {answer.label for answer in said} <= {label.name for label in TAXONOMY.labels}
        assert event.usage.model_calls == len(said)
    assert len(chat.double.bodies("chat/completions")) == sum(event.usage.model_calls for event in events)


async def test_an_outage_in_mid_negotiation_makes_no_half_event(chat: Chat) -> None:
    def second_fails(asked: Asked) -> tuple[int, Any] | None:
        return (503, "overloaded") if "generator: " in asked.body["messages"][1]["content"] else None

    chat.double.override = second_fails
    with pytest.raises(EngineUnavailableError, match="503"):
        await chat.label()
    chat.double.override = lambda _: None
    assert (await chat.label()).usage.model_calls >= 2
