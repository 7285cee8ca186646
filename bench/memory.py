"""What training on the CPU grows by: lengths rounded as `trainer.batches.collate` does, beside lengths as they come.

    python -m bench memory

oneDNN keeps what it made for every shape that it meets. Each side runs in a process of its own, on the same lengths.
"""

import subprocess
import sys
from dataclasses import dataclass

import numpy as np

from bench.figures import Figure, working

STEPS = 90
_WARM = 10
_ROWS = 8


def measure() -> list[Figure]:
    """Both sides, one after the other."""
    grown = {lengths: _apart(lengths) for lengths in (16, 1)}
    note = f"{STEPS} steps of {_ROWS} rows, after {_WARM} to warm up; lengths are log-normal from 20 to 300"
    return [
        Figure(
            "memory", "resident memory grows by", grown[16], "GiB", grown[1], grown[16] / max(grown[1], 1e-3),
            "< 0.5", grown[16] < 0.5 * grown[1], note,
        ),
    ]  # fmt: skip


def _apart(lengths: int) -> float:
    with working(f"memory: lengths in multiples of {lengths}"):
        command = [sys.executable, "-m", "bench.memory", str(lengths)]
        return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


@dataclass(frozen=True, slots=True)
class _Row:
    label_ids: tuple[int, ...] = (5, 6, 7)
    target: int = 0


def _grow(lengths: int) -> float:
    """GiB from the end of the warm-up to the end."""
    import psutil
    import torch

    from prompts.profile import SHIPPED_MODEL, find_model
    from trainer.batches import collate
    from trainer.decisions import decide, loss
    from trainer.lora.loading import load_base
    from trainer.rounds import Sequence

    model = load_base(find_model(SHIPPED_MODEL), dtype=torch.float32, device=torch.device("cpu")).train()
    optimizer = torch.optim.AdamW(model.parameters(), 1e-5, fused=True)
    rng, process, before = np.random.default_rng(0), psutil.Process(), 0
    for step in range(_WARM + STEPS):
        if step == _WARM:
            before = process.memory_info().rss
        length = int(np.clip(rng.lognormal(4.3, 0.5), 20, 300))
        ids = tuple(int(one) for one in rng.integers(1000, 20000, length))
        batch = collate([Sequence(ids, (length - 1,))] * _ROWS, [_Row()] * _ROWS, 0, lengths)
        with torch.autocast("cpu", torch.bfloat16):
            loss(decide(model, batch, vocabulary=True), batch, 0.3).backward()
        optimizer.step()
        optimizer.zero_grad()
    return float((process.memory_info().rss - before) / 2**30)


if __name__ == "__main__":
    print(_grow(int(sys.argv[1])))
