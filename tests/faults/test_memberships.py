"""Workers come, go, sleep too long and lose their names: what they still hold of others' work is thrown away."""

import random

import pytest

from prompts.parts import PartsBuilder
from tests.faults.campaign import endure
from tests.faults.checker import Fates, check
from tests.faults.conftest import MakePipeline
from tests.faults.harm import Together
from tests.faults.kafka_proxy import KafkaProxy
from tests.faults.memberships import Churn, join_a_slow_worker, lose_names, storm
from tests.faults.pipeline import DEADLINE_S, Pipeline
from tests.faults.platform_traffic import TransactionalTraffic
from tests.faults.report import Report, Row
from tests.faults.wire import IMPATIENT, WireLosses
from tests.faults.zombies import freeze_a_stream, wake, wake_a_zombie
from tests.waiting import wait_for
from worker.errors import ExitCode

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(900)]

_PARTITIONS = 3
_RECORDS = 200


def test_a_worker_comes_and_goes_while_a_platform_aborts_and_an_answer_is_lost(
    pipeline: MakePipeline, builder: PartsBuilder, draw: random.Random, proxy: KafkaProxy
) -> None:
    one = pipeline(_PARTITIONS)
    one.deadly |= {0, int(ExitCode.FENCED)}
    one.restarts_s = (0.0,)
    one.add_stream(1)
    for number in (1, 2):
        one.add_worker(number, KAFKA_BOOTSTRAP_SERVERS=proxy.address, KAFKA_DEADLINE_SECONDS=IMPATIENT)
    records = 300
    fault = Together(Churn(one, 3.0, draw, ["worker-2"]), WireLosses(proxy, "answer", "silent", times=1, records=0))
    row = Row(id="00-short", fault="", times=0)
    row = endure(one, builder, fault, draw, row, records, platform=TransactionalTraffic)
    assert len(proxy.struck_at) == 1
    assert row.clean, row


@pytest.mark.soak
@pytest.mark.timeout(1800)
def test_soak_workers_join_and_leave_all_the_time(
    pipeline: MakePipeline, builder: PartsBuilder, draw: random.Random, report: Report
) -> None:
    row = report.add(storm(pipeline(9), builder, draw, seconds=300, records=6_000))
    assert row.clean, row
    assert " 0 requests in hand" not in row.note, row


@pytest.mark.soak
def test_soak_another_process_takes_over_a_transactional_id(
    pipeline: MakePipeline, builder: PartsBuilder, draw: random.Random, report: Report
) -> None:
    row = report.add(lose_names(pipeline(9), builder, draw, records=5_000, times=5))
    assert row.times == 5
    assert row.clean, row


_ZOMBIES = [
    ("no_generation", "offsets committed without the group's generation; a zombie wakes up"),
    ("anonymous", "neither a stable transactional.id nor a generation; another process has taken over the name"),
]


@pytest.mark.soak
@pytest.mark.parametrize(("careless", "name"), _ZOMBIES)
def test_soak_control_a_zombie_that_nobody_fences(
    pipeline: MakePipeline, builder: PartsBuilder, draw: random.Random, report: Report, careless: str, name: str
) -> None:
    one = pipeline(_PARTITIONS)
    wake_a_zombie(one, draw, careless, records=_RECORDS)
    _expect_doubles(one, builder, report, Row(id=f"20-control-{_id(careless)}", fault=name, times=1, control=True))


@pytest.mark.soak
def test_soak_control_a_stream_zombie_and_no_watermark(
    pipeline: MakePipeline, builder: PartsBuilder, draw: random.Random, report: Report
) -> None:
    one = pipeline(_PARTITIONS)
    zombie = freeze_a_stream(one, draw, "accept_all", records=_RECORDS)
    before = check(one.rig, builder, _PARTITIONS)
    assert before.clean, before
    wake(zombie)
    name = "no watermark; a stream wakes up and sends what another one has long sent"
    _expect_doubles(one, builder, report, Row(id="20-control-stream", fault=name, times=1, control=True))


@pytest.mark.soak
def test_soak_control_results_of_a_lost_partition_are_kept(
    pipeline: MakePipeline, builder: PartsBuilder, draw: random.Random, report: Report
) -> None:
    one = pipeline(_PARTITIONS)
    join_a_slow_worker(one, draw, "keep_lost", records=_RECORDS)
    name = "what is in hand of a lost partition is kept; another worker joins"
    _expect_doubles(one, builder, report, Row(id="24-control-keep-lost", fault=name, times=1, control=True))


def _expect_doubles(one: Pipeline, builder: PartsBuilder, report: Report, row: Row) -> None:
    found: list[Fates] = []

    def doubled() -> bool:
        found.append(check(one.rig, builder, one.partitions))
        return found[-1].doubled > 0

    wait_for(doubled, f"doubled records\n{one.logs()}", DEADLINE_S / 4)
    report.add(row.model_copy(update={"fates": found[-1]}))
    assert found[-1].lost == 0


def _id(careless: str) -> str:
    return careless.replace("_", "-")
