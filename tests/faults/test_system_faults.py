"""The disk under Kafka is full, a clock jumps by a day, memory is short."""

import random
import secrets
import signal
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

import pytest

from prompts.parts import PartsBuilder
from schemas.topics import TopicNames, topics
from sentistream.embedded import EmbeddedKafka, EmbeddedRedis
from sentistream.topics import create_topics
from streams.intake import FAILED
from tests.faults.campaign import endure
from tests.faults.harm import Together
from tests.faults.machine import FullDisk, memory_back, memory_short, small_disk
from tests.faults.memberships import TakeOvers
from tests.faults.outages import Outage, Outages
from tests.faults.pipeline import DEADLINE_S, Pipeline, is_ready, kill
from tests.faults.report import Report, Row
from tests.faults.shifted_child import FILE
from tests.streams.stream_rig import StreamRig
from tests.waiting import wait_for
from worker.errors import ExitCode

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(900)]

_TIMES = 3
#: Records of a short version.
_SHORT = 400
_PARTITIONS = 3
_DISK_MIB = 256
_LIKE_A_KILL = "as for a broker that is killed: the broker ends, and what it had acknowledged is there when it is back"
_BLAMED = (
    "before the worker ended for want of memory it wrote dead letters of good records (tests/worker/test_engine_end.py)"
)
_CLOCK = (
    "promised: only times in records follow the clock. Records keep the real time here; where they are more "
    "than an hour ahead Kafka refuses them (log.message.timestamp.after.max.ms), and the service ends and says so. "
    "Only the services' Python clocks jump; those of librdkafka, the broker and Redis never do"
)
_NO_CLOCK = "no control of its own: windows go by the messages' own times, and the offline replay has no clock"

PipelineOn = Callable[[EmbeddedKafka], Pipeline]


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[tuple[Path, bool]]:
    with small_disk(tmp_path / "disk", _DISK_MIB) as mounted:
        yield tmp_path / "disk", mounted


@pytest.fixture
def pipeline_on(redis_server: EmbeddedRedis, model: Path, tmp_path: Path, draw: random.Random) -> Iterator[PipelineOn]:
    """Makes two streams and two workers on any broker."""
    made: list[Pipeline] = []

    def make(kafka: EmbeddedKafka) -> Pipeline:
        names = TopicNames(topic_prefix=f"test-{secrets.token_hex(4)}.")
        create_topics(kafka.connection, topics(names, "embedded", _PARTITIONS))
        rig = StreamRig(kafka.bootstrap_servers, redis_server.url, names, model)
        one = Pipeline(rig, _PARTITIONS, tmp_path, draw)
        # librdkafka has an assertion that fails, now and then, when the only broker goes (rd_kafka_enq_once).
        one.deadly |= {FAILED, int(ExitCode.KAFKA), int(ExitCode.FENCED), -signal.SIGABRT}
        one.add_two_of_each()
        made.append(one)
        return one

    yield make
    for one in made:
        one.kill_all()


def _jumps(one: Pipeline, folder: Path, days: Sequence[int]) -> list[Outage]:
    """Of the Python clocks of all services, each for 3 s."""
    clock = folder / "clock"

    def jump(by: int) -> None:
        fresh = folder / "clock.new"
        fresh.write_text(str(by * 86_400))
        fresh.replace(clock)

    jump(0)
    for service in one.services:
        service.command = ("tests.faults.shifted_child", service.command[1])
        service.settings[FILE] = str(clock)
    return [Outage(f"{by:+d} day", partial(jump, by), partial(jump, 0), 3.0) for by in days]


def _shortage(one: Pipeline, draw: random.Random, whose: str, seconds: float) -> Outage:
    """Of memory, for the first stream or the first worker."""
    # Where no Python code is asked, librdkafka and the C library end the process by SIGABRT, too.
    one.deadly |= {int(ExitCode.INTERNAL), int(ExitCode.MEMORY), -signal.SIGSEGV}
    for service in one.services:
        # A thread that does not start for want of memory has held the worker's loop: the watchdog outside ends that.
        service.settings |= {"WATCHDOG_SECONDS": "5", "KAFKA_DEADLINE_SECONDS": "5"}
    one.deadly.add(int(ExitCode.STALLED))
    struck: list[int] = []

    def begin() -> None:
        """From its start on: one that has worked for a while has all that it needs."""
        service = next(found for found in one.services if found.name == f"{whose}-1")
        if service.process is not None and service.process.poll() is None:
            kill(service)
        one.start(service)
        wait_for(lambda: is_ready(service), f"{whose}-1 is ready\n{one.logs()}", DEADLINE_S)
        assert service.process is not None
        struck.append(service.process.pid)
        memory_short(service.process.pid, draw.randrange(6))

    return Outage("memory short", begin, lambda: memory_back(struck.pop()), seconds)


