"""What a LoRA adapter costs on the CPU: none, with this product's plugin, with vLLM's own kernels.

    python -m bench lora

A 22-million-parameter OPT with random weights, prompts of 64 tokens, one token out. Two processes, one with and one
without the plugin, take turns within each repeat, so that the machine's other load hits all rows alike; each ratio is
to the same process's run without adapter just before.
"""

import argparse
import json
import random
import statistics
import sys
import tempfile
import time
from pathlib import Path

from bench.child import Child, ready
from bench.figures import Figure, working

AMONG = tuple(range(2000, 2007))
REPEATS = 7
PROMPTS = 128
PLUGIN = "the product's plugin"


def make_model(folder: Path) -> Path:
    """An untrained OPT of the shape of sentistream-en-22m, which shipped first."""
    from transformers import OPTConfig, OPTForCausalLM

    config = OPTConfig(
        vocab_size=30522,
        hidden_size=384,
        word_embed_proj_dim=384,
        num_hidden_layers=6,
        ffn_dim=1536,
        num_attention_heads=12,
        max_position_embeddings=512,
        do_layer_norm_before=False,
        activation_function="gelu",
    )
    OPTForCausalLM(config).bfloat16().save_pretrained(folder)
    return folder


def serve(model: Path, adapter: Path, *, plugin: bool) -> None:
    """In a child: measure one way per line of standard input and print prompts per second."""
    from worker.engines import cpu_lora
    from worker.engines.vllm_options import VllmOptions
    from worker.engines.vllm_runtime import Ask, VllmRuntime

    if not plugin:
        cpu_lora.register = lambda: None
    runtime = VllmRuntime(model, 512, VllmOptions(max_adapter_rank=8))
    handle = runtime.add_adapter("bench", 1, adapter)
    for one in (None, handle):
        runtime.warm(one)
    print(json.dumps("ready"), flush=True)
    draw = random.Random(0)
    for line in sys.stdin:
        way, count = json.loads(line)
        began = time.perf_counter()
        for index in range(count):
            ids = [draw.randrange(1000, 30000) for _ in range(64)]
            runtime.submit(str(index), Ask(ids, AMONG, handle if way == "adapter" else None))
        while runtime.busy:
            runtime.step()
        print(json.dumps(count / (time.perf_counter() - began)), flush=True)


def measure() -> list[Figure]:
    """With the plugin, and with vLLM's own kernels."""
    from tests.worker.tiny_opt import make_adapter

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make_adapter(make_model(folder / "model"), folder / "adapter", seed=1)
        return compare(folder, REPEATS, PROMPTS)


def compare(folder: Path, repeats: int, prompts: int) -> list[Figure]:
    """Take turns; medians."""
    words = ("bench.lora", "--serve", str(folder))
    children = {PLUGIN: Child(*words, "--plugin"), "vLLM's own kernels": Child(*words)}
    none: list[float] = []
    rates: dict[str, list[float]] = {title: [] for title in children}
    costs: dict[str, list[float]] = {title: [] for title in children}
    with ready(children.values(), "lora: two engines load"):
        for number in range(repeats):
            with working(f"lora: {number + 1} of {repeats}"):
                for title, child in children.items():
                    # vLLM's own kernels are so slow that fewer prompts do.
                    count = prompts if title == PLUGIN else max(prompts // 2, 32)
                    without, adapter = (child.measure(way, count) for way in ("none", "adapter"))
                    none.append(without)
                    rates[title].append(adapter)
                    costs[title].append(without / adapter)
    base = statistics.median(none)
    return [_figure(title, statistics.median(rates[title]), base, costs[title]) for title in children]


def _figure(title: str, rate: float, base: float, costs: list[float]) -> Figure:
    cost = statistics.median(costs)
    return Figure(
        row="lora",
        what=f"adapter on the CPU, {title}",
        value=rate,
        unit="prompts/s",
        baseline=base,
        ratio=cost,
        target="cost <= 1.40" if title == PLUGIN else "",
        met=cost <= 1.4 if title == PLUGIN else None,
        note=f"costs {min(costs):.2f} - {max(costs):.2f} times no adapter, which is the baseline",
    )


def main() -> None:
    """The child's side."""
    parser = argparse.ArgumentParser(description="Serve the benchmark of adapters")
    parser.add_argument("--serve", type=Path, required=True)
    parser.add_argument("--plugin", action="store_true")
    given = parser.parse_args()
    serve(given.serve / "model", given.serve / "adapter", plugin=given.plugin)


if __name__ == "__main__":
    main()
