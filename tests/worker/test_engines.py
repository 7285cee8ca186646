"""The engines that need no model, by the suite of all engines."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from prompts.roles import Prompt
from tests.worker.engine_suite import EngineSuite, Subject
from tests.worker.model_folder import TAXONOMY, make_folder, roles_of
from tests.worker.openai_double import CONTEXT, OpenAIDouble
from worker.engines.contract import Engine
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


class TestOpenAIServer(EngineSuite):
    @pytest.fixture
    async def subject(self, tmp_path: Path) -> AsyncIterator[Subject]:
        async with OpenAIDouble().running() as double:
            engine = OpenAIServerEngine(Server(double.url, "little"), roles_of(make_folder(tmp_path)))
            await engine.start()
            yield subject_of(engine, tmp_path, Prompt((4,) * CONTEXT))
            await engine.close()
