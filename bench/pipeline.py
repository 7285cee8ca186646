"""The whole pipeline on vLLM beside the same prompts, fed to the same engine class directly, in large batches.

    python -m bench pipeline

Both sides take turns over messages that neither has met: the pipeline makes the requests of a turn, and the direct
side, a process with an engine of its own, then reads these requests and asks their prompts. What the machine's other
load does hits both alike.
"""

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from bench.cpu import cpu_seconds
from bench.figures import Figure, say, working
from bench.pipeline_rig import Rig, chatter, pipeline

ROOT = Path(__file__).parents[1]
MESSAGES = 800
TURNS = 5
CONVERSATIONS = 50
_PIPELINE = ("worker", "stream", "Kafka", "Redis")


@dataclass(frozen=True, slots=True)
class Turn:
    """One turn of both sides.

    Attributes:
        piped: messages a second of the pipeline.
        direct: of the engine alone.
        tokens: of a message's prompt, the same on both sides.
        cpu_ms: CPU milliseconds a message by part; `direct` is the engine alone.
    """

    piped: float
    direct: float
    tokens: float
    cpu_ms: dict[str, float]

    @property
    def ratio(self) -> float:
        """The pipeline's rate, where 1 is the direct one."""
        return self.piped / self.direct


class DirectSide:
    """The process of `bench.direct`."""

    def __init__(self, rig: Rig) -> None:
        """Start it; the model loads meanwhile."""
        environment = {**os.environ, "TOPIC_PREFIX": rig.names.topic_prefix}
        environment["KAFKA_BOOTSTRAP_SERVERS"] = rig.kafka.kafka_bootstrap_servers
        self._log = rig.folder / "direct.log"
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "bench.direct"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                cwd=ROOT,
                env=environment,
            )

    def __enter__(self) -> Self:
        """Itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """End it."""
        self._process.kill()
        self._process.wait()

    def ready(self) -> None:
        """Wait until the model is there."""
        self._read()

    def rate(self, count: int) -> tuple[float, float]:
        """Let it ask the next so many requests' prompts; prompts per second, tokens per prompt."""
        assert self._process.stdin is not None  # noqa: S101 - PIPE above
        self._process.stdin.write(f"{count}\n")
        self._process.stdin.flush()
        rate, tokens = self._read()
        return rate, tokens

    def _read(self) -> list[float]:
        assert self._process.stdout is not None  # noqa: S101 - PIPE above
        for line in self._process.stdout:
            if line.startswith("RESULT"):
                found: list[float] = json.loads(line.removeprefix("RESULT"))
                return found
        raise SystemExit(f"the direct side ended:\n{self._log.read_text(encoding='utf-8')[-3000:]}")


def measure(turns: int = TURNS, messages: int = MESSAGES) -> list[Figure]:
    """Take turns, after one for warming up; medians."""
    with pipeline({"ENGINE": "vllm", "SANM_POLICY": "one-pass"}, "pipeline") as rig, DirectSide(rig) as direct:
        with working("pipeline: the direct side's engine"):
            direct.ready()
        # Every conversation gets its history here.
        _turn(rig, direct, CONVERSATIONS * 6, 0)
        found = [_turn(rig, direct, messages, 0, start=CONVERSATIONS * 6 + index * messages) for index in range(turns)]
    ratio = statistics.median(one.ratio for one in found)
    piped, straight = statistics.median(one.piped for one in found), statistics.median(one.direct for one in found)
    tokens = statistics.median(one.tokens for one in found)
    note = (
        f"{turns} turns of {messages} messages, 5 turns of history, {tokens:.0f} tokens each "
        f"({piped * tokens:,.0f} tokens/s beside {straight * tokens:,.0f}); ratios "
        f"{min(one.ratio for one in found):.2f} - {max(one.ratio for one in found):.2f}; CPU ms a message: "
        f"{_parts(found)}; baseline: the engine alone"
    )
    return [
        Figure(
            "pipeline", "whole pipeline on vLLM", piped, "messages/s", straight, ratio, ">= 0.85", ratio >= 0.85, note
        )
    ]


def _parts(turns: Sequence[Turn]) -> str:
    """Medians of the CPU milliseconds."""
    cpu = {part: statistics.median(one.cpu_ms[part] for one in turns) for part in turns[0].cpu_ms}
    parts = ", ".join(f"{part} {cpu[part]:.2f}" for part in _PIPELINE)
    return f"{parts}, together {sum(cpu[part] for part in _PIPELINE):.2f}; the engine alone {cpu['direct']:.2f}"


def _turn(rig: Rig, direct: DirectSide, count: int, seed: int, start: int = 0) -> Turn:
    with working(f"pipeline: {count} messages, then the same prompts directly"):
        before = cpu_seconds()
        for message in chatter(start + count, seed, CONVERSATIONS)[start:]:
            rig.publish(message)
        rig.flush()
        arrivals = rig.arrivals(count)
        between = cpu_seconds()
        first, last = arrivals[0].at, arrivals[-1].at
        piped = sum(one.at > first for one in arrivals) / (last - first)
        # The worker's last transactions are over; its consumer idles from here on.
        time.sleep(0.5)
        rate, tokens = direct.rate(count)
        after = cpu_seconds()
    own = statistics.fmean(one.prompt_tokens for one in arrivals)
    if abs(own - tokens) > 0.01:
        raise SystemExit(f"not the same prompts: {own:.2f} tokens each in the pipeline, {tokens:.2f} directly")
    piped_cpu = {part: 1000 * (between[part] - before[part]) / count for part in _PIPELINE}
    turn = Turn(piped, rate, tokens, {**piped_cpu, "direct": 1000 * (after["direct"] - between["direct"]) / count})
    say(f"  {piped:.0f} messages/s, directly {rate:.0f}: {turn.ratio:.2f}; CPU ms a message: {_parts([turn])}")
    return turn
