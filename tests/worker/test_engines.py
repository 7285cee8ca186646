"""The engines that need no model, by the suite of all engines."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from prompts.roles import Prompt
from tests.worker.engine_suite import EngineSuite, Subject
from tests.worker.model_folder import TAXONOMY, make_folder, roles_of
from tests.worker.openai_double import CONTEXT, OpenAIDouble
from worker.engines.contract import Engine, EngineUnavailableError
from worker.engines.openai_http import Server
from worker.engines.openai_server import OpenAIServerEngine
from worker.engines.scripted import Script, ScriptedEngine

REFUSED_TOKEN = 1_000_000


def subject_of(engine: Engine, folder: Path, refused: Prompt) -> Subject:
    adapters = []
    for name in ("one", "two"):
        (folder / name).mkdir()
        (folder / name / "adapter_config.json").write_text("{}")
        adapters.append(folder / name)
    first, second = adapters
    return Subject(engine, TAXONOMY.labels, range(4, 20), refused, (first, second), folder / "nothing-here")


class TestScripted(EngineSuite):
    @pytest.fixture
    async def subject(self, tmp_path: Path) -> AsyncIterator[Subject]:
        engine = ScriptedEngine("little", Script(refuse_token=REFUSED_TOKEN, delay_s=0.001, jitter=True))
        await engine.start()
        yield subject_of(engine, tmp_path, Prompt((4, REFUSED_TOKEN)))
        await engine.close()

    async def test_what_waits_while_it_is_closed_meets_an_outage(self) -> None:
        engine = ScriptedEngine("little", Script(delay_s=0.05))
        calls = [asyncio.create_task(engine.choose(Prompt((4,)), TAXONOMY.labels)) for _ in range(3)]
        await asyncio.sleep(0)
        await engine.close()
        answers = await asyncio.gather(*calls, return_exceptions=True)
        assert [type(one) for one in answers] == [EngineUnavailableError] * 3


class TestOpenAIServer(EngineSuite):
    @pytest.fixture
    async def subject(self, tmp_path: Path) -> AsyncIterator[Subject]:
        async with OpenAIDouble().running() as double:
            engine = OpenAIServerEngine(Server(double.url, "little"), roles_of(make_folder(tmp_path)))
            await engine.start()
            yield subject_of(engine, tmp_path, Prompt((4,) * CONTEXT))
            await engine.close()
