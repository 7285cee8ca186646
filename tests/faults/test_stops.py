"""SIGTERM at every stage under load: each process ends with 0, within its bound, and nothing is lost."""

import random
import signal
import time
from collections import deque
from pathlib import Path

import pytest

from prompts.parts import PartsBuilder
from sentistream.embedded import EmbeddedKafka, EmbeddedRedis
from tests.faults.campaign import endure
from tests.faults.checker import check
from tests.faults.conftest import MakePipeline
from tests.faults.engine_outages import EngineServer
from tests.faults.pipeline import DEADLINE_S, STREAM_POINTS, WORKER_POINTS, Service, is_ready
from tests.faults.report import Report, Row
from tests.faults.stops import AGAINST_WITHOUT, ALLOWED_WITHOUT, BOUND_S, CONTROL, Stops
from tests.faults.traffic import Traffic
from tests.waiting import wait_for

pytestmark = [pytest.mark.kafka, pytest.mark.soak, pytest.mark.timeout(900)]

_NAME = "SIGTERM at every stage under load: exit 0"


def _finish(fault: Stops, row: Row, report: Report) -> Row:
    longest = {kind: max(found, default=0.0) for kind, found in fault.seconds.items()}
    note = "; ".join(f"longest stop of a {kind} {longest[kind]:.1f} s of {BOUND_S[kind]:.0f} s" for kind in longest)
    stages = ", ".join(f"{stage} {count}" for stage, count in sorted(fault.stages.items()))
    row = report.add(row.model_copy(update={"note": f"{note} ({stages})", "recovery_s": ()}))
    assert all(longest[kind] < BOUND_S[kind] for kind in longest), longest
    assert row.fates is not None
    assert row.fates.clean, row
    return row


def test_soak_told_to_stop_at_named_points(
    pipeline: MakePipeline, builder: PartsBuilder, draw: random.Random, report: Report
) -> None:
    one = pipeline(9)
    one.deadly = {0}
    stream_points, worker_points = deque(STREAM_POINTS * 4), deque(WORKER_POINTS * 4)
    for number in (1, 2):
        one.add_stream(number, stream_points, breakable=("tests.faults.stream_child", "SIGTERM", "1"))
        one.add_worker(number, worker_points, fault=("SIGTERM", "1"))
    fault = Stops(one, draw, 36, deque())
    row = Row(id="70-stops", part="points", fault=_NAME, times=0, against=CONTROL)
    row = _finish(fault, endure(one, builder, fault, draw, row, 3_000), report)
    assert row.times >= 36


def test_soak_told_to_stop_at_random_moments(
    pipeline: MakePipeline, builder: PartsBuilder, draw: random.Random, report: Report
) -> None:
    one = pipeline(9)
    one.deadly = {0}
    one.add_two_of_each()
    fault = Stops(one, draw, 16, deque(["starting", "working"] * 8))
    row = Row(id="70-stops", part="random", fault=_NAME, times=0, against=CONTROL)
    row = _finish(fault, endure(one, builder, fault, draw, row, 2_000), report)
    assert row.times >= 14


def _stop(services: list[Service]) -> dict[str, tuple[int, float]]:
    """Exit status and seconds of each."""
    running = {service.name: service.process for service in services if service.process is not None}
    told = time.monotonic()
    for process in running.values():
        process.send_signal(signal.SIGTERM)
    ends: dict[str, tuple[int, float]] = {}

    def all_ended() -> bool:
        for name, process in running.items():
            if name not in ends and (status := process.poll()) is not None:
                ends[name] = status, time.monotonic() - told
        return len(ends) == len(running)

    wait_for(all_ended, "all have ended", DEADLINE_S)
    return ends


def _kind(name: str) -> str:
    return name.split("-", maxsplit=1)[0]


@pytest.mark.parametrize("what", ["engine", "Redis", "Kafka"])
def test_soak_told_to_stop_while_something_is_away(
    pipeline: MakePipeline,
    builder: PartsBuilder,
    draw: random.Random,
    report: Report,
    kafka: EmbeddedKafka,
    redis_server: EmbeddedRedis,
    tmp_path: Path,
    what: str,
) -> None:
    engine = EngineServer(tmp_path)
    engine.start()
    one = pipeline(3)
    one.add_stream(1)
    one.add_worker(1).settings.update(engine.settings)
    began = time.monotonic()
    traffic = Traffic(one.rig, 3, seed=draw.randrange(2**31), conversations=30)
    traffic.publish(1_500)
    one.start_all()
    wait_for(lambda: all(map(is_ready, one.services)), "all are ready", DEADLINE_S)
    traffic.follow(5)
    servers: dict[str, EngineServer | EmbeddedKafka | EmbeddedRedis] = {
        "engine": engine,
        "Redis": redis_server,
        "Kafka": kafka,
    }
    server = servers[what]
    signs = {"engine": b'"engine_unavailable"', "Redis": b'"redis_unavailable"', "Kafka": b'"kafka_client_error"'}
    server.kill()
    if what == "Redis":
        traffic.publish(200)
    logs = [service.log for service in one.services]
    wait_for(lambda: any(signs[what] in log.read_bytes() for log in logs), f"{what} is missed", DEADLINE_S)
    ends = _stop(one.services)
    server.start()
    one.start_all()
    one.stop()
    engine.kill()
    traffic.close()
    fates = check(one.rig, builder, 3)
    note = ", ".join(f"{name} ended with {status} after {seconds:.1f} s" for name, (status, seconds) in ends.items())
    name = f"SIGTERM while {what} is away"
    row = Row(id=f"71-stop-without-{what.lower()}", fault=name, times=2, fates=fates, note=note)
    report.add(row.model_copy(update={"seconds": time.monotonic() - began, "against": AGAINST_WITHOUT[what]}))
    assert fates.clean, fates
    assert all(status in ALLOWED_WITHOUT[what][_kind(name)] for name, (status, _) in ends.items()), ends
    assert all(seconds < BOUND_S[_kind(name)] + 2 for name, (_, seconds) in ends.items()), ends
