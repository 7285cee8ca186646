"""What a flood of one tenant costs the others, with shares and without, on the scripted engine: waits, and places.

`python -m bench fairness` starts a Kafka of its own. Tenant a sends ten times what the worker can answer; b and c send
five messages a second each, or half of what it can answer. The flood stands in partitions of its own, or in all.
"""

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from bench.fairness_rig import CAPACITY, FLOOD, LOW, PARTITIONS, PLACES, TENANTS, FloodRun, Found, Scenario
from bench.figures import Figure, print_table, say
from bench.places import fair_places
from sentistream.embedded import EmbeddedKafka

#: Half of all that can be answered.
HALF = CAPACITY / 2
#: Where all three have a backlog, so that the flood's first second, in which it stands alone, weighs less.
LONG_S = 12.0
OWN, ALL = range(4), range(PARTITIONS)
OFF = {"FAIR_SHARES": "false"}
SHED = {"MAX_AGE_SECONDS": "1", "AGED_WHOSE": "over-share"}
QUIET = Scenario("no flood", ())
SCENARIOS = (
    QUIET,
    Scenario("flood in partitions of its own", OWN),
    Scenario("the same, first come, first served", OWN, OFF),
    Scenario("flood in all partitions", ALL),
    Scenario("the same, first come, first served", ALL, OFF),
    Scenario("flood in all, older than 1 s of whoever is over its share skipped", ALL, SHED),
    Scenario("flood in partitions of its own, b and c want half of the places each", OWN, others=HALF, seconds=LONG_S),
    Scenario("the same, first come, first served", OWN, OFF, others=HALF, seconds=LONG_S),
)


def measure() -> list[Figure]:
    """Each scenario once: the waits of b and c together, where they ask for little, and all tenants' places."""
    found: list[Found] = []
    with tempfile.TemporaryDirectory() as folder, EmbeddedKafka(Path(folder) / "kafka") as kafka:
        for number, scenario in enumerate(SCENARIOS):
            found.append(FloodRun(kafka.bootstrap_servers, scenario, Path(folder) / f"{number}.log").measure())
            say(f"  {scenario.what}: {_words(found[-1].waits)}; places {_places(found[-1].places)}")
    runs = list(zip(SCENARIOS, found, strict=True))
    quiet = float(np.median(found[0].waits))
    # Whoever wants more than a share waits for that, whatever the flood does.
    waits = [_wait(scenario, one, quiet) for scenario, one in runs if scenario.others == LOW]
    return waits + [_share(scenario, one) for scenario, one in runs]


def _wait(scenario: Scenario, found: Found, quiet: float) -> Figure:
    p50 = float(np.median(found.waits))
    target = "<= 3 x no flood" if scenario.flood == OWN and not scenario.settings else ""
    met = p50 <= 3 * quiet if target else None
    ratio = None if scenario is QUIET else p50 / quiet
    return Figure(
        "fairness", scenario.what, 1000 * p50, "ms", 1000 * quiet, ratio, target, met,
        f"p50 of b and c, {_words(found.waits)}; capacity {CAPACITY:.0f}/s, "
        f"flood {FLOOD:.0f}/s for {scenario.seconds:g} s; "
        "what had not come by the end counts as the time since it was sent",
    )  # fmt: skip


def _share(scenario: Scenario, found: Found) -> Figure:
    due = fair_places(scenario.wanted, PLACES)
    has, should = (found.places["b"] + found.places["c"], due["b"] + due["c"])
    target = ">= 0.8" if scenario.flood == OWN and not scenario.settings else ""
    return Figure(
        "fairness", f"places of b and c: {scenario.what}", has, f"of {PLACES}", should, has / should, target,
        has >= 0.8 * should if target else None,
        f"in flight on average while messages were sent: {_places(found.places)}; "
        f"wanted {_places(scenario.wanted)}; fair shares {_places(due)}",
    )  # fmt: skip


def _places(by_tenant: Mapping[str, float]) -> str:
    return ", ".join(f"{tenant} {by_tenant[tenant]:.1f}" for tenant in TENANTS)


def _words(waits: Sequence[float]) -> str:
    p50, p99 = np.percentile(waits, [50, 99])
    return f"p50 {1000 * p50:.0f}, p99 {1000 * p99:.0f} ms of {len(waits)}"


if __name__ == "__main__":
    print_table(measure())
