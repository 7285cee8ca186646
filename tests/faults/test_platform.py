"""A transactional platform takes messages back: they were never said."""

import random
from typing import Any

import pytest

from prompts.parts import PartsBuilder
from schemas.codec import decode
from schemas.event import EmotionEvent
from tests.faults.campaign import endure
from tests.faults.conftest import MakePipeline
from tests.faults.harm import RandomKills
from tests.faults.pipeline import DEADLINE_S, Pipeline, at_end, is_ready
from tests.faults.platform_traffic import TransactionalTraffic
from tests.faults.report import Report, Row
from tests.waiting import wait_for

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(900)]


def _events_for(one: Pipeline, traffic: TransactionalTraffic) -> int:
    """How many events are about messages that the platform took back."""
    rows = one.rig.read(one.rig.names.events, one.partitions)
    sources = [decode(EmotionEvent, value).source for some in rows.values() for _, _, value, _ in some]
    return sum((source.partition, source.offset) in traffic.aborted for source in sources)


@pytest.mark.soak
def test_soak_the_marks_of_transactions_do_not_hold_up_the_stream(pipeline: MakePipeline, draw: random.Random) -> None:
    one = pipeline(1)
    one.add_stream(1, BATCH_SIZE="10")
    traffic = TransactionalTraffic(one.rig, 1, seed=draw.randrange(2**31), conversations=12)
    while len(traffic.published) < 400:
        traffic.publish(10)
    one.start_all()
    wait_for(lambda: is_ready(one.services[0]), f"the stream\n{one.logs()}", DEADLINE_S)
    # Where each batch waits for the end of a fetch, this takes a minute.
    group = one.rig.environment["STREAMS_GROUP"]
    ends = {0: max(offset for _, offset in traffic.published) + 1}
    done = lambda: at_end(one.rig.bootstrap, group, one.rig.names.messages, range(1), ends)  # noqa: E731
    wait_for(done, f"all requests\n{one.logs()}", 25)
    traffic.close()


@pytest.mark.soak
def test_soak_a_transactional_platform_aborts(
    pipeline: MakePipeline, builder: PartsBuilder, draw: random.Random, report: Report
) -> None:
    one = pipeline(6)
    made: list[TransactionalTraffic] = []

    def make(*args: Any, **given: Any) -> TransactionalTraffic:
        made.append(TransactionalTraffic(*args, **given))
        return made[-1]

    one.add_two_of_each()
    against = "a stream that reads uncommitted gives events to messages that were aborted"
    row = Row(id="68-platform-aborts", fault="a transactional platform aborts", times=0, against=against)
    row = endure(one, builder, RandomKills(one, 4, 5_000, draw), draw, row, 5_000, platform=make)
    (traffic,) = made
    events = _events_for(one, traffic)
    note = f"{len(traffic.aborted)} records taken back, events for them: {events}; SIGKILLs meanwhile: {one.deaths}"
    row = report.add(row.model_copy(update={"times": traffic.aborts, "note": note}))
    assert traffic.aborts > 0
    assert events == 0
    assert row.clean, row


@pytest.mark.soak
def test_soak_control_a_stream_that_reads_what_is_not_committed(
    pipeline: MakePipeline, draw: random.Random, report: Report
) -> None:
    one = pipeline(3)
    one.add_stream(1).command = ("tests.faults.uncommitted_child",)
    one.add_worker(1)
    traffic = TransactionalTraffic(one.rig, 3, seed=draw.randrange(2**31), conversations=12)
    while not traffic.aborted or not traffic.published:
        traffic.publish(50)
    one.start_all()
    wait_for(lambda: _events_for(one, traffic) > 0, f"events for aborted messages\n{one.logs()}", DEADLINE_S)
    traffic.close()
    note = f"{len(traffic.aborted)} records taken back, and events for them"
    fault = "a stream that reads uncommitted; the platform aborts"
    report.add(Row(id="68-control-uncommitted", fault=fault, times=traffic.aborts, control=True, note=note))
