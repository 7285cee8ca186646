"""The consumer on the real Kafka: every request ends as one event or one dead letter, in order."""

from collections.abc import Callable
from typing import Any

import pytest

from schemas.dead_letter import DeadLetter
from tests.waiting import wait_for
from tests.worker.fake_labelling import BROKEN, HELD, REFUSED, FakeLabeller, FakeLabelling
from tests.worker.kafka_rig import Rig, RunningWorker, Seen, make_rejected, make_request, running
from worker.errors import (
    ExitCode,
    ForeignTokenizerError,
    MisconfiguredError,
    RequestsMissingError,
    StalledError,
    TooManyDeadLettersError,
    WatermarkMissingError,
)

pytestmark = pytest.mark.kafka

MakeRig = Callable[..., Rig]


def test_every_request_gets_one_event_in_the_order_of_its_partition(rig: MakeRig) -> None:
    one = rig(partitions=3)
    one.publish(make_request(partition, offset) for offset in range(100) for partition in range(3))
    with running(one.settings(), FakeLabelling(FakeLabeller(delay_s=0.05))):
        seen = one.events(at_least=300)
    for partition in range(3):
        assert seen.offsets(partition) == list(range(100))


def test_events_carry_the_trace_and_their_conversation_as_key(rig: MakeRig) -> None:
    one = rig()
    trace = b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    one.publish([make_request(0, 0)], headers=[("traceparent", trace), ("other", b"stays behind")])
    with running(one.settings()):
        (message,) = one.events(at_least=1).messages
    assert [name for name, _ in message.headers()] == ["traceparent", "sentistream-prefix-ms"]
    assert message.headers()[0] == ("traceparent", trace)
    assert message.key() == b"c-0-0"


def test_records_that_get_no_event_get_one_dead_letter_and_those_around_them_their_events(rig: MakeRig) -> None:
    one = rig()
    original = b"\xff\x00 not even text"
    one.publish(
        [
            make_request(0, 0),
            make_rejected(0, 1, original),
            make_request(0, 2, text=REFUSED),
            make_request(0, 3, text=BROKEN),
            make_request(0, 4),
        ]
    )
    one.publish_bytes(0, b"garbage", key=b"k")
    # A request of ours that lacks its message still says where it belongs, so the chain goes on.
    one.publish_bytes(0, b'{"source":{"topic_id":"topic-a","partition":0,"offset":5},"after":4}')
    one.publish([make_request(0, 6)])
    with running(one.settings()):
        seen = one.events(at_least=3)
        dead = one.dead_letters(at_least=5)
    assert seen.offsets(0) == [0, 4, 6]
    letters = {letter.reason + str(letter.offset): (letter, message) for letter, message in _letters(dead)}
    assert set(letters) == {
        "not_json1",
        "prompt_refused2",
        "prompt_refused3",
        "request_unreadable5",
        "request_unreadable6",
    }
    rejected, message = letters["not_json1"]
    assert (message.key(), message.value()) == (b"the key", original)
    assert rejected.topic == one.names.messages
    assert letters["request_unreadable5"][1].value() == b"garbage"
    assert letters["prompt_refused3"][0].detail.startswith("RuntimeError in ")


def _letters(dead: Seen) -> list[tuple[DeadLetter, Any]]:
    return [(DeadLetter.from_headers(message.headers()), message) for message in dead.messages]


def test_repetitions_are_dropped_also_after_a_restart(rig: MakeRig) -> None:
    one = rig()
    one.publish([make_request(0, offset) for offset in range(20)])
    one.publish([make_request(0, offset) for offset in range(10, 30)])
    with running(one.settings()):
        one.events(at_least=30)
    # A streams process that was killed before its commit sends all of it again.
    one.publish([make_request(0, offset) for offset in range(40)])
    with running(one.settings()):
        seen = one.events(at_least=40, settle_s=1)
    assert seen.offsets(0) == list(range(40))


def test_an_offset_is_committed_with_its_watermark(rig: MakeRig) -> None:
    one = rig()
    one.publish([make_request(0, offset) for offset in range(5)])
    with running(one.settings()):
        one.events(at_least=5)
    committed = one.committed()[0]
    assert committed.offset == 5
    assert '"topic":"topic-a","offset":4' in committed.metadata


