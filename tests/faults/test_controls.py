"""Negative controls: without one of its protections the pipeline loses or doubles, and the checker says so."""

import random
from collections import deque

import pytest

from prompts.parts import PartsBuilder
from tests.faults.checker import Fates, check
from tests.faults.conftest import MakePipeline
from tests.faults.pipeline import DEADLINE_S, Pipeline, at_end, kill
from tests.faults.report import Report, Row
from tests.faults.traffic import Traffic
from tests.waiting import wait_for
from worker.errors import ExitCode

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(900)]

_RECORDS = 300
_PARTITIONS = 3


def _traffic(one: Pipeline, draw: random.Random) -> Traffic:
    traffic = Traffic(one.rig, _PARTITIONS, seed=draw.randrange(2**31), conversations=12)
    traffic.publish(_RECORDS)
    return traffic


def _fates_after_a_kill(one: Pipeline, builder: PartsBuilder) -> Fates:
    one.start_all()
    wait_for(lambda: one.tend() > 0, f"the kill\n{one.logs()}", DEADLINE_S)
    one.stop()
    return check(one.rig, builder, _PARTITIONS)


def test_control_without_the_watermark_records_are_doubled(
    pipeline: MakePipeline, builder: PartsBuilder, draw: random.Random, report: Report
) -> None:
    one = pipeline(_PARTITIONS)
    _traffic(one, draw)
    one.add_stream(1, deque(["after_send"]))
    one.add_worker(1, judge="accept_all")
    fates = _fates_after_a_kill(one, builder)
    report.add(
        Row(
            id="10-control-no-watermark",
            fault="no watermark; the stream killed after the send",
            times=1,
            fates=fates,
            control=True,
        )
    )
    assert fates.doubled > 0
    assert fates.lost == 0


@pytest.mark.parametrize("judge", ["highest_seen", "watermark"])
def test_control_with_a_highest_seen_mark_what_failed_in_a_burst_is_lost(
    pipeline: MakePipeline, builder: PartsBuilder, draw: random.Random, report: Report, judge: str
) -> None:
    one = pipeline(_PARTITIONS)
    _traffic(one, draw)
    one.add_stream(1, deque(["burst"]), breakable=("tests.faults.burst_child",))
    one.add_worker(1, judge=judge)
    fates = _fates_after_a_kill(one, builder)
    mark = "`highest seen` mark" if judge == "highest_seen" else "for comparison, the product's mark with `after`"
    report.add(
        Row(
            id=f"10-control-{judge.replace('_', '-')}",
            fault=f"{mark}; one send of a burst failed and came later",
            times=1,
            fates=fates,
            control=True,
        )
    )
    assert fates.doubled == 0
    if judge == "watermark":
        assert fates.clean, fates
    else:
        assert fates.lost > 0


def test_control_acknowledged_before_the_send_records_are_lost_and_the_worker_says_which(
    pipeline: MakePipeline, builder: PartsBuilder, draw: random.Random, report: Report
) -> None:
    one = pipeline(_PARTITIONS)
    traffic = _traffic(one, draw)
    stream = one.add_stream(1, deque(["acknowledge_first"]), breakable=("tests.streams.child",))
    worker = one.add_worker(1, GAP_DEADLINE_SECONDS="3")
    one.start_all()
    group = one.rig.environment["STREAMS_GROUP"]
    committed = lambda: at_end(one.rig.bootstrap, group, one.rig.names.messages, range(_PARTITIONS))  # noqa: E731
    wait_for(committed, f"the commit of what was not sent\n{one.logs()}", DEADLINE_S)
    kill(stream)
    one.start(stream)
    traffic.publish(_RECORDS)
    assert worker.process is not None
    assert worker.process.wait(DEADLINE_S) == ExitCode.REQUESTS_MISSING, one.logs()
    worker.settings["ACCEPT_LOSS"] = "true"
    one.start(worker)
    one.stop()
    fates = check(one.rig, builder, _PARTITIONS)
    report.add(
        Row(
            id="10-control-acknowledged-first",
            fault="acknowledged before the send; the stream killed",
            times=1,
            fates=fates,
            control=True,
        )
    )
    assert fates.lost == _RECORDS
    assert fates.doubled == 0
