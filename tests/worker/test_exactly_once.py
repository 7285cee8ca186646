"""Exactly once on the real Kafka, whatever ends a worker or its hold on a partition, and when."""

import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from confluent_kafka import KafkaError, KafkaException

from tests.waiting import wait_for
from tests.worker.fake_labelling import FakeLabeller, FakeLabelling
from tests.worker.judges import accept_all, highest_seen
from tests.worker.kafka_rig import DEADLINE_S, Rig, RunningWorker, child, make_request, running
from worker.errors import FencedError
from worker.faultpoints import Point
from worker.service import Seams

pytestmark = pytest.mark.kafka

MakeRig = Callable[..., Rig]


@pytest.mark.parametrize(
    "point", ["after_accept", "after_produce", "after_offsets_sent", "before_commit", "after_commit"]
)
def test_killed_at_a_named_point(rig: MakeRig, tmp_path: Path, point: Point) -> None:
    one = rig(partitions=2)
    one.publish(make_request(partition, offset) for offset in range(150) for partition in range(2))
    log = tmp_path / "worker.log"
    # Commits are few and batches large: the fifth is in the middle of the work.
    settings = one.settings(commit_events=20)
    killed = child(settings, log, kill_at=point, nth=5, delay_s=0.02)
    assert killed.wait(DEADLINE_S) == -signal.SIGKILL, log.read_text()
    after = child(settings, log, delay_s=0.02)
    seen = one.events(at_least=300, settle_s=1)
    _stop(after)
    assert [seen.offsets(partition) for partition in range(2)] == [list(range(150))] * 2


@pytest.mark.soak
def test_killed_again_and_again_while_another_worker_shares_the_work(rig: MakeRig, tmp_path: Path) -> None:
    one = rig(partitions=4)
    one.publish(make_request(partition, offset) for offset in range(400) for partition in range(4))
    log = tmp_path / "worker.log"
    settings = one.settings(worker_id="victim", commit_events=20)
    steady = child(one.settings(worker_id="steady", commit_events=20), log, delay_s=0.2, seed=1)
    for nth, point in enumerate(("before_commit", "after_offsets_sent", "after_commit", "after_produce"), start=4):
        victim = child(settings, log, kill_at=point, nth=nth, delay_s=0.05, seed=nth)
        try:
            victim.wait(10)
        except subprocess.TimeoutExpired:
            # It had nothing more to do: any moment is as good.
            victim.kill()
            victim.wait(10)
    last = child(settings, log, delay_s=0.05)
    seen = one.events(at_least=1600, settle_s=1)
    _stop(steady)
    _stop(last)
    assert [seen.offsets(partition) for partition in range(4)] == [list(range(400))] * 4


def test_a_worker_that_joins_takes_partitions_with_answers_still_in_hand(rig: MakeRig) -> None:
    one = rig(partitions=4)
    slow = FakeLabeller()
    slow.stuck = True
    one.publish(make_request(partition, offset) for offset in range(50) for partition in range(4))
    with running(one.settings(worker_id="first"), FakeLabelling(slow)):
        wait_for(lambda: len(slow.calls) == 200, "the first worker holds all requests")
        with running(one.settings(worker_id="second")):
            # The second labels what it took; the first's answers for that come after it lost them.
            one.events(at_least=100)
            slow.stuck = False
            seen = one.events(at_least=200, settle_s=2)
    assert [seen.offsets(partition) for partition in range(4)] == [list(range(50))] * 4


def test_the_same_worker_id_twice_ends_the_older_one(rig: MakeRig) -> None:
    one = rig()
    labeller = FakeLabeller()
    older = RunningWorker(one.settings(), FakeLabelling(labeller), None)
    one.publish([make_request(0, 0)])
    one.events(at_least=1)
    with running(one.settings()):
        one.publish([make_request(0, offset) for offset in range(1, 20)])
        assert isinstance(older.join(), FencedError)
        assert one.events(at_least=20, settle_s=1).offsets(0) == list(range(20))


class LosesAnswers:
    """Kafka's answer to a commit gets lost, before or after the commit was made."""

    def __init__(self, point: Point, times: int) -> None:
        self.left = times
        self._point = point

    def reach(self, point: Point) -> None:
        if point == self._point and self.left:
            self.left -= 1
            raise KafkaException(KafkaError(KafkaError._TIMED_OUT, "lost as told"))


@pytest.mark.parametrize("point", ["before_commit", "after_commit"])
def test_a_commit_without_an_answer(rig: MakeRig, point: Point) -> None:
    one = rig(partitions=2)
    one.publish(make_request(partition, offset) for offset in range(100) for partition in range(2))
    faults = LosesAnswers(point, times=3)
    labelling = FakeLabelling(FakeLabeller(delay_s=0.05))
    with running(one.settings(commit_events=10), labelling, Seams(faults)):
        seen = one.events(at_least=200, settle_s=1)
        assert faults.left == 0
        assert [seen.offsets(partition) for partition in range(2)] == [list(range(100))] * 2


@pytest.mark.parametrize("point", ["after_produce", "after_offsets_sent"])
def test_a_transaction_that_has_to_be_aborted_is_made_again(rig: MakeRig, point: Point) -> None:
    one = rig()
    one.publish(make_request(0, offset) for offset in range(100))
    faults = LosesAnswers(point, times=3)
    with running(one.settings(commit_events=10), None, Seams(faults)):
        seen = one.events(at_least=100, settle_s=1)
        assert faults.left == 0
        assert seen.offsets(0) == list(range(100))


def test_control_without_a_watermark_repetitions_become_doubles(rig: MakeRig) -> None:
    one = rig()
    one.publish([make_request(0, offset) for offset in (*range(10), *range(5, 15))])
    with running(one.settings(), None, Seams(judge=accept_all)):
        seen = one.events(at_least=20)
    assert sorted(seen.offsets(0)) != list(range(15))


def test_control_with_a_highest_seen_mark_what_comes_late_is_lost(rig: MakeRig) -> None:
    one = rig()
    late = [make_request(0, offset) for offset in (0, 1, 3, 4)] + [make_request(0, offset) for offset in (2, 3, 4, 5)]
    one.publish(late)
    with running(one.settings(), None, Seams(judge=highest_seen)):
        seen = one.events(at_least=5, settle_s=1)
    assert seen.offsets(0) == [0, 1, 3, 4, 5]


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    assert process.wait(DEADLINE_S) == 0
