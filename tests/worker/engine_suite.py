"""What every engine must do, whatever answers behind it; subclasses give a ``subject``."""

import asyncio
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

import pytest

from prompts.roles import Prompt
from schemas.taxonomy import Label
from worker.engines.contract import (
    Adapter,
    AdapterRefusedError,
    Choice,
    Engine,
    EngineUnavailableError,
    PromptRefusedError,
)


@dataclass(frozen=True)
class Subject:
    """An engine, started, and what it can be asked.

    Attributes:
        tokens: ids that prompts are made from.
        refused: a prompt that can never be answered.
        adapters: two that change answers.
        broken: a folder that is no adapter.
    """

    engine: Engine
    labels: Sequence[Label]
    tokens: range
    refused: Prompt
    adapters: tuple[Path, Path]
    broken: Path

    def prompts(self, count: int, seed: int = 0) -> list[Prompt]:
        draw = Random(seed)
        return [Prompt(tuple(draw.choices(self.tokens, k=draw.randrange(2, 60)))) for _ in range(count)]

    async def choose(self, prompts: Sequence[Prompt], adapter: str | None = None) -> list[Choice]:
        return await asyncio.gather(*(self.engine.choose(one, self.labels, adapter=adapter) for one in prompts))


def same(one: Choice, other: Choice) -> bool:
    return one.label == other.label and one.logprobs == pytest.approx(other.logprobs, abs=2e-3)


class EngineSuite:
    """Inherited by one class per engine. The last test closes the engine."""

    async def test_a_decision_is_the_likeliest_of_a_closed_set(self, subject: Subject) -> None:
        names = {label.name for label in subject.labels}
        for prompt, choice in zip(asked := subject.prompts(20), await subject.choose(asked), strict=True):
            assert set(choice.logprobs) == names
            assert sum(map(math.exp, choice.logprobs.values())) == pytest.approx(1, abs=1e-3)
            assert choice.label == max(choice.logprobs, key=choice.logprobs.__getitem__)
            assert (choice.prompt_tokens, choice.completion_tokens) == (len(prompt.token_ids), 1)
            assert choice.seconds >= 0

    async def test_a_smaller_set_is_closed_too(self, subject: Subject) -> None:
        few = subject.labels[1:3]
        for prompt in subject.prompts(5, seed=1):
            choice = await subject.engine.choose(prompt, few)
            assert set(choice.logprobs) == {label.name for label in few}
            assert choice.label in choice.logprobs

    async def test_company_changes_no_answer(self, subject: Subject) -> None:
        asked = subject.prompts(40, seed=2)
        together = await subject.choose(asked)
        alone = [await subject.engine.choose(one, subject.labels) for one in asked[:5]]
        assert all(same(one, other) for one, other in zip(alone, together[:5], strict=True))
        assert len({choice.label for choice in together}) > 1

    async def test_a_seed_draws_and_the_same_seed_draws_the_same(self, subject: Subject) -> None:
        (prompt,) = subject.prompts(1, seed=3)

        async def draw(seed: int) -> str | None:
            return (await subject.engine.choose(prompt, subject.labels, sample_seed=seed)).label

        drawn = [await draw(seed) for seed in range(25)]
        assert len(set(drawn)) > 1
        assert drawn[:5] == [await draw(seed) for seed in range(5)]

    async def test_versions_live_side_by_side_until_they_are_dropped(self, subject: Subject) -> None:
        asked = subject.prompts(6, seed=4)
        before = await subject.choose(asked)
        for version, path in zip(("v1", "v2"), subject.adapters, strict=True):
            await subject.engine.load_adapter(Adapter(version, path))
        base, first, second = await asyncio.gather(*(subject.choose(asked, one) for one in (None, "v1", "v2")))
        assert all(same(one, other) for one, other in zip(base, before, strict=True))
        assert not all(same(one, other) for one, other in zip(base, first, strict=True))
        assert not all(same(one, other) for one, other in zip(first, second, strict=True))
        await subject.engine.drop_adapter("v1")
        with pytest.raises(EngineUnavailableError, match="v1"):
            await subject.choose(asked, "v1")
        assert all(same(*pair) for pair in zip(second, await subject.choose(asked, "v2"), strict=True))
        await subject.engine.drop_adapter("v2")
        await subject.engine.drop_adapter("never-there")

    async def test_a_broken_adapter_is_refused_and_changes_nothing(self, subject: Subject) -> None:
        asked = subject.prompts(3, seed=5)
        before = await subject.choose(asked)
        with pytest.raises(AdapterRefusedError):
            await subject.engine.load_adapter(Adapter("broken", subject.broken))
        with pytest.raises(EngineUnavailableError, match="broken"):
            await subject.choose(asked, "broken")
        assert all(same(*pair) for pair in zip(before, await subject.choose(asked), strict=True))

    async def test_a_prompt_that_never_fits_is_its_own_problem(self, subject: Subject) -> None:
        asked = [*subject.prompts(3, seed=6), subject.refused, *subject.prompts(3, seed=7)]
        calls = [subject.engine.choose(one, subject.labels) for one in asked]
        answers = await asyncio.gather(*calls, return_exceptions=True)
        assert [type(one) for one in answers] == [Choice] * 3 + [PromptRefusedError] + [Choice] * 3

    async def test_words_are_not_for_completion_prompts(self, subject: Subject) -> None:
        with pytest.raises(PromptRefusedError):
            await subject.engine.write(subject.prompts(1)[0], max_tokens=10)

    async def test_who_gives_up_waiting_leaves_room(self, subject: Subject) -> None:
        asked = subject.prompts(30, seed=8)
        tasks = [asyncio.create_task(subject.engine.choose(one, subject.labels)) for one in asked]
        await asyncio.sleep(0)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        assert all(choice.label for choice in await subject.choose(asked[:5]))

    async def test_once_closed_it_is_out(self, subject: Subject) -> None:
        await subject.engine.close()
        with pytest.raises(EngineUnavailableError):
            await subject.choose(subject.prompts(1))
        await subject.engine.close()
