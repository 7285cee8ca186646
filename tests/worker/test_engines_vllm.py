"""vLLM in this process and vLLM's server behind HTTP, by the suite of all engines, and beside each other."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from prompts.profile import ModelProfile
from prompts.roles import Prompt, RolePrompts
from prompts.tokenizer import PromptTokenizer
from tests.worker.engine_suite import EngineSuite, Subject, same
from tests.worker.tiny_opt import LABELS, VOCABULARY, WORDS, make_adapter, make_model, reference
from tests.worker.vllm_server import vllm_server
from worker.engines.contract import Adapter, Engine
from worker.engines.openai_http import Server
from worker.engines.openai_server import OpenAIServerEngine
from worker.engines.vllm_engine import VllmEngine
from worker.engines.vllm_options import VllmOptions

pytestmark = [pytest.mark.vllm, pytest.mark.asyncio(loop_scope="class"), pytest.mark.timeout(600)]

# float32, so that sums in another order stay within the tolerance.
OPTIONS = VllmOptions(dtype="float32", max_num_seqs=16, max_batched_tokens=512, kv_cache_mb=64, adapter_slots=2)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_model(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="module")
def adapters(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    base = tmp_path_factory.mktemp("adapters")
    return make_adapter(folder, base / "one", 1), make_adapter(folder, base / "two", 2)


def subject_of(engine: Engine, folder: Path, adapters: tuple[Path, Path]) -> Subject:
    return Subject(engine, LABELS, range(4, VOCABULARY), Prompt((5,) * 512), adapters, folder / "nothing-here")


class TestVllmInProcess(EngineSuite):
    @pytest_asyncio.fixture(scope="class", loop_scope="class")
    async def subject(self, folder: Path, adapters: tuple[Path, Path]) -> AsyncIterator[Subject]:
        engine = VllmEngine(folder, OPTIONS)
        await engine.start()
        yield subject_of(engine, folder, adapters)
        await engine.close()


def at(url: str, folder: Path) -> OpenAIServerEngine:
    return OpenAIServerEngine(Server(url, "tiny-opt"), RolePrompts(ModelProfile.read(folder), PromptTokenizer(folder)))


class TestVllmServer(EngineSuite):
    @pytest.fixture(scope="class")
    def url(self, folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
        with vllm_server(folder, "tiny-opt", tmp_path_factory.mktemp("server")) as url:
            yield url

    @pytest_asyncio.fixture(scope="class", loop_scope="class")
    async def subject(self, url: str, folder: Path, adapters: tuple[Path, Path]) -> AsyncIterator[Subject]:
        engine = at(url, folder)
        await engine.start()
        yield subject_of(engine, folder, adapters)
        await engine.close()

    async def test_answers_are_those_of_transformers(self, url: str, folder: Path, adapters: tuple[Path, Path]) -> None:
        subject = subject_of(at(url, folder), folder, adapters)
        asked = subject.prompts(20, seed=9)
        expected = reference(folder, [one.token_ids for one in asked], range(4, 4 + len(WORDS)))
        for choice, row in zip(await subject.choose(asked), expected, strict=True):
            assert [choice.logprobs[label.name] for label in LABELS] == pytest.approx(row, abs=2e-3)
            assert choice.label == LABELS[row.index(max(row))].name
        await subject.engine.close()

    async def test_two_workers_share_its_adapters(self, url: str, folder: Path, adapters: tuple[Path, Path]) -> None:
        one, beside = at(url, folder), at(url, folder)
        for engine in (one, beside):
            await engine.load_adapter(Adapter("shared", adapters[0]))
        prompt = Prompt((5, 6, 7))
        expected = await one.choose(prompt, LABELS, adapter="shared")
        await beside.drop_adapter("shared")
        assert same(await one.choose(prompt, LABELS, adapter="shared"), expected)
        await one.drop_adapter("shared")
        for engine in (one, beside):
            await engine.close()
