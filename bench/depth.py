"""What each depth of the verification brings and costs: messages a second and F1, by the real engine.

    BENCH_MELD=dev_sent_emo.csv python -m bench depth

One labeller is asked as a worker with SANM_DEPTH=adaptive asks it: by the policy of the moment. The depths take turns
over parts of the messages, and the engine forgets its prefixes in between. See bench/sanm.py for BENCH_MELD.
"""

import asyncio
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from bench.figures import Figure, say, working
from bench.sanm import PARTS, _conversations, _indices
from prompts.profile import SHIPPED_MODEL, ModelProfile, find_model
from prompts.tokenizer import PromptTokenizer
from schemas.event import EmotionEvent, Policy
from schemas.request import SanmRequest
from sentistream.evaluation.asking import request_of
from trainer.examples import Example, ExampleBuilder
from trainer.metrics import OUTLIER, weighted_f1
from worker.depth import DEPTHS
from worker.engines.vllm_engine import VllmEngine
from worker.engines.vllm_options import VllmOptions
from worker.labelling import SanmLabeller, SanmOptions

#: Of the first part, before anything is measured.
_WARM_UP = 50


@dataclass(slots=True)
class Asked:
    """What one depth did."""

    seconds: list[float] = field(default_factory=list)
    events: list[EmotionEvent] = field(default_factory=list)


def measure() -> list[Figure]:
    """Ask everything at each depth."""
    folder = find_model(SHIPPED_MODEL)
    builder = ExampleBuilder(ModelProfile.read(folder), PromptTokenizer(folder))
    examples = list(builder.examples(_conversations()))
    found = asyncio.run(_ask_all(VllmEngine(folder, VllmOptions(answer_seconds=600.0)), builder, examples))
    return [_figure(depth, examples, found) for depth in DEPTHS]


async def _ask_all(engine: VllmEngine, builder: ExampleBuilder, examples: Sequence[Example]) -> dict[Policy, Asked]:
    requests = [request_of(index, one) for index, one in enumerate(examples)]
    parts = np.array_split(np.arange(len(requests)), max(1, min(PARTS, len(requests) // 100)))
    found: dict[Policy, Asked] = {depth: Asked() for depth in DEPTHS}
    with working("depth: vLLM loads the model"):
        await engine.start()
    labeller = SanmLabeller(engine, builder.roles.profile, builder.roles, SanmOptions("paper"))
    await _ask(engine, labeller, requests[:_WARM_UP], "paper")
    for number, part in enumerate(parts):
        with working(f"depth: part {number + 1} of {len(parts)}"):
            for depth in DEPTHS[:: 1 if number % 2 else -1]:
                seconds, events = await _ask(engine, labeller, [requests[index] for index in part], depth)
                found[depth].seconds.append(seconds)
                found[depth].events += events
    await engine.close()
    return found


async def _ask(
    engine: VllmEngine, labeller: SanmLabeller, requests: Sequence[SanmRequest], depth: Policy
) -> tuple[float, list[EmotionEvent]]:
    # Another depth has asked the same prompts.
    await engine._running().call(lambda runtime: runtime._engine.reset_prefix_cache())  # noqa: SLF001 - not for products
    began = time.perf_counter()
    events = await asyncio.gather(*(labeller.label(one, taken_at=one.requested_at, policy=depth) for one in requests))
    return time.perf_counter() - began, events


def _figure(depth: Policy, examples: Sequence[Example], found: dict[Policy, Asked]) -> Figure:
    names = [label.name for label in examples[0].question.parts.labels]
    truth = np.array([one.target for one in examples])
    rates = {policy: len(examples) / sum(one.seconds) for policy, one in found.items()}
    mine = found[depth]
    if any(event.policy != depth for event in mine.events):
        raise SystemExit(f"an event names another policy than {depth}")
    final = _indices([event.label for event in mine.events], names)
    calls = sum(event.usage.model_calls for event in mine.events) / len(examples)
    f1 = 100 * weighted_f1(truth, final, len(names))
    say(f"  {depth}: {rates[depth]:.1f} messages/s, weighted F1 {f1:.1f}")
    note = (
        f"weighted F1 {f1:.1f} %; {calls:.2f} calls a message, {int((final == OUTLIER).sum())} outliers; "
        f"{len(examples)} messages of {'MELD' if 'BENCH_MELD' in os.environ else 'the bundled sample'}, "
        f"in {len(mine.seconds)} parts; baseline: paper"
    )
    base = rates["paper"]
    return Figure("depth", f"{depth}, weighted F1 {f1:.1f}", rates[depth], "/s", base, rates[depth] / base, note=note)
