"""Redis is killed, emptied, away, or read-only: windows are those of an offline replay, or events say `degraded`."""

import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from prompts.parts import PartsBuilder
from sentistream.embedded import EmbeddedRedis
from tests.faults.campaign import endure
from tests.faults.conftest import MakePipeline
from tests.faults.outages import Outage, Outages
from tests.faults.pipeline import Pipeline
from tests.faults.redis_outages import away, emptied, killed, read_only, restarted
from tests.faults.report import Report, Row

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(900)]

_CONTROL = "a stream that does not look for what Redis has lost makes other windows, and does not say so (the table)"
_WAITS = "no control of its own: nothing is to be seen in Redis afterwards, and a stream that went on would end"


def _run(one: Pipeline, builder: PartsBuilder, draw: random.Random, outages: list[Outage], row: Row) -> Row:
    records = 600 * (len(outages) + 1)
    one.add_two_of_each()
    fault = Outages(outages, records)
    found = endure(one, builder, fault, draw, row, records)
    note = f"recovery from when it is back; services that ended: {one.deaths}"
    return found.model_copy(update={"times": fault.struck.total(), "note": note})


@dataclass(frozen=True, slots=True)
class _Kind:
    """One trouble: how often in one run, which part of its row that is, and what shows that it would be seen."""

    id: str
    make: Callable[[EmbeddedRedis], Outage]
    against: str
    times: int = 5
    part: str = ""


KINDS = (
    _Kind("40-redis-killed", killed, _CONTROL),
    _Kind("41-redis-restarted", restarted, _CONTROL),
    _Kind("42-redis-flushall", emptied, _CONTROL),
    _Kind("43-redis-away", lambda server: away(server, 60), _WAITS, 2, "first"),
    _Kind("43-redis-away", lambda server: away(server, 60), _WAITS, 2, "second"),
    _Kind("43-redis-away", lambda server: away(server, 60), _WAITS, 1, "third"),
    _Kind("44-redis-read-only", read_only, _WAITS),
)


@pytest.mark.soak
@pytest.mark.parametrize("kind", KINDS, ids=[one.id + one.part for one in KINDS])
def test_soak_redis_in_trouble(
    pipeline: MakePipeline,
    builder: PartsBuilder,
    draw: random.Random,
    report: Report,
    redis_server: EmbeddedRedis,
    kind: _Kind,
) -> None:
    outages = [kind.make(redis_server) for _ in range(kind.times)]
    row = Row(id=kind.id, part=kind.part, fault=outages[0].name, times=0, against=kind.against)
    found = report.add(_run(pipeline(9), builder, draw, outages, row))
    assert found.times == kind.times
    assert found.fates is not None
    assert found.fates.clean, found


@pytest.mark.soak
def test_soak_redis_emptied_and_too_much_to_read_again(
    pipeline: MakePipeline, builder: PartsBuilder, draw: random.Random, report: Report, redis_server: EmbeddedRedis
) -> None:
    one = pipeline(9)
    outages = [emptied(redis_server) for _ in range(5)]
    for number in (1, 2):
        one.add_stream(number, REBUILD_MESSAGES="20")
        one.add_worker(number)
    name = "Redis FLUSHALL, of which only the latest 20 messages of a partition may be read again"
    row = Row(id="45-redis-flushall-short", fault=name, times=0, against=_CONTROL)
    found = endure(one, builder, Outages(outages, 3_000), draw, row, 3_000).model_copy(update={"times": len(outages)})
    fates = found.fates
    assert fates is not None
    note = f"other windows that do not say degraded: {fates.undeclared}"
    report.add(found.model_copy(update={"note": note}))
    assert (fates.lost, fates.doubled, fates.disordered, fates.mistaken) == (0, 0, 0, 0)
    assert fates.degraded > 0
    assert fates.undeclared == 0


@pytest.mark.soak
def test_control_without_a_look_for_what_redis_lost_windows_lack_turns(
    pipeline: MakePipeline, builder: PartsBuilder, draw: random.Random, report: Report, redis_server: EmbeddedRedis
) -> None:
    one = pipeline(3)
    one.add_stream(1, deque(["forget"]), breakable=("tests.faults.forgetful_child",))
    one.add_worker(1)
    name = "Redis FLUSHALL; the stream does not look for what it has lost"
    row = Row(id="80-no-redis-check", fault=name, times=1, control=True)
    found = endure(one, builder, Outages([emptied(redis_server)], 2_000), draw, row, 2_000)
    report.add(found.model_copy(update={"times": 1}))
    assert found.fates is not None
    assert found.fates.undeclared > 0
    assert found.fates.lost == found.fates.doubled == 0
