"""Topics are deleted and made anew under running services: each ends by name, and goes on with the new topic whole."""

import signal

import pytest

from prompts.parts import PartsBuilder
from streams.intake import FAILED
from tests.faults.conftest import MakePipeline
from tests.faults.pipeline import DEADLINE_S, Pipeline, Service
from tests.lifecycle.made_anew import chat, make_anew, wait_for_answers
from tests.lifecycle.service_log import ended, lines
from tests.waiting import wait_for
from worker.errors import ExitCode

pytestmark = pytest.mark.kafka

#: Looks at the topics all the time; the product's own does so once a minute.
_WATCHING = ("tests.streams.watching_child",)
_PRODUCT = ("sentistream", "streams")


@pytest.mark.soak
def test_messages_made_anew_end_every_stream_and_none_of_the_new_ones_is_lost(
    pipeline: MakePipeline, builder: PartsBuilder
) -> None:
    """The second stream has not looked yet when it is given a partition of the new topic."""
    one = pipeline(2)
    first, second = one.add_stream(1), one.add_stream(2)
    one.add_worker(1)
    first.command = _WATCHING
    one.start_all()
    one.rig.publish(chat(200, 2, seed=1))
    wait_for_answers(one, builder, 200)
    make_anew(one.rig, 2, one.rig.names.messages)
    assert ended(first) == ("TopicsError", FAILED)
    one.rig.publish(chat(150, 2, seed=2))
    first.command = _PRODUCT
    one.start(first)
    # At the rebalance, or before it by offsets that go back: it would answer for messages of the topic that is gone.
    assert ended(second) in {("TopicsError", FAILED), ("LostRangeError", FAILED)}
    one.start(second)
    wait_for_answers(one, builder, 150)
    assert lines(one.services[2], "topic_made_anew"), "the worker saw it, and went on"
    one.stop()


def test_a_commit_of_the_topic_that_is_gone_holds_nothing_of_the_new_one_back(
    pipeline: MakePipeline, builder: PartsBuilder
) -> None:
    """A stream that was frozen meanwhile goes on where it was, and commits that, before it looks."""
    one = pipeline(1)
    stream = one.add_stream(1, KAFKA_SESSION_TIMEOUT_MS="30000")
    one.start_all()
    one.rig.publish(chat(100, 1, seed=1))
    wait_for(lambda: one.rig.done(1) == 100, f"all is taken; see\n{one.logs()}")
    _send(stream, signal.SIGSTOP)
    make_anew(one.rig, 1, one.rig.names.messages)
    one.rig.publish(chat(250, 1, seed=2))
    _send(stream, signal.SIGCONT)
    wait_for(lambda: one.rig.done(1) == 250, f"it commits beyond the first hundred of the new one; see\n{one.logs()}")
    assert stream.process is not None
    stream.process.kill()
    stream.process.wait(30)
    one.start(stream)
    one.add_worker(1)
    one.start(one.services[1])
    wait_for_answers(one, builder, 250)
    assert lines(stream, "topic_made_anew")


def test_both_made_anew_by_the_book(pipeline: MakePipeline, builder: PartsBuilder) -> None:
    one = _at_work(pipeline)
    one.stop()
    make_anew(one.rig, 2, one.rig.names.messages, one.rig.names.requests)
    one.rig.publish(chat(150, 2, seed=2))
    one.start_all()
    wait_for_answers(one, builder, 150)
    assert lines(one.services[1], "topic_made_anew")
    one.stop()


def test_requests_made_anew_under_the_worker_end_it_and_it_goes_on_behind_the_last_event(
    pipeline: MakePipeline, builder: PartsBuilder
) -> None:
    one = _at_work(pipeline)
    stream, worker = one.services
    make_anew(one.rig, 2, one.rig.names.requests)
    one.rig.publish(chat(100, 2, seed=2))
    kind, status = ended(worker)
    assert (kind, status) in {
        ("MISCONFIGURED", ExitCode.MISCONFIGURED),
        ("REQUESTS_MISSING", ExitCode.REQUESTS_MISSING),
    }
    one.start(worker)
    assert ended(worker) == ("WATERMARK_MISSING", ExitCode.WATERMARK_MISSING), "Kafka dropped its offsets"
    worker.settings["ACCEPT_MISSING_WATERMARK"] = "true"
    one.start(worker)
    wait_for_answers(one, builder, 300)
    assert stream.process is not None
    assert stream.process.poll() is None, "the stream does not mind"
    one.stop()


def _at_work(pipeline: MakePipeline) -> Pipeline:
    """A stream and a worker that have answered 200 messages."""
    one = pipeline(2)
    one.add_stream(1)
    one.add_worker(1)
    one.start_all()
    one.rig.publish(chat(200, 2, seed=1))
    wait_for(lambda: _is_idle(one), f"all is answered; see\n{one.logs()}", DEADLINE_S)
    return one


def _is_idle(one: Pipeline) -> bool:
    return sum(map(len, one.rig.read(one.rig.names.events, 2).values())) == 200


def _send(service: Service, number: signal.Signals) -> None:
    assert service.process is not None
    service.process.send_signal(number)
