"""Swaps under load on the real vLLM with the model that ships."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import pytest

from prompts.profile import SHIPPED_MODEL, ModelProfile, find_model
from prompts.roles import RolePrompts
from prompts.tokenizer import PromptTokenizer
from schemas.adapter import weights_sha256
from schemas.event import EmotionEvent
from schemas.release import AdapterRelease
from schemas.request import SanmRequest
from tests.worker.adapter_folder import add_metadata, release_of
from tests.worker.model_folder import parts_of, request_of
from tests.worker.tiny_opt import make_adapter
from worker.adapter_checks import AdapterFolders, ServedModel
from worker.adapters import LiveAdapter
from worker.engines.vllm_engine import VllmEngine
from worker.engines.vllm_options import VllmOptions
from worker.labelling import SanmLabeller, SanmOptions
from worker.warm_question import WarmQuestion

pytestmark = [pytest.mark.vllm, pytest.mark.timeout(600)]

# float32, so that sums in another order stay within the tolerance.
OPTIONS = VllmOptions(dtype="float32", max_num_seqs=32, max_batched_tokens=1024, kv_cache_mb=64, max_adapter_rank=8)
TEXTS = ("good news", "bad news so what", "so what", "good good news ben", "bad ana bad")
ORDER = ("v1", "v2", None, "v1", "v3", "v2", None)


class Served:
    """The model that ships, with three adapters for it."""

    def __init__(self, folder: Path) -> None:
        model = find_model(SHIPPED_MODEL)
        profile = ModelProfile.read(model)
        roles = RolePrompts(profile, PromptTokenizer(model))
        base = weights_sha256(model)
        self.name = profile.name
        self.folders: dict[str | None, Path] = {
            version: add_metadata(
                make_adapter(model, folder / version, seed, rank=4),
                version,
                profile.name,
                base_sha256=base,
                temperature=float(seed),
            )
            for seed, version in enumerate(("v1", "v2", "v3"), 1)
        }
        self.engine = VllmEngine(model, OPTIONS)
        checked = AdapterFolders(folder / "cache", ServedModel(profile.name, model), max_rank=8)
        self.live = LiveAdapter(self.engine, checked, WarmQuestion(self.engine, profile, roles))
        self.labeller = SanmLabeller(self.engine, profile, roles, SanmOptions("one-pass"), self.live)

    def release(self, version: str | None) -> AdapterRelease:
        return release_of(self.folders.get(version), version, self.name)

    async def label(self, request: SanmRequest) -> EmotionEvent:
        return await self.labeller.label(request, taken_at=datetime.now(UTC))


def request(at: int) -> SanmRequest:
    return request_of(parts_of(TEXTS[at % len(TEXTS)], parts=("I", "H", "L")), at)


async def test_every_message_is_answered_by_the_version_that_its_event_names(tmp_path: Path) -> None:
    served = Served(tmp_path)
    await served.engine.start()
    try:
        events = await _swap_under_load(served)
        expected = {version: await _answers(served, version) for version in set(ORDER)}
    finally:
        await served.engine.close()
    assert {event.adapter for event in events} == set(ORDER)
    for event in events:
        wanted = expected[event.adapter][event.source.offset % len(TEXTS)]
        assert event.scores == pytest.approx(wanted, abs=2e-3)
    # Otherwise it would prove nothing: the versions answer differently.
    first = [expected[version][0] for version in ("v1", "v2", "v3", None)]
    assert all(one != pytest.approx(other, abs=0.02) for at, one in enumerate(first) for other in first[:at])


async def _swap_under_load(served: Served) -> list[EmotionEvent]:
    """Some requests are always in flight; one that fails fails the test."""
    done = asyncio.Event()
    events: list[EmotionEvent] = []

    async def flow(lane: int) -> None:
        at = lane
        while not done.is_set():
            events.append(await served.label(request(at)))
            at += 8

    async with asyncio.TaskGroup() as lanes:
        for lane in range(8):
            lanes.create_task(flow(lane))
        for version in ORDER:
            await served.live.apply(served.release(version))
            assert served.live.version == version
            before = len(events)
            async with asyncio.timeout(120):
                while len(events) < before + 40:  # noqa: ASYNC110 -- there is nothing to be told by
                    await asyncio.sleep(0.01)
        done.set()
    return events


async def _answers(served: Served, version: str | None) -> list[dict[str, float]]:
    """What a version says of each text when nothing else goes on."""
    await served.live.apply(served.release(version))
    return [dict((await served.label(request(at))).scores) for at in range(len(TEXTS))]
