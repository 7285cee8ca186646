"""Messages a second by the number format that vLLM computes in: what ``VLLM_DTYPE=auto`` chooses here, beside both.

    python -m bench number_format

One pass of the model that ships. Two processes take turns over the bundled sample (BENCH_MELD=FILE for MELD's own),
and forget their prefixes in between. On a CPU without instructions for bfloat16, ``auto`` is float32.
"""

import argparse
import asyncio
import json
import statistics
import sys

import torch

from bench.child import Child, ready
from bench.figures import Figure, working
from bench.sanm import _conversations, _label
from prompts.profile import SHIPPED_MODEL, ModelProfile, find_model
from prompts.tokenizer import PromptTokenizer
from sentistream.evaluation.asking import request_of
from trainer.examples import ExampleBuilder
from worker.engines.vllm_engine import VllmEngine
from worker.engines.vllm_environment import on_this_machine
from worker.engines.vllm_options import VllmOptions
from worker.labelling import SanmLabeller, SanmOptions

REPEATS = 3
MESSAGES = 200
FORMATS = ("float32", "bfloat16")


async def serve(dtype: str) -> None:
    """In a child: ask everything per line of standard input and print messages per second."""
    folder = find_model(SHIPPED_MODEL)
    profile = ModelProfile.read(folder)
    builder = ExampleBuilder(profile, PromptTokenizer(folder))
    examples = list(builder.examples(_conversations()))[:MESSAGES]
    requests = [request_of(index, one) for index, one in enumerate(examples)]
    engine = VllmEngine(folder, VllmOptions(dtype=dtype, answer_seconds=600.0))
    await engine.start()
    labeller = SanmLabeller(engine, profile, builder.roles, SanmOptions("one-pass"))
    await _label(engine, labeller, requests)
    print(json.dumps("ready"), flush=True)
    while await asyncio.to_thread(sys.stdin.readline):
        seconds, _ = await _label(engine, labeller, requests)
        print(json.dumps(len(requests) / seconds), flush=True)


def measure() -> list[Figure]:
    """Take turns; medians."""
    chosen = on_this_machine(VllmOptions()).dtype
    auto, other = FORMATS if chosen == "float32" else FORMATS[::-1]
    children = {name: Child("bench.number_format", "--serve", name) for name in (auto, other)}
    rates: dict[str, list[float]] = {name: [] for name in children}
    with ready(children.values(), "number_format: two engines load"):
        for number in range(REPEATS):
            with working(f"number_format: {number + 1} of {REPEATS}"):
                for name, child in children.items():
                    rates[name].append(child.measure())
    ratios = sorted(mine / theirs for mine, theirs in zip(rates[auto], rates[other], strict=True))
    note = (
        f"torch {torch.__version__} on {torch.cpu.get_capabilities().get('cpu_name', 'this CPU')}; "
        f"{REPEATS} repeats, ratios {ratios[0]:.2f} - {ratios[-1]:.2f}; the baseline is {other}"
    )
    rate, base = statistics.median(rates[auto]), statistics.median(rates[other])
    ratio = statistics.median(ratios)
    return [Figure("number_format", f"auto, here {auto}", rate, "/s", base, ratio, ">= 1", ratio >= 1, note)]


def main() -> None:
    """The child's side."""
    parser = argparse.ArgumentParser(description="Serve the benchmark of number formats")
    parser.add_argument("--serve", choices=FORMATS, required=True)
    asyncio.run(serve(parser.parse_args().serve))


if __name__ == "__main__":
    main()
