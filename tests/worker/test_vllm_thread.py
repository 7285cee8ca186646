"""The engine's thread with a runtime that is no model."""

import asyncio
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from prompts.roles import Prompt
from tests.worker.model_folder import TAXONOMY, make_folder
from worker.engines.contract import EngineEndedError, EngineUnavailableError, PromptRefusedError
from worker.engines.vllm_engine import VllmEngine
from worker.engines.vllm_options import VllmOptions
from worker.engines.vllm_runtime import Answer, Ask
from worker.engines.vllm_thread import EngineThread

BAD = Ask((666,), (1,), None)


class FakeRuntime:
    """Answers what is queued once it may, and breaks when told to."""

    def __init__(self) -> None:
        self.queued: dict[str, Ask] = {}
        self.gate = threading.Event()
        self.gate.set()
        self.broken = False
        self.closed = threading.Event()
        self.steps: list[int] = []

    @property
    def busy(self) -> bool:
        return bool(self.queued)

    def submit(self, name: str, ask: Ask) -> None:
        if ask is BAD:
            raise PromptRefusedError("too long")
        self.queued[name] = ask

    def abort(self, names: list[str]) -> None:
        for name in names:
            self.queued.pop(name)

    def step(self) -> list[tuple[str, Answer]]:
        self.gate.wait(30)
        if self.broken:
            raise RuntimeError("out of memory")
        done, self.queued = self.queued, {}
        self.steps.append(len(done))
        return [(name, Answer(ask.token_ids[0], {}, 1)) for name, ask in done.items()]

    def close(self) -> None:
        self.closed.set()


def ask(token: int) -> Ask:
    return Ask((token,), (1,), None)


async def running(runtime: FakeRuntime) -> EngineThread:
    thread = EngineThread(lambda: runtime, asyncio.get_running_loop())
    await thread.start()
    return thread


async def reached(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not condition():  # noqa: ASYNC110 - the condition is another thread's
            await asyncio.sleep(0.005)


async def test_everyone_gets_the_own_answer_and_waiting_prompts_share_a_step() -> None:
    runtime = FakeRuntime()
    thread = await running(runtime)
    runtime.gate.clear()
    first = asyncio.create_task(thread.ask(ask(0)))
    await reached(lambda: runtime.busy)
    rest = [asyncio.create_task(thread.ask(ask(token))) for token in range(1, 50)]
    await asyncio.sleep(0)
    runtime.gate.set()
    answers = await asyncio.gather(first, *rest)
    assert [answer.token_id for answer in answers] == list(range(50))
    assert runtime.steps == [1, 49]
    assert await thread.close(10)
    assert runtime.closed.is_set()


async def test_a_step_that_fails_fails_all_who_wait_and_all_who_come_later() -> None:
    runtime = FakeRuntime()
    thread = await running(runtime)
    runtime.gate.clear()
    waiting = [asyncio.create_task(thread.ask(ask(token))) for token in range(5)]
    await asyncio.sleep(0)
    runtime.broken = True
    runtime.gate.set()
    results = await asyncio.gather(*waiting, return_exceptions=True)
    assert [type(result) for result in results] == [EngineEndedError] * 5
    assert "out of memory" in str(thread.ended)
    with pytest.raises(EngineUnavailableError, match="out of memory"):
        await thread.ask(ask(1))
    assert await thread.close(10)


async def test_a_model_that_cannot_be_loaded_is_an_outage() -> None:
    def build() -> FakeRuntime:
        raise OSError("no such model")

    thread = EngineThread(build, asyncio.get_running_loop())
    with pytest.raises(EngineUnavailableError, match="no such model"):
        await thread.start()


async def test_a_refused_prompt_fails_alone() -> None:
    thread = await running(FakeRuntime())
    results = await asyncio.gather(thread.ask(ask(1)), thread.ask(BAD), thread.ask(ask(2)), return_exceptions=True)
    assert isinstance(results[1], PromptRefusedError)
    assert [result.token_id for result in results if isinstance(result, Answer)] == [1, 2]
    await thread.close(10)


async def test_a_prompt_nobody_waits_for_leaves_the_batch() -> None:
    runtime = FakeRuntime()
    thread = await running(runtime)
    runtime.gate.clear()
    first = asyncio.create_task(thread.ask(ask(0)))
    await reached(lambda: runtime.busy)
    second = asyncio.create_task(thread.ask(ask(1)))
    await asyncio.sleep(0)
    second.cancel()
    await asyncio.gather(second, return_exceptions=True)
    runtime.gate.set()
    await first
    assert (await thread.ask(ask(2))).token_id == 2
    assert sum(runtime.steps) == 2
    await thread.close(10)


async def test_a_call_waits_for_what_is_in_flight_and_holds_what_comes_after() -> None:
    runtime = FakeRuntime()
    thread = await running(runtime)
    runtime.gate.clear()
    before = asyncio.create_task(thread.ask(ask(1)))
    await reached(lambda: runtime.busy)
    call = asyncio.create_task(thread.call(lambda one: (one.busy, list(one.steps))))
    await asyncio.sleep(0)
    after = asyncio.create_task(thread.ask(ask(2)))
    await asyncio.sleep(0)
    runtime.gate.set()
    assert await call == (False, [1])
    assert [(await before).token_id, (await after).token_id] == [1, 2]
    await thread.close(10)


async def test_what_a_call_raises_is_the_callers_and_the_engine_goes_on() -> None:
    thread = await running(FakeRuntime())

    def work(_runtime: FakeRuntime) -> None:
        raise ValueError("corrupt")

    with pytest.raises(ValueError, match="corrupt"):
        await thread.call(work)
    assert (await thread.ask(ask(3))).token_id == 3
    await thread.close(10)


async def test_an_engine_whose_step_hangs_has_ended(tmp_path: Path) -> None:
    runtime = FakeRuntime()
    engine = VllmEngine(make_folder(tmp_path), VllmOptions(answer_seconds=0.2))
    engine._thread = thread = await running(runtime)
    runtime.gate.clear()
    prompt = Prompt((4,))
    with pytest.raises(EngineUnavailableError, match="no answer within"):
        await engine.choose(prompt, TAXONOMY.labels)
    await reached(lambda: thread.step_s > 0.4)
    with pytest.raises(EngineEndedError, match="hung"):
        await engine.choose(prompt, TAXONOMY.labels)
    runtime.gate.set()
    await engine.close()


async def test_close_is_bounded_when_a_step_hangs() -> None:
    runtime = FakeRuntime()
    thread = await running(runtime)
    runtime.gate.clear()
    waiting = asyncio.create_task(thread.ask(ask(1)))
    await reached(lambda: runtime.busy)
    assert not await thread.close(0.1)
    with pytest.raises(EngineUnavailableError):
        await waiting
    runtime.gate.set()
    await reached(runtime.closed.is_set)
