"""The time that a message spends outside the model, at half of the rate that the pipeline can do.

    python -m bench latency

Stream, worker, Kafka and Redis as they are; the scripted engine answers after a constant delay. A platform's broker has
run for days, and Java has compiled what it does over and over: the embedded one therefore may use its optimising
compiler here, and is warmed for minutes before anything is measured. The top rate is the
highest steady one at which events keep up with messages: a burst, which is read in large batches, is cheaper a message
and says what a backlog is worked off at. A message's time runs
from its publisher's client to a reader of what is committed, less the model's calls, and less what its finished event
waited for those before it in its partition: that is the price of the order.
"""

import gc
import os
import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import numpy as np

from bench.cpu import cpu_seconds
from bench.figures import Figure, say, working
from bench.pipeline_rig import Arrival, Rig, chatter, pipeline

#: As long as a small model's answer takes.
DELAY_S = 0.05
BURST = 6_000
TURNS = 3
SECONDS = 12
CONVERSATIONS = 300
#: The share of each run that is left out at its beginning.
WARM_UP = 0.2
#: The broker's warm-up, in parts that are made beforehand one by one.
WARM_RATE = 1_000.0
WARM_PARTS = 8
WARM_PART_S = 15.0
#: A rate is kept up with when the last event comes so long after the last message, at most.
KEPT_UP_S = 1.0
#: Messages are handed over so often: one at a time would make the publisher the costliest part of the machine.
TICK_S = 0.005
SEARCH_SECONDS = 6
SEARCH_STEPS = 5


def measure(turns: int = TURNS, rate: float | None = None) -> list[Figure]:
    """Top rate first, then turns at half of it; the figures are medians of the turns'."""
    environment = {
        "ENGINE": "scripted",
        "SCRIPTED_DELAY_SECONDS": str(DELAY_S),
        "SCRIPTED_JITTER": "false",
        "SANM_POLICY": "one-pass",
    }
    with pipeline(environment, "latency", optimised=True) as rig:
        _burst(rig, 2_000, 100)
        for part in range(WARM_PARTS):
            _steady(rig, WARM_RATE, 1_000 + part, WARM_PART_S)
        burst = [_burst(rig, BURST, seed) for seed in range(3)]
        say(f"  bursts {[round(one) for one in burst]} messages/s")
        top = 2 * rate if rate else _top_rate(rig, statistics.median(burst))
        rate = top / 2
        say(f"  top rate {top:.0f} messages/s; at {rate:.0f}/s:")
        found = [_steady(rig, rate, 10 + turn) for turn in range(turns)]
        _keep_logs(rig)
    outside = [_percentiles([_outside(one) for one in run]) for run in found]
    prefix = [_percentiles([one.prefix_s for one in run]) for run in found]
    for run, (p50, p99), (w50, w99) in zip(found, outside, prefix, strict=True):
        say(f"  outside p50 {p50:.1f} p99 {p99:.1f} ms; for the prefix p50 {w50:.1f} p99 {w99:.1f} ms; {_steps(run)}")
    return _figures(burst, top, outside, prefix)


def _figures(
    burst: list[float], top: float, outside: list[tuple[float, float]], prefix: list[tuple[float, float]]
) -> list[Figure]:
    p50, p99 = (statistics.median(one[part] for one in outside) for part in (0, 1))
    waits = ", ".join(
        f"p{name} {statistics.median(one[part] for one in prefix):.1f}" for part, name in ((0, 50), (1, 99))
    )
    note = f"at {top / 2:.0f} messages/s, half of the top rate; waiting for the prefix, counted apart: {waits} ms"
    delay = DELAY_S * 1000
    spread = [f"turns {min(part):.1f} - {max(part):.1f}" for part in zip(*outside, strict=True)]
    middle = f"{spread[0]}; {note}; baseline: the model's own delay"
    return [
        Figure("latency", "a burst's rate, scripted engine", statistics.median(burst), "messages/s"),
        Figure("latency", "top rate that is kept up with", top, "messages/s"),
        Figure("latency", "outside the model, p50", p50, "ms", delay, None, "<= 30 ms", p50 <= 30, middle),
        Figure("latency", "outside the model, p99", p99, "ms", delay, None, "<= 100 ms", p99 <= 100, spread[1]),
    ]


