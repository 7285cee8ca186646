"""From the start of `sentistream worker` to its first answer being possible, for orientation."""

import os
import statistics
import tempfile
import time
from pathlib import Path

from bench.figures import Figure, working
from schemas.topics import TopicNames
from sentistream.embedded import EmbeddedStack
from sentistream.embedded.ports import kept_ports
from sentistream.services import Service, environment_of
from worker.metrics import PARTITIONS

TURNS = 2
_DEADLINE_S = 400.0
_ASSIGNED = next(iter(PARTITIONS.describe())).name


def measure(turns: int = TURNS) -> list[Figure]:
    """The worker with vLLM beside itself with the scripted engine, in turns."""
    seconds: dict[str, list[float]] = {"vllm": [], "scripted": []}
    with tempfile.TemporaryDirectory(prefix="sentistream-bench-") as name:
        folder = Path(name)
        with EmbeddedStack(folder, names=TopicNames(topic_prefix=f"bench-start-{os.getpid()}."), partitions=3) as stack:
            for _ in range(turns):
                for engine, found in seconds.items():
                    with working(f"start: worker, engine {engine}"):
                        found.append(_start(stack, folder, engine))
    vllm, scripted = (statistics.median(found) for found in seconds.values())
    spread = f"{min(seconds['vllm']):.1f} - {max(seconds['vllm']):.1f}; baseline: the scripted engine"
    return [Figure("start", "worker, from process to ready", vllm, "s", scripted, vllm / scripted, note=spread)]


def _start(stack: EmbeddedStack, folder: Path, engine: str) -> float:
    (port,) = kept_ports(folder / "ports.json", 1)
    environment = {
        **environment_of(stack.kafka, stack.redis),
        **stack.environment(),
        "ENGINE": engine,
        "WORKER_ID": "bench",
        "METRICS_HOST": "127.0.0.1",
        "METRICS_PORT": str(port),
    }
    began = time.monotonic()
    worker = Service("worker", _ASSIGNED, port, folder, environment)
    try:
        while not worker.is_ready:
            worker.check()
            if time.monotonic() - began > _DEADLINE_S:
                raise SystemExit(f"the worker was not ready within {_DEADLINE_S:.0f} s")
            time.sleep(0.05)
        return time.monotonic() - began
    finally:
        worker.stop()
