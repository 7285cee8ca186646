"""The real vLLM on the CPU with a tiny random model: what it answers is what transformers computes."""

import asyncio
import math
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import psutil
import pytest
import pytest_asyncio

from prompts.roles import Prompt
from schemas.taxonomy import Label
from tests.worker.tiny_opt import LABELS, VOCABULARY, WORDS, make_adapter, make_model, reference
from worker import metrics
from worker.engines.contract import (
    Adapter,
    AdapterRefusedError,
    Choice,
    Engine,
    EngineUnavailableError,
    PromptRefusedError,
)
from worker.engines.vllm_engine import VllmEngine
from worker.engines.vllm_options import VllmOptions

pytestmark = [pytest.mark.vllm, pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(600)]

AMONG = tuple(range(4, 4 + len(WORDS)))
ROOT = Path(__file__).parents[2]
# float32, so that sums in another order stay within the tolerance.
OPTIONS = VllmOptions(dtype="float32", max_num_seqs=16, max_batched_tokens=512, kv_cache_mb=64, adapter_slots=2)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_model(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="module")
def versions(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    base = tmp_path_factory.mktemp("adapters")
    return {name: make_adapter(folder, base / name, seed) for seed, name in enumerate(("v1", "v2", "v3"), 1)}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def engine(folder: Path) -> AsyncIterator[VllmEngine]:
    one = VllmEngine(folder, OPTIONS)
    await one.start()
    yield one
    await one.close()


@pytest_asyncio.fixture(loop_scope="module")
async def clean(engine: VllmEngine) -> AsyncIterator[VllmEngine]:
    yield engine
    for version in list(engine._adapters):
        await engine.drop_adapter(version)


def prompts(count: int, seed: int = 0, length: int | None = None) -> list[tuple[int, ...]]:
    draw = random.Random(seed)
    return [tuple(draw.randrange(4, VOCABULARY) for _ in range(length or draw.randrange(2, 60))) for _ in range(count)]


async def choose_all(engine: Engine, asked: Sequence[tuple[int, ...]], adapter: str | None = None) -> list[Choice]:
    return await asyncio.gather(*(engine.choose(Prompt(ids), LABELS, adapter=adapter) for ids in asked))


def assert_are(choices: Sequence[Choice], expected: Sequence[Sequence[float]]) -> None:
    for choice, row in zip(choices, expected, strict=True):
        got = [choice.logprobs[label.name] for label in LABELS]
        assert got == pytest.approx(row, abs=2e-3)
        assert choice.label == LABELS[row.index(max(row))].name


async def test_answers_are_those_of_transformers_whoever_else_is_in_the_batch(engine: VllmEngine, folder: Path) -> None:
    asked = prompts(40)
    expected = reference(folder, asked, AMONG)
    assert_are(await choose_all(engine, asked), expected)
    assert_are([await engine.choose(Prompt(asked[7]), LABELS)], expected[7:8])
    assert engine.trouble is None


async def test_counts_and_names(engine: VllmEngine) -> None:
    choice = await engine.choose(Prompt((5, 6, 7)), LABELS[:2])
    assert (choice.prompt_tokens, choice.completion_tokens) == (3, 1)
    assert set(choice.logprobs) == {"Joy", "Anger"}
    assert engine.model == "tiny-opt"


async def test_the_caches_use_is_a_metric_while_prompts_are_in_work(engine: VllmEngine) -> None:
    def used() -> float:
        (metric,) = metrics.KV_CACHE.collect()
        return metric.samples[0].value

    seen = []
    work = asyncio.create_task(choose_all(engine, prompts(200)))
    while not work.done():
        seen.append(used())
        await asyncio.sleep(0.001)
    await work
    assert 0 < max(seen) <= 1
    assert used() == 0


async def test_draws_follow_the_scores_and_repeat_by_their_seed(engine: VllmEngine) -> None:
    prompt = Prompt(prompts(1, seed=9)[0])
    expected = (await engine.choose(prompt, LABELS)).logprobs
    draws = [(await engine.choose(prompt, LABELS, sample_seed=seed)).label for seed in range(400)]
    for name, logprob in expected.items():
        # Four standard deviations of 400 draws at most.
        assert draws.count(name) / len(draws) == pytest.approx(math.exp(logprob), abs=0.1)
    assert (await engine.choose(prompt, LABELS, sample_seed=7)).label == draws[7]


async def test_each_version_answers_as_its_merged_weights_side_by_side(
    clean: VllmEngine, folder: Path, versions: dict[str, Path]
) -> None:
    asked = prompts(20, seed=1)
    for version in ("v1", "v2"):
        await clean.load_adapter(Adapter(version, versions[version]))
    results = await asyncio.gather(*(choose_all(clean, asked, version) for version in (None, "v1", "v2")))
    assert_are(results[0], reference(folder, asked, AMONG))
    assert_are(results[1], reference(folder, asked, AMONG, versions["v1"]))
    assert_are(results[2], reference(folder, asked, AMONG, versions["v2"]))
    assert [one.label for one in results[1]] != [one.label for one in results[2]]


async def test_a_version_that_comes_while_others_are_asked_changes_nothing_for_them(
    clean: VllmEngine, folder: Path, versions: dict[str, Path]
) -> None:
    asked = prompts(120, seed=2)
    await clean.load_adapter(Adapter("v1", versions["v1"]))
    before = asyncio.create_task(choose_all(clean, asked, "v1"))
    await asyncio.sleep(0)
    load = asyncio.create_task(clean.load_adapter(Adapter("v2", versions["v2"])))
    await asyncio.sleep(0)
    after = asyncio.create_task(choose_all(clean, asked, "v1"))
    await load
    new = await choose_all(clean, asked[:20], "v2")
    old = reference(folder, asked, AMONG, versions["v1"])
    assert_are(await before, old)
    assert_are(await after, old)
    assert_are(new, reference(folder, asked[:20], AMONG, versions["v2"]))


async def test_no_answer_comes_from_the_cache_of_an_earlier_content_of_a_version(
    clean: VllmEngine, folder: Path, versions: dict[str, Path]
) -> None:
    asked = prompts(3, seed=3, length=300)  # whole blocks of 128 tokens, which the prefix cache keeps
    for path in (versions["v1"], versions["v3"]):
        await clean.load_adapter(Adapter("current", path))
        for _ in range(2):
            assert_are(await choose_all(clean, asked, "current"), reference(folder, asked, AMONG, path))
        await clean.drop_adapter("current")
    assert_are(await choose_all(clean, asked), reference(folder, asked, AMONG))


async def test_versions_are_immutable_counted_and_known(clean: VllmEngine, versions: dict[str, Path]) -> None:
    await clean.load_adapter(Adapter("v1", versions["v1"]))
    await clean.load_adapter(Adapter("v1", versions["v1"]))
    with pytest.raises(AdapterRefusedError, match="another version"):
        await clean.load_adapter(Adapter("v1", versions["v2"]))
    await clean.load_adapter(Adapter("v2", versions["v2"]))
    with pytest.raises(AdapterRefusedError, match="drop a version first"):
        await clean.load_adapter(Adapter("v3", versions["v3"]))
    await clean.drop_adapter("v1")
    await clean.drop_adapter("never-loaded")
    await clean.load_adapter(Adapter("v3", versions["v3"]))
    with pytest.raises(EngineUnavailableError, match="not loaded"):
        await clean.choose(Prompt((5,)), LABELS, adapter="v1")


async def test_a_refused_adapter_leaves_the_engine_as_it_was(
    clean: VllmEngine, folder: Path, versions: dict[str, Path], tmp_path: Path
) -> None:
    broken = shutil.copytree(versions["v1"], tmp_path / "broken")
    # It looks sound from outside: vLLM itself finds out.
    config = broken / "adapter_config.json"
    config.write_text(config.read_text().replace('"use_dora": false', '"use_dora": true'))
    with pytest.raises(AdapterRefusedError, match="vLLM refuses"):
        await clean.load_adapter(Adapter("broken", broken))
    with pytest.raises(AdapterRefusedError, match="cannot be read"):
        await clean.load_adapter(Adapter("missing", tmp_path / "missing"))
    asked = prompts(5, seed=4)
    await clean.load_adapter(Adapter("v1", versions["v1"]))
    assert_are(await choose_all(clean, asked, "v1"), reference(folder, asked, AMONG, versions["v1"]))


async def test_a_seed_draws_and_the_same_seed_draws_the_same(engine: VllmEngine) -> None:
    draws = [(await engine.choose(Prompt((9, 8, 7)), LABELS, sample_seed=seed)).label for seed in (*range(30), 3)]
    assert len(set(draws)) > 1
    assert draws[3] == draws[-1]


@pytest.mark.parametrize(
    ("prompt", "labels"),
    [
        (Prompt(), LABELS),
        (Prompt((5,) * 512), LABELS),
        (Prompt((5, VOCABULARY)), LABELS),
        (Prompt((5,)), (Label(name="Two", word="joy anger"), LABELS[0])),
        (Prompt((5,)), (Label(name="One", word="joy"), Label(name="Other", word=" joy"))),
    ],
    ids=["no ids", "too long", "unknown token", "word of two tokens", "one token for two"],
)
async def test_prompts_that_can_never_be_answered(engine: VllmEngine, prompt: Prompt, labels: Sequence[Label]) -> None:
    with pytest.raises(PromptRefusedError):
        await engine.choose(prompt, labels)
    assert (await engine.choose(Prompt((5,) * 511), LABELS)).label is not None


async def test_it_writes_nothing(engine: VllmEngine) -> None:
    with pytest.raises(PromptRefusedError, match="only chooses labels"):
        await engine.write(Prompt((5,)), max_tokens=5)


async def test_cancelled_waits_and_late_answers_leave_room_for_others(engine: VllmEngine, folder: Path) -> None:
    tasks = [asyncio.create_task(engine.choose(Prompt(ids), LABELS)) for ids in prompts(100, seed=5)]
    await asyncio.sleep(0.01)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    asked = prompts(4, seed=6)
    assert_are(await choose_all(engine, asked), reference(folder, asked, AMONG))
    assert engine._thread is not None
    assert not engine._thread._waiting


async def test_a_folder_without_weights_is_an_outage(folder: Path, tmp_path: Path) -> None:
    empty = shutil.copytree(folder, tmp_path / "empty")
    (empty / "model.safetensors").unlink()
    one = VllmEngine(empty, OPTIONS)
    with pytest.raises(EngineUnavailableError, match="the vLLM engine died"):
        await one.start()
    assert one.trouble is not None
    await one.close()


SERVE = """
import asyncio, sys
from pathlib import Path
from worker.engines.vllm_engine import VllmEngine
from worker.engines.vllm_options import VllmOptions

async def main():
    engine = VllmEngine(Path(sys.argv[1]), VllmOptions(kv_cache_mb=64, max_num_seqs=8))
    await engine.start()
    print("READY", flush=True)
    await asyncio.sleep(600)

asyncio.run(main())
"""


async def test_a_killed_process_leaves_nothing_behind(folder: Path) -> None:
    command = [sys.executable, "-c", SERVE, str(folder)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT, start_new_session=True)  # noqa: ASYNC220
    try:
        assert process.stdout is not None
        lines = iter(process.stdout.readline, b"")
        assert await asyncio.to_thread(lambda: any(b"READY" in line for line in lines))
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    deadline = time.monotonic() + 10
    while left := [one.pid for one in psutil.process_iter() if session(one.pid) == process.pid]:
        assert time.monotonic() < deadline, f"still there: {left}"
        await asyncio.sleep(0.1)


def session(pid: int) -> int | None:
    try:
        return os.getsid(pid)
    except ProcessLookupError:
        return None