def _burst(rig: Rig, count: int, seed: int) -> float:
    """Messages per second from the first event to the last, after everything was published at once."""
    for message in chatter(count, seed, CONVERSATIONS):
        rig.publish(message)
    arrivals = rig.arrivals(count)
    first, last = arrivals[0].at, arrivals[-1].at
    return sum(one.at > first for one in arrivals) / (last - first)


def _top_rate(rig: Rig, burst: float) -> float:
    """The highest steady rate that is kept up with, by bisection between a quarter of a burst's rate and all of it."""
    low, high = burst / 4, burst
    for step in range(SEARCH_STEPS):
        rate = (low + high) / 2
        run = _steady(rig, rate, 100 + step, SEARCH_SECONDS)
        late = max(one.at for one in run) - max(one.sent_at for one in run)
        say(f"  {rate:.0f}/s: the last event {late:.2f} s after the last message")
        low, high = (rate, high) if late <= KEPT_UP_S else (low, rate)
    return low


def _steady(rig: Rig, rate: float, seed: int, seconds: float = SECONDS) -> list[Arrival]:
    """Publish at a steady rate and return what came of it, without the warm-up."""
    count = int(rate * seconds)
    messages = chatter(count, seed, CONVERSATIONS)
    lump = max(round(rate * TICK_S), 1)
    records: list[tuple[float, Any]] = []
    with working(f"latency: {count} messages at {rate:.0f}/s"), _uncollected():
        began, before = time.monotonic(), cpu_seconds()
        for index, message in enumerate(messages):
            if index % lump == 0:
                while (wait := began + index / rate - time.monotonic()) > 0:
                    records += rig.poll(wait)
            rig.publish(message)
        # Read once all are here: reading thousands of them holds up the ones that are still to come.
        records += rig.records(count - len(records))
        arrivals = rig.read(records)
    took, after = time.monotonic() - began, cpu_seconds()
    say("  cores in use: " + ", ".join(f"{part} {(after[part] - before[part]) / took:.2f}" for part in after))
    arrivals.sort(key=lambda one: one.sent_at)
    return arrivals[int(count * WARM_UP) :]


@contextmanager
def _uncollected() -> Iterator[None]:
    """A garbage collection of thousands of records would hold the reader up, and count as the pipeline's."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def _outside(one: Arrival) -> float:
    return one.at - one.sent_at - one.model_s - one.prefix_s


def _percentiles(seconds: list[float]) -> tuple[float, float]:
    p50, p99 = np.percentile(np.asarray(seconds) * 1000, [50, 99])
    return float(p50), float(p99)


def _steps(run: list[Arrival]) -> str:
    """Where the time goes: medians and p99 of each step, in milliseconds."""
    steps: dict[str, list[float]] = {"to stream": [], "in stream": [], "to worker": [], "label": [], "out": []}
    for one in run:
        received, requested, taken, decided = (
            datetime.fromisoformat(one.times[name]).timestamp()
            for name in ("received_at", "requested_at", "taken_at", "decided_at")
        )
        steps["to stream"].append(received - one.sent_at)
        steps["in stream"].append(requested - received)
        steps["to worker"].append(taken - requested)
        steps["label"].append(decided - taken - one.model_s)
        steps["out"].append(one.at - decided - one.prefix_s)
    return ", ".join("{} {:.1f}/{:.1f}".format(name, *_percentiles(found)) for name, found in steps.items())


def _keep_logs(rig: Rig) -> None:
    """Show the services' logs where somebody asks for them."""
    if os.environ.get("BENCH_LOGS"):
        for path in rig.services.logs:
            say(path.read_text(encoding="utf-8", errors="replace"))