def test_a_gap_that_heals_loses_and_doubles_nothing(rig: MakeRig) -> None:
    one = rig()
    one.publish([make_request(0, 0), make_request(0, 1), make_request(0, 3), make_request(0, 4)])
    with running(one.settings()):
        one.events(at_least=2)
        one.publish([make_request(0, offset) for offset in (2, 3, 4, 5)])
        seen = one.events(at_least=6, settle_s=1)
        wait_for(lambda: one.committed()[0].offset == 8, "all is committed")
    assert seen.offsets(0) == [0, 1, 2, 3, 4, 5]


def test_a_gap_that_stays_stops_the_worker_by_name_and_commits_nothing_behind_it(rig: MakeRig) -> None:
    one = rig()
    one.publish([make_request(0, 0), make_request(0, 4), make_request(0, 5)])
    worker = RunningWorker(one.settings(gap_deadline_seconds=1.0), FakeLabelling(), None)
    error = worker.join()
    assert isinstance(error, RequestsMissingError)
    assert error.exit_code is ExitCode.REQUESTS_MISSING
    assert "offsets 1 to 3 of chat.messages partition 0" in str(error)
    assert one.committed()[0].offset == 1
    # Told to, it goes on with all that is there.
    with running(one.settings(accept_loss=True)):
        assert one.events(at_least=3, settle_s=1).offsets(0) == [0, 4, 5]


def test_a_topic_made_anew_starts_at_zero_again(rig: MakeRig) -> None:
    one = rig()
    one.publish([make_request(0, offset) for offset in range(5)])
    one.publish([make_request(0, offset, topic_id="topic-b") for offset in range(3)])
    one.publish([make_request(0, 4)])
    with running(one.settings()):
        seen = one.events(at_least=8, settle_s=1)
    assert seen.offsets(0) == [0, 1, 2, 3, 4, 0, 1, 2]


def test_an_offset_without_watermark_is_refused_unless_told(rig: MakeRig) -> None:
    one = rig()
    one.publish([make_request(0, offset) for offset in range(6)])
    one.commit_without_watermark(partition=0, offset=3)
    worker = RunningWorker(one.settings(), FakeLabelling(), None)
    assert isinstance(worker.join(), WatermarkMissingError)
    with running(one.settings(accept_missing_watermark=True)):
        assert one.events(at_least=3, settle_s=1).offsets(0) == [3, 4, 5]


def test_an_offset_that_is_gone_is_a_loss_with_a_name(rig: MakeRig) -> None:
    one = rig()
    one.publish([make_request(0, offset) for offset in range(5)])
    with running(one.settings()):
        one.events(at_least=5)
    one.publish([make_request(0, offset) for offset in range(5, 10)])
    one.delete(one.names.requests, partition=0, before=8)
    worker = RunningWorker(one.settings(), FakeLabelling(), None)
    error = worker.join()
    assert isinstance(error, RequestsMissingError)
    assert "offset 5 is not there any more" in str(error)
    with running(one.settings(accept_loss=True)):
        assert one.events(at_least=7, settle_s=1).offsets(0) == [0, 1, 2, 3, 4, 8, 9]


def test_a_first_start_takes_what_is_there_from_its_beginning(rig: MakeRig) -> None:
    one = rig()
    one.publish([make_request(0, offset) for offset in range(5)])
    one.publish_messages(partition=0, count=5)
    one.delete(one.names.messages, partition=0, before=2)
    one.delete(one.names.requests, partition=0, before=2)
    with running(one.settings()):
        assert one.events(at_least=3).offsets(0) == [2, 3, 4]


def test_a_first_start_sees_that_the_first_requests_are_missing(rig: MakeRig) -> None:
    one = rig()
    one.publish([make_request(0, 1)])
    with running(one.settings()):
        one.publish([make_request(0, 0), make_request(0, 1)])
        assert one.events(at_least=2, settle_s=1).offsets(0) == [0, 1]


def test_a_newer_major_version_parks_its_partition_and_no_other(rig: MakeRig) -> None:
    one = rig(partitions=2)
    newer = make_request(0, 1).model_copy(update={"schema_version": "2.0"})
    one.publish([make_request(0, 0), newer, make_request(0, 2), make_request(1, 0)])
    with running(one.settings()):
        one.events(at_least=2)
        one.publish([make_request(1, 1)])
        seen = one.events(at_least=3, settle_s=1)
    assert seen.offsets(0) == [0]
    assert seen.offsets(1) == [0, 1]
    assert one.committed()[0].offset == 1


