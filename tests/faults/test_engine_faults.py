"""The engine hangs, fails, is slow, dies, or is not there: nothing becomes a dead letter, and memory stays bounded."""

import random
from collections import deque
from collections.abc import Iterator
from pathlib import Path

import pytest

from prompts.parts import PartsBuilder
from sentistream.embedded import EmbeddedRedis
from tests.faults.campaign import endure
from tests.faults.conftest import MakePipeline
from tests.faults.engine_outages import OUT_S, EngineServer, Memory
from tests.faults.harm import PointKills
from tests.faults.outages import Outages
from tests.faults.pipeline import Pipeline
from tests.faults.redis_outages import away, emptied, killed, read_only, restarted
from tests.faults.report import Report, Row
from worker.errors import ExitCode

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(900)]

#: Far more than may be in flight.
_BACKLOG = 3_000
#: So much more, in MiB, a worker without a bound takes at least for the backlog.
_MORE_MIB = 20.0
_CONTROL = "a worker that takes the outage for the record's fault writes dead letters of good records (the table)"
KINDS = ("hangs", "errors", "slow", "dies", "refuses")


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[EngineServer]:
    server = EngineServer(tmp_path)
    server.start()
    yield server
    server.kill()


def _add(one: Pipeline, engine: EngineServer, replicas: int = 2, **settings: str) -> None:
    for number in range(1, replicas + 1):
        one.add_stream(number)
        one.add_worker(number).settings.update(engine.settings | settings)


@pytest.mark.soak
@pytest.mark.parametrize("kind", KINDS)
def test_soak_engine_in_trouble(
    pipeline: MakePipeline, builder: PartsBuilder, draw: random.Random, report: Report, engine: EngineServer, kind: str
) -> None:
    one = pipeline(9)
    _add(one, engine)
    memory = Memory(one)
    outages = [engine.outages()[kind]] * 5
    fault = Outages(outages, 1_500, memory.look)
    name = outages[0].name + (f" for {outages[0].seconds:.0f} s" if outages[0].seconds else "")
    row = Row(id=f"5{KINDS.index(kind)}-engine-{kind}", fault=name, times=0, against=_CONTROL)
    found = endure(one, builder, fault, draw, row, 1_500)
    note = f"recovery from when it is well again; a worker held at most {memory.most:.0f} MiB"
    found = report.add(found.model_copy(update={"times": fault.struck.total(), "note": note}))
    assert found.fates is not None
    assert found.fates.clean, found
    assert one.deaths == 0, "an outage outside is waited for"


@pytest.mark.soak
def test_soak_engine_of_the_process_ends(
    pipeline: MakePipeline, builder: PartsBuilder, draw: random.Random, report: Report
) -> None:
    one = pipeline(9)
    one.deadly = {int(ExitCode.ENGINE)}
    for number in (1, 2):
        one.add_stream(number)
        worker = one.add_worker(number, deque(["ends"] * 3))
        worker.breakable = ("tests.faults.ending_engine_child",)
    name = "engine in the worker's process ends for good; the worker ends by name and is started again"
    row = Row(id="55-engine-ends", fault=name, times=0, against=_CONTROL)
    found = report.add(endure(one, builder, PointKills(one, 6), draw, row, 2_000))
    assert found.times >= 6
    assert found.fates is not None
    assert found.fates.clean, found


def _held(
    one: Pipeline, builder: PartsBuilder, draw: random.Random, engine: EngineServer, row: Row, in_flight: int
) -> tuple[Row, float]:
    """The most memory that a worker held, in MiB, while a backlog waited for a hanging engine."""
    # Longer than it hangs: what is measured is waiting, not giving up and asking again.
    _add(one, engine, 1, ENGINE_TIMEOUT_SECONDS="120", MAX_IN_FLIGHT=str(in_flight))
    memory = Memory(one)
    fault = Outages([engine.outages(3 * OUT_S)["hangs"]], 200, memory.look)
    found = endure(one, builder, fault, draw, row, _BACKLOG + 200, backlog=_BACKLOG)
    note = f"a worker held at most {memory.most:.0f} MiB"
    return found.model_copy(update={"times": 1, "note": note}), memory.most


@pytest.mark.soak
def test_soak_memory_while_a_backlog_waits(
    pipeline: MakePipeline, builder: PartsBuilder, draw: random.Random, report: Report, engine: EngineServer
) -> None:
    name = f"engine hangs while {_BACKLOG} messages wait, MAX_IN_FLIGHT={{}}"
    against = "with a higher MAX_IN_FLIGHT the worker holds more (the table)"
    row = Row(id="56-engine-memory", fault=name.format(64), times=1, against=against)
    row, bounded = _held(pipeline(3), builder, draw, engine, row, 64)
    report.add(row)
    control = Row(id="81-no-bound", fault=name.format(_BACKLOG), times=1, control=True)
    control, unbounded = _held(pipeline(3), builder, draw, engine, control, _BACKLOG)
    report.add(control)
    assert row.fates is not None
    assert row.fates.clean, row
    assert unbounded > bounded + _MORE_MIB


def test_each_trouble_with_redis_and_the_engine_once(
    pipeline: MakePipeline,
    builder: PartsBuilder,
    draw: random.Random,
    engine: EngineServer,
    redis_server: EmbeddedRedis,
) -> None:
    one = pipeline(3)
    _add(one, engine, 1, OUTAGE_GRACE_SECONDS="0.2")
    outages = [make(redis_server) for make in (killed, restarted, emptied)]
    outages += [away(redis_server, 0.5), read_only(redis_server, 0.5)]
    outages += [engine.outages(0.7)[kind] for kind in KINDS]
    row = Row(id="49-once", fault="each trouble with Redis and the engine once, for moments", times=len(outages))
    found = endure(one, builder, Outages(outages, 500), draw, row, 500, backlog=150)
    assert found.fates is not None
    assert found.fates.clean, found
    assert one.deaths == 0


@pytest.mark.soak
def test_control_an_outage_taken_for_the_records_fault_makes_dead_letters(
    pipeline: MakePipeline, builder: PartsBuilder, draw: random.Random, report: Report, engine: EngineServer
) -> None:
    one = pipeline(3)
    one.add_stream(1)
    worker = one.add_worker(1, deque(["blame"]), DEAD_LETTER_SHARE="1")
    worker.settings.update(engine.settings)
    worker.breakable = ("tests.faults.blaming_child",)
    name = "engine answers 500; the worker takes it for the record's fault"
    row = Row(id="82-outage-blamed", fault=name, times=1, control=True)
    found = endure(one, builder, Outages([engine.outages(0.5)["errors"]], 800), draw, row, 800)
    report.add(found.model_copy(update={"times": 1}))
    assert found.fates is not None
    assert found.fates.mistaken > 0
