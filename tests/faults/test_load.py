"""Bad input in quantities, sends that Kafka refuses for their size, and dead letters that are replayed twice."""

import random
import time

import pytest
from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource, ResourceType

from prompts.parts import PartsBuilder
from schemas.chat import ChatMessage
from schemas.codec import encode
from streams.intake import FAILED
from tests.faults.campaign import endure
from tests.faults.checker import check
from tests.faults.conftest import MakePipeline
from tests.faults.outages import Outages
from tests.faults.pipeline import DEADLINE_S, Pipeline, Service, tail
from tests.faults.replays import events_of, replay, short_messages
from tests.faults.report import Report, Row
from tests.faults.traffic import Traffic
from tests.streams.stream_rig import make_messages, published
from worker.errors import ExitCode

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(900)]

_LOST = "no control of its own: a record without its dead letter counts as lost, as one whose request was not sent does"
#: The longest text that is taken, and limits that only its request and its event are over.
_LARGE = 8_000
_LIMITS = {"stream": 9_000, "worker": 7_000}
_MIB = 1024 * 1024


@pytest.mark.soak
def test_soak_one_record_in_a_hundred_malformed(
    pipeline: MakePipeline, builder: PartsBuilder, draw: random.Random, report: Report
) -> None:
    one = pipeline(9)
    one.add_two_of_each()
    row = Row(id="60-malformed-1", fault="1 % of the records malformed, nothing killed", times=1, against=_LOST)
    found = endure(one, builder, Outages((), 5_000), draw, row, 5_000)
    letters = sum(map(len, one.rig.read(one.rig.names.dead_letters, 9).values()))
    found = report.add(found.model_copy(update={"times": 1, "note": f"{letters} dead letters"}))
    assert found.fates is not None
    assert found.fates.clean, found
    assert letters > 0


@pytest.mark.soak
def test_soak_half_of_the_records_malformed_and_the_cap_stops_it(
    pipeline: MakePipeline, builder: PartsBuilder, draw: random.Random, report: Report
) -> None:
    one = pipeline(3)
    traffic = Traffic(one.rig, 3, seed=draw.randrange(2**31), conversations=50, malformed=0.5)
    traffic.publish(2_000)
    one.add_stream(1)
    worker = one.add_worker(1, DEAD_LETTER_SHARE="0.4")
    began = time.monotonic()
    one.start_all()
    assert _ended(worker) == ExitCode.TOO_MANY_DEAD_LETTERS
    before = sum(map(len, one.rig.read(one.rig.names.dead_letters, 3).values()))
    worker.settings["DEAD_LETTER_SHARE"] = "1"
    one.start(worker)
    one.stop()
    fates = check(one.rig, builder, 3)
    name = (
        "50 % of the records malformed: the cap (DEAD_LETTER_SHARE=0.4 of 500) stops the worker, which goes on with 1"
    )
    against = "with DEAD_LETTER_SHARE=1 the same input goes through, as the second half of the run shows"
    note = f"{before} dead letters until the stop"
    seconds = time.monotonic() - began
    report.add(Row(id="61-malformed-50", fault=name, times=1, fates=fates, seconds=seconds, against=against, note=note))
    assert fates.clean, fates
    assert before <= 500


def _ended(service: Service) -> int:
    assert service.process is not None
    return service.process.wait(DEADLINE_S)


def _limit(one: Pipeline, topic: str, size: int) -> None:
    """The largest record batch that Kafka takes for a topic."""
    entry = ConfigEntry("max.message.bytes", str(size), incremental_operation=AlterConfigOpType.SET)
    resource = ConfigResource(ResourceType.TOPIC, topic, incremental_configs=[entry])
    admin = AdminClient({"bootstrap.servers": one.rig.bootstrap})
    for future in admin.incremental_alter_configs([resource]).values():
        future.result(30)


def _with_a_large_one() -> list[ChatMessage]:
    """Small messages, and in their middle one whose request and event are larger than the limit."""
    messages = make_messages(60, conversations=3)
    words = random.Random(1).choices("abcdefghijklmnopqrstuvwxyz ", k=_LARGE)
    messages[30] = messages[30].model_copy(update={"text": "".join(words)})
    return messages


@pytest.mark.soak
@pytest.mark.parametrize("of", ["stream", "worker"])
def test_soak_one_send_refused_for_its_size(
    pipeline: MakePipeline, builder: PartsBuilder, report: Report, of: str
) -> None:
    one = pipeline(1)
    refusing = one.rig.names.requests if of == "stream" else one.rig.names.events
    _limit(one, refusing, _LIMITS[of])
    one.rig.publish(published(_with_a_large_one(), 1))
    stream = one.add_stream(1, BATCH_SIZE="3")
    worker = one.add_worker(1, COMMIT_EVENTS="4")
    began = time.monotonic()
    one.start_all()
    status = _ended(stream if of == "stream" else worker)
    said = tail(stream if of == "stream" else worker, 20)
    assert status == (FAILED if of == "stream" else ExitCode.KAFKA), said
    assert "max.message.bytes" in said, said
    assert refusing in said, said
    _limit(one, refusing, 2 * _MIB)
    one.start(stream if of == "stream" else worker)
    one.stop()
    fates = check(one.rig, builder, 1)
    what = "request" if of == "stream" else "event"
    name = (
        f"one {what} in the middle of a batch refused for its size; the {of} ends by name, and goes on once it is taken"
    )
    row = Row(id=f"62-refused-{of}", fault=name, times=1, fates=fates, seconds=time.monotonic() - began, against=_LOST)
    report.add(row)
    assert fates.clean, fates


@pytest.mark.soak
def test_soak_dead_letters_replayed_twice_add_nothing_the_second_time(pipeline: MakePipeline, report: Report) -> None:
    one = pipeline(3)
    one.rig.publish([(number % 3, b"c", encode(message)) for number, message in enumerate(short_messages(60))])
    one.add_stream(1)
    worker = one.add_worker(1, DEAD_LETTER_SHARE="1")
    worker.command = ("tests.faults.refusing_child",)
    began = time.monotonic()
    one.start_all()
    one.stop()
    first = events_of(one)
    assert len(first) == 40
    assert replay(one) == {"replay": 20}
    worker.command = ("sentistream", "worker")
    one.start_all()
    one.stop()
    events = events_of(one)
    assert sum(event.replay for event in events) == 20
    assert len(events) == 60
    assert replay(one) == {"already_replayed": 20}
    # The control: told so, it does it again.
    assert replay(one, "--again", "--dry-run") == {"replay": 20}
    assert sum(map(len, one.rig.read(one.rig.names.messages, 3).values())) == 80
    row = Row(
        id="63-replay-twice",
        fault="dead letters replayed twice",
        times=2,
        seconds=time.monotonic() - began,
        against="with `--again` the same letters go back once more (asserted in the same test)",
        note="20 letters: 20 events the first time, nothing the second",
    )
    report.add(row)