def _try(
    one: Pipeline, builder: PartsBuilder, draw: random.Random, outages: list[Outage], row: Row, records: int = 1_000
) -> Row:
    found = endure(one, builder, Outages(outages, records), draw, row, records)
    note = f"{row.note}; services that ended and were started again: {one.deaths}"
    return found.model_copy(update={"times": len(outages), "note": note})


def test_the_broker_is_stopped_and_killed_and_its_disk_is_full(
    pipeline_on: PipelineOn, builder: PartsBuilder, draw: random.Random, disk: tuple[Path, bool]
) -> None:
    """Short version; that of a broker's ends alone is in test_kills.py."""
    folder, mounted = disk
    with EmbeddedKafka(folder / "kafka") as kafka:
        one = pipeline_on(kafka)
        full = FullDisk(kafka, mounted=mounted)
        outages = [
            Outage("stopped", kafka.stop, kafka.start),
            Outage("killed", kafka.kill, kafka.start),
            Outage("disk full", full.fill, full.free),
        ]
        row = _try(one, builder, draw, outages, Row(id="98-broker", fault="", times=0), _SHORT)
    assert row.clean, row


def test_the_clock_jumps_memory_is_short_and_another_takes_a_workers_name(
    kafka: EmbeddedKafka, pipeline_on: PipelineOn, tmp_path: Path, builder: PartsBuilder, draw: random.Random
) -> None:
    """Short version; that of the name alone is in test_memberships.py."""
    one = pipeline_on(kafka)
    outages = [
        *_jumps(one, tmp_path, [1, -1]),
        _shortage(one, draw, "stream", 3.0),
        _shortage(one, draw, "worker", 3.0),
    ]
    names = TakeOvers(one, times=1, records=_SHORT)
    row = Row(id="98-system", fault="", times=0)
    row = endure(one, builder, Together(Outages(outages, _SHORT), names), draw, row, _SHORT)
    assert names.struck == 1
    assert row.clean, row


@pytest.mark.soak
def test_soak_disk_full_under_kafka(
    pipeline_on: PipelineOn,
    builder: PartsBuilder,
    draw: random.Random,
    report: Report,
    disk: tuple[Path, bool],
) -> None:
    folder, mounted = disk
    with EmbeddedKafka(folder / "kafka") as kafka:
        one = pipeline_on(kafka)
        full = FullDisk(kafka, mounted=mounted)
        how = f"a file system of {_DISK_MIB} MiB" if mounted else "a limit on what the broker may write"
        note = f"promised: the broker ends, nothing that it acknowledged is lost, work goes on with it ({how})"
        row = Row(id="64-disk-full", fault="disk full under Kafka's data", times=0, note=note, against=_LIKE_A_KILL)
        row = report.add(_try(one, builder, draw, [Outage("disk full", full.fill, full.free)] * _TIMES, row))
    assert row.clean, row


@pytest.mark.soak
def test_soak_the_clock_jumps_by_a_day(
    kafka: EmbeddedKafka,
    pipeline_on: PipelineOn,
    tmp_path: Path,
    builder: PartsBuilder,
    draw: random.Random,
    report: Report,
) -> None:
    one = pipeline_on(kafka)
    name = "the services' clock jumps by a day, forth and back, and is right again (as Python code reads it)"
    row = Row(id="65-clock", fault=name, times=0, note=_CLOCK, against=_NO_CLOCK)
    row = report.add(_try(one, builder, draw, _jumps(one, tmp_path, (1, -1) * 2), row))
    assert row.clean, row


@pytest.mark.soak
@pytest.mark.parametrize("whose", ["worker", "stream"])
def test_soak_memory_short(
    kafka: EmbeddedKafka,
    pipeline_on: PipelineOn,
    builder: PartsBuilder,
    draw: random.Random,
    report: Report,
    whose: str,
) -> None:
    one = pipeline_on(kafka)
    note = (
        "hardly more address space than at its start, for 8 s; promised: it goes on or ends, and no record is blamed; "
        "the limit is one process's (RLIMIT_AS), the machine's memory is never short"
    )
    row = Row(id=f"66-memory-{whose}", fault=f"memory short for a {whose}", times=0, note=note, against=_BLAMED)
    row = report.add(_try(one, builder, draw, [_shortage(one, draw, whose, 8.0)] * _TIMES, row))
    assert row.clean, row