def test_too_many_dead_letters_stop_the_worker(rig: MakeRig) -> None:
    one = rig()
    one.publish([make_rejected(0, offset, b"x") for offset in range(200)])
    worker = RunningWorker(one.settings(dead_letter_window=50), FakeLabelling(), None)
    assert isinstance(worker.join(), TooManyDeadLettersError)
    assert len(one.dead_letters().messages) < 50


def test_another_tokenizer_is_refused(rig: MakeRig) -> None:
    one = rig()
    one.publish([make_request(0, 0, tokenizer="theirs")])
    worker = RunningWorker(one.settings(), FakeLabelling(tokenizer="ours"), None)
    error = worker.join()
    assert isinstance(error, ForeignTokenizerError)
    assert "theirs" in str(error)
    assert "ours" in str(error)


def test_an_outage_is_waited_for_and_nothing_is_dead_lettered(rig: MakeRig) -> None:
    one = rig()
    labeller = FakeLabeller()
    labeller.out = True
    one.publish([make_request(0, offset) for offset in range(20)])
    # Shorter than the outage: a known outage is no stall.
    with running(one.settings(outage_grace_seconds=0.2, watchdog_seconds=0.5), FakeLabelling(labeller)) as worker:
        wait_for(lambda: worker.service.paused, "the consumption is paused")
        wait_for(lambda: len(labeller.calls) > 60, "calls are made again")
        labeller.out = False
        seen = one.events(at_least=20)
        one.publish([make_request(0, 20)])
        seen = one.events(at_least=21)
    assert seen.offsets(0) == list(range(21))
    assert one.dead_letters().messages == []


def test_a_stall_is_named_and_ends_the_worker(rig: MakeRig) -> None:
    one = rig()
    labeller = FakeLabeller()
    labeller.stuck = True
    one.publish([make_request(0, 0)])
    worker = RunningWorker(one.settings(watchdog_seconds=1.0), FakeLabelling(labeller), None)
    assert isinstance(worker.join(), StalledError)


def test_more_than_there_is_room_for_is_paused_and_taken_later(rig: MakeRig) -> None:
    one = rig()
    labeller = FakeLabeller()
    labeller.stuck = True
    one.publish([make_request(0, offset) for offset in range(100)])
    with running(one.settings(max_in_flight=10), FakeLabelling(labeller)) as worker:
        wait_for(lambda: worker.service.paused, "the consumption is paused")
        assert len(labeller.calls) == 10
        labeller.stuck = False
        seen = one.events(at_least=100)
    assert seen.offsets(0) == list(range(100))


def test_one_slow_answer_does_not_pile_up_all_that_is_behind_it(rig: MakeRig) -> None:
    one = rig()
    labeller = FakeLabeller()
    one.publish([make_request(0, 0, text=HELD), *(make_request(0, offset) for offset in range(1, 200))])
    with running(one.settings(max_in_flight=10), FakeLabelling(labeller)) as worker:
        wait_for(lambda: worker.service.paused, "the consumption is paused")
        assert 10 < len(labeller.calls) <= 90
        assert one.events().messages == []
        labeller.holding = False
        seen = one.events(at_least=200)
    assert seen.offsets(0) == list(range(200))


def test_unequal_partition_counts_are_refused_at_the_start(rig: MakeRig) -> None:
    one = rig()
    one.add_partitions(one.names.events, 2)
    error = RunningWorker(one.settings(), FakeLabelling(), None).join()
    assert isinstance(error, MisconfiguredError)
    assert "equal partition counts" in str(error)


def test_a_stop_finishes_what_is_in_flight(rig: MakeRig) -> None:
    one = rig()
    labeller = FakeLabeller()
    labeller.stuck = True
    one.publish([make_request(0, offset) for offset in range(10)])
    with running(one.settings(), FakeLabelling(labeller)) as worker:
        wait_for(lambda: len(labeller.calls) == 10, "all are in flight")
        worker.service.stop()
        labeller.stuck = False
    assert one.events(at_least=10).offsets(0) == list(range(10))
    assert one.committed()[0].offset == 10


def test_a_stop_gives_up_what_does_not_end(rig: MakeRig) -> None:
    one = rig()
    labeller = FakeLabeller()
    one.publish([make_request(0, 0)])
    with running(one.settings(stop_seconds=0.5), FakeLabelling(labeller)) as worker:
        one.events(at_least=1)
        labeller.stuck = True
        one.publish([make_request(0, 1)])
        wait_for(lambda: len(labeller.calls) == 2, "it is in flight")
        worker.stop()
    assert one.committed()[0].offset == 1
