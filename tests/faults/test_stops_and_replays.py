"""Short versions of what `make soak` tries at length: a stop under load, and dead letters that go back twice."""

import random
import signal

import pytest

from prompts.parts import PartsBuilder
from schemas.codec import encode
from sentistream.embedded import EmbeddedRedis
from tests.faults.checker import check
from tests.faults.conftest import MakePipeline
from tests.faults.pipeline import DEADLINE_S, Pipeline, Service, tail
from tests.faults.redis_outages import emptied
from tests.faults.replays import events_of, replay, short_messages
from tests.faults.traffic import Traffic
from tests.waiting import wait_for

pytestmark = pytest.mark.kafka


def _told_to_stop(*services: Service) -> set[int]:
    """How they end; all are told before the first is waited for."""
    running = [one.process for one in services if one.process is not None]
    for process in running:
        process.send_signal(signal.SIGTERM)
    return {process.wait(60) for process in running}


def test_told_to_stop_under_load_both_end_with_0_and_nothing_is_lost(
    pipeline: MakePipeline, builder: PartsBuilder, draw: random.Random
) -> None:
    one = pipeline(3)
    one.add_stream(1, BATCH_SIZE="20")
    worker = one.add_worker(1, SCRIPTED_DELAY_SECONDS="0.3", MAX_IN_FLIGHT="20")
    traffic = Traffic(one.rig, 3, seed=draw.randrange(2**31), conversations=20)
    traffic.publish(300)
    one.start_all()

    def begun() -> bool:
        traffic.follow(0.05)
        return bool(traffic.done)

    wait_for(begun, f"work has begun; see\n{one.logs()}", DEADLINE_S)
    traffic.publish(300)
    assert _told_to_stop(*one.services) == {0}, one.logs()
    traffic.follow(0.5)
    assert traffic.waiting, "all was done before the stop, so this test shows nothing"
    worker.settings |= {"SCRIPTED_DELAY_SECONDS": "0.02", "MAX_IN_FLIGHT": "100"}
    one.start_all()
    one.stop()
    traffic.close()
    fates = check(one.rig, builder, 3)
    assert fates.clean, fates


def test_told_to_stop_and_killed_while_lost_windows_are_made_again(
    pipeline: MakePipeline, builder: PartsBuilder, draw: random.Random, redis_server: EmbeddedRedis
) -> None:
    one = pipeline(1)
    stream, worker = one.add_stream(1), one.add_worker(1)
    traffic = Traffic(one.rig, 1, seed=draw.randrange(2**31), conversations=10)
    traffic.publish(300)
    one.start_all()
    traffic.follow_until_done(DEADLINE_S)
    one.stop()
    for name, status in (("SIGTERM", 0), ("SIGKILL", -signal.SIGKILL)):
        emptied(redis_server).begin()
        traffic.publish(100)
        # What is lost has been read again, and nothing says yet that the windows are whole.
        stream.command = ("tests.faults.stream_child", name, "1", "in_rebuild", "1")
        one.start(stream)
        assert stream.process is not None
        assert stream.process.wait(60) == status, tail(stream)
        assert b'"in_rebuild"' in stream.log.read_bytes()[stream.started_at :]
    stream.command = ("sentistream", "streams")
    one.start(stream)
    one.start(worker)
    traffic.follow_until_done(DEADLINE_S)
    one.stop()
    traffic.close()
    fates = check(one.rig, builder, 1)
    assert fates.clean, fates


def _fates(one: Pipeline) -> tuple[int, int]:
    """Events, dead letters."""
    return len(events_of(one, 1)), sum(map(len, one.rig.read(one.rig.names.dead_letters, 1).values()))


def test_dead_letters_replayed_twice_add_nothing_the_second_time(pipeline: MakePipeline) -> None:
    one = pipeline(1)
    one.rig.publish([(0, b"c", encode(message)) for number, message in enumerate(short_messages(15))])
    one.add_stream(1)
    worker = one.add_worker(1, DEAD_LETTER_SHARE="1")
    worker.command = ("tests.faults.refusing_child",)
    one.start_all()
    wait_for(lambda: _fates(one) == (10, 5), f"all have a fate; see\n{one.logs()}", DEADLINE_S)
    assert _told_to_stop(worker) == {0}
    worker.command = ("sentistream", "worker")
    one.start(worker)
    assert replay(one) == {"replay": 5}
    wait_for(lambda: len(events_of(one, 1)) == 15, f"all have their events; see\n{one.logs()}", DEADLINE_S)
    assert replay(one) == {"already_replayed": 5}
    events = events_of(one, 1)
    assert len(events) == 15
    assert sum(event.replay for event in events) == 5
    assert sum(map(len, one.rig.read(one.rig.names.messages, 1).values())) == 20, "nothing came a second time"
