"""What the negotiation costs and brings: policy `calibrated` beside one pass, on labelled messages, by the real engine.

    BENCH_MELD=dev_sent_emo.csv python -m bench sanm

Without BENCH_MELD the bundled English sample is asked: enough for the cost, too little for a difference in F1.
The policies take turns over parts of the messages, and the engine forgets its prefixes in between.
"""

import asyncio
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path
from typing import Any, get_args

import numpy as np

from bench.figures import Figure, say, working
from prompts.profile import SHIPPED_MODEL, ModelProfile, find_model
from prompts.tokenizer import PromptTokenizer
from schemas.event import EmotionEvent, Policy
from schemas.request import SanmRequest
from sentistream.evaluation.asking import request_of
from trainer.corpora import read
from trainer.examples import Example, ExampleBuilder
from trainer.metrics import OUTLIER, Difference, Indices, flips, paired_bootstrap, weighted_f1
from worker.engines.vllm_engine import VllmEngine
from worker.engines.vllm_options import VllmOptions
from worker.labelling import SanmLabeller, SanmOptions

REPEATS = 3
PARTS = 4
_NOW = datetime(2024, 5, 1, tzinfo=UTC)


@dataclass(slots=True)
class Policed:
    """What one policy did: seconds of each repeat, and the events of the last."""

    seconds: list[float] = field(default_factory=list)
    events: list[EmotionEvent] = field(default_factory=list)


def measure(repeats: int = REPEATS) -> list[Figure]:
    """Ask everything by each policy."""
    folder = find_model(SHIPPED_MODEL)
    builder = ExampleBuilder(ModelProfile.read(folder), PromptTokenizer(folder))
    examples = list(builder.examples(_conversations()))
    found = asyncio.run(_ask(folder, builder, examples, repeats))
    return _figures(examples, found)


def _conversations() -> list[Any]:
    if path := os.environ.get("BENCH_MELD"):
        return list(read("meld", Path(path)))
    sample = files("sentistream") / "samples" / "conversations.en.jsonl"
    return list(read("jsonl", Path(str(sample))))


async def _ask(
    folder: Path, builder: ExampleBuilder, examples: Sequence[Example], repeats: int
) -> dict[Policy, Policed]:
    # A prompt at the end of the queue may wait for long: that is the benchmark's doing and no outage.
    engine = VllmEngine(folder, VllmOptions(answer_seconds=600.0))
    with working("sanm: vLLM loads the model"):
        await engine.start()
    profile = ModelProfile.read(folder)
    requests = [request_of(index, one) for index, one in enumerate(examples)]
    parts = np.array_split(np.arange(len(requests)), max(1, min(PARTS, len(requests) // 100)))
    found: dict[Policy, Policed] = {policy: Policed() for policy in get_args(Policy)}
    for repeat in range(-1, repeats):
        # The other two are for orientation.
        policies: list[Policy] = ["one-pass", "calibrated"] if repeat else ["one-pass", "calibrated", "paper", "vote3"]
        with working(f"sanm: {', '.join(policies)}, " + ("warm-up" if repeat < 0 else f"{repeat + 1} of {repeats}")):
            for one in found.values():
                one.events = [] if repeat == 0 else one.events
            spent = dict.fromkeys(policies, 0.0)
            for number, part in enumerate(parts[:1] if repeat < 0 else parts):
                for policy in policies[:: 1 if number % 2 else -1]:
                    labeller = SanmLabeller(engine, profile, builder.roles, SanmOptions(policy))
                    seconds, events = await _label(engine, labeller, [requests[index] for index in part])
                    spent[policy] += seconds
                    if repeat == 0:
                        found[policy].events += events
        if repeat >= 0:
            for policy, seconds in spent.items():
                found[policy].seconds.append(seconds)
                say(f"  {policy}: {seconds:.1f} s")
    await engine.close()
    return found


async def _label(
    engine: VllmEngine, labeller: SanmLabeller, requests: Sequence[SanmRequest]
) -> tuple[float, list[EmotionEvent]]:
    # Another policy has asked the same prompts.
    await engine._running().call(lambda runtime: runtime._engine.reset_prefix_cache())  # noqa: SLF001 - not for products
    began = time.perf_counter()
    events = await asyncio.gather(*(labeller.label(one, taken_at=_NOW) for one in requests))
    return time.perf_counter() - began, events


def _figures(examples: Sequence[Example], found: dict[Policy, Policed]) -> list[Figure]:
    names = [label.name for label in examples[0].question.parts.labels]
    truth = np.array([one.target for one in examples])
    final = {policy: _indices([event.label for event in one.events], names) for policy, one in found.items()}
    first = _indices([event.first_label for event in found["calibrated"].events], names)
    f1 = {policy: 100 * weighted_f1(truth, one, len(names)) for policy, one in final.items()}
    base = found["one-pass"]
    ratios = {
        policy: sorted(mine / other for mine, other in zip(one.seconds, base.seconds, strict=False))
        for policy, one in found.items()
    }
    ratio = float(np.median(ratios["calibrated"]))
    change = _difference(examples, truth, final["one-pass"], final["calibrated"], len(names))
    flipped = flips(truth, first, final["calibrated"])
    calls = {policy: sum(event.usage.model_calls for event in one.events) for policy, one in found.items()}
    asked = f"{len(examples)} messages of {'MELD' if 'BENCH_MELD' in os.environ else 'the bundled sample'}"
    note = (
        f"{asked}; calls a message {calls['calibrated'] / len(examples):.3f}; repeats "
        f"{ratios['calibrated'][0]:.2f} - {ratios['calibrated'][-1]:.2f}"
    )
    bootstrap = (
        f"difference {change.observed:+.2f} points, 95 % interval {change.low:+.2f} to {change.high:+.2f}, bootstrap "
        f"over conversations; right to wrong {flipped.right_to_wrong}, wrong to right {flipped.wrong_to_right}; met "
        "where the interval's lower end is"
    )
    rows = [
        Figure(
            "sanm", "calibrated, time for all", float(np.median(found["calibrated"].seconds)), "s",
            float(np.median(base.seconds)), ratio, "<= 1.15", ratio <= 1.15, note,
        ),
        Figure(
            "sanm", "calibrated, weighted F1", f1["calibrated"], "%", f1["one-pass"], None, ">= -0.5 points",
            change.low >= -0.5, bootstrap,
        ),
    ]  # fmt: skip
    for policy in ("paper", "vote3"):
        outliers = int((final[policy] == OUTLIER).sum())
        note = (
            f"{calls[policy] / len(examples):.2f} calls a message, {outliers} outliers, time x{ratios[policy][0]:.2f}"
        )
        rows.append(Figure("sanm", f"{policy}, weighted F1", f1[policy], "%", f1["one-pass"], note=note))
    return rows


def _difference(examples: Sequence[Example], truth: Indices, one: Indices, other: Indices, labels: int) -> Difference:
    """In points: what the other is better by."""
    return paired_bootstrap(
        [example.conversation for example in examples],
        lambda rows: 100 * weighted_f1(truth[rows], one[rows], labels),
        lambda rows: 100 * weighted_f1(truth[rows], other[rows], labels),
    )


def _indices(labels: Sequence[str | None], names: Sequence[str]) -> Indices:
    return np.array([OUTLIER if label is None else names.index(label) for label in labels])
