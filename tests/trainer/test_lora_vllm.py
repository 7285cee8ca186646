"""What was trained is what is served: the worker's vLLM answers with an adapter as the trainer's torch does."""

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.special import log_softmax

from prompts.profile import SHIPPED_MODEL, find_model
from prompts.roles import Prompt
from tests.trainer.lora_rig import examples_of, recipe
from trainer.examples import Example
from trainer.lora.loading import load_for_answers
from trainer.lora.train import train_adapter
from trainer.predict import label_logits
from worker.engines.contract import Adapter
from worker.engines.vllm_adapters import check_adapter
from worker.engines.vllm_engine import VllmEngine
from worker.engines.vllm_options import VllmOptions

pytestmark = [pytest.mark.vllm, pytest.mark.timeout(600)]

#: bfloat16 keeps 8 bits, and both sides add in another order, through six layers.
TOLERANCE = 0.15


async def ask(engine: VllmEngine, example: Example, adapter: str | None) -> list[float]:
    labels = example.question.parts.labels
    choice = await engine.choose(Prompt(example.question.opening), labels, adapter=adapter)
    return [choice.logprobs[label.name] for label in labels]


def expected(base: Path, adapter: Path | None, examples: Sequence[Example]) -> NDArray[np.float64]:
    found: NDArray[np.float64] = log_softmax(label_logits(load_for_answers(base, adapter), list(examples)), axis=-1)
    return found


async def test_vllm_and_torch_agree_with_and_without_the_adapter_in_one_batch(
    tmp_path: Path, meld_file: Callable[[int], Path]
) -> None:
    base = find_model(SHIPPED_MODEL)
    examples = examples_of(base, meld_file(8))
    out = tmp_path / "adapter"
    made = recipe(precision="bf16", rank=16, max_steps=8, learning_rate=5e-3)
    await asyncio.to_thread(train_adapter, base, made, examples, [], tmp_path / "work", out)
    check_adapter(out, base, max_rank=16)

    engine = VllmEngine(base, VllmOptions(max_num_seqs=16, max_batched_tokens=512, kv_cache_mb=64, max_adapter_rank=16))
    await engine.start()
    try:
        await engine.load_adapter(Adapter("v1", out))
        versions = [None, "v1"] * len(examples)
        pairs = [example for example in examples for _ in range(2)]
        asked = [ask(engine, *pair) for pair in zip(pairs, versions, strict=True)]
        answers = np.array(await asyncio.gather(*asked))
    finally:
        await engine.close()
    without, with_adapter = expected(base, None, examples), expected(base, out, examples)
    assert np.abs(with_adapter - without).max() > 1, "the adapter changes answers"
    np.testing.assert_allclose(answers[0::2], without, atol=TOLERANCE)
    np.testing.assert_allclose(answers[1::2], with_adapter, atol=TOLERANCE)
