"""Duplicates and gaps, and what other ways of telling them get wrong."""

import random

import pytest

from schemas.chat import Source
from tests.worker.judges import accept_all, highest_seen
from worker.errors import WatermarkMissingError
from worker.watermark import ANY_OFFSET, Judge, Verdict, Watermark, judge

SEEDS = range(200)


def _source(offset: int, topic_id: str = "a") -> Source:
    return Source(topic_id=topic_id, partition=0, offset=offset)


@pytest.mark.parametrize(
    ("offset", "after", "verdict"),
    [
        (10, 9, Verdict.DUPLICATE),
        (3, -1, Verdict.DUPLICATE),
        (11, 10, Verdict.ACCEPTED),
        # Offsets of the topic are not without holes: transaction markers, compaction.
        (15, 10, Verdict.ACCEPTED),
        # A streams process that began again further back.
        (11, 4, Verdict.ACCEPTED),
        (13, 12, Verdict.GAP),
    ],
)
def test_a_request_is_judged_by_its_source_and_what_came_before_it(offset: int, after: int, verdict: Verdict) -> None:
    assert judge(Watermark("a", 10), _source(offset), after) is verdict


def test_the_first_request_must_follow_on_the_first_message() -> None:
    assert judge(Watermark(), _source(0), -1) is Verdict.ACCEPTED
    assert judge(Watermark(), _source(1), 0) is Verdict.GAP
    assert judge(Watermark(offset=16), _source(17), 16) is Verdict.ACCEPTED
    # Its message is gone by now.
    assert judge(Watermark(offset=16), _source(3), 2) is Verdict.ACCEPTED
    assert judge(Watermark(offset=ANY_OFFSET), _source(17), 16) is Verdict.ACCEPTED


def test_a_new_topic_id_resets_and_the_old_one_is_only_repetition_from_then_on() -> None:
    mark = Watermark("a", 10)
    assert judge(mark, _source(0, "b"), -1) is Verdict.ACCEPTED
    mark = mark.advanced(_source(0, "b"))
    assert judge(mark, _source(11, "a"), 10) is Verdict.DUPLICATE
    assert judge(mark, _source(1, "b"), 0) is Verdict.ACCEPTED


def test_only_so_many_old_topics_are_remembered() -> None:
    mark = Watermark()
    for name in "abcdefgh":
        mark = mark.advanced(_source(0, name))
    assert mark == Watermark("h", 0, ("g", "f", "e", "d"))
    assert len(mark.to_metadata("0.1.0")) < 4096


@pytest.mark.parametrize("mark", [Watermark(), Watermark("a", 7), Watermark("b", 0, ("a",))])
def test_a_mark_comes_back_from_its_metadata(mark: Watermark) -> None:
    assert Watermark.from_metadata(mark.to_metadata("0.1.0"), "here") == mark


@pytest.mark.parametrize("metadata", ["", "x", "[]", "{}", '{"v":2,"topic":"a","offset":1}', '{"v":1,"offset":"x"}'])
def test_metadata_that_is_not_ours_is_refused_with_the_place(metadata: str) -> None:
    with pytest.raises(WatermarkMissingError, match="partition 3"):
        Watermark.from_metadata(metadata, "requests partition 3")


def _sends(seed: int) -> list[tuple[int, int]]:
    """What streams processes write of 40 messages: (source, after), with crashes, zombies and failed sends.

    Each process goes on from what is committed, which is never ahead of what all before it have written. A
    failed send ends a process, but records of its burst that were sent with it may still have arrived.
    """
    draw = random.Random(seed)
    written: list[tuple[int, int]] = []
    committed = 0
    while committed < 40:
        position = committed
        run: list[tuple[int, int]] = []
        while position < 40 and draw.random() > 0.1:
            run.append((position, position - 1))
            position += 1
        if draw.random() < 0.3 and position < 38:
            # The send at `position` failed; later ones of the burst got through.
            run += [(later, later - 1) for later in range(position + 1, position + draw.randint(2, 3))]
        if draw.random() < 0.3:
            # A zombie's records arrive between those of its successor.
            zombie = [(late, late - 1) for late in range(max(0, committed - 3), committed + 2) if late < position]
            at = draw.randint(0, len(run))
            run[at:at] = zombie
        written += run
        committed = draw.randint(committed, position)
    return [*written, *((last, last - 1) for last in range(max(0, committed - 5), 40))]


def _accepted(by: Judge, sends: list[tuple[int, int]]) -> list[int]:
    mark, taken = Watermark(), []
    for offset, after in sends:
        if by(mark, _source(offset), after) is Verdict.ACCEPTED:
            mark = mark.advanced(_source(offset))
            taken.append(offset)
    return taken


@pytest.mark.parametrize("seed", SEEDS)
def test_whatever_streams_processes_repeat_each_source_is_accepted_once_and_in_order(seed: int) -> None:
    assert _accepted(judge, _sends(seed)) == list(range(40))


def test_control_without_a_mark_there_are_doubles() -> None:
    assert any(len(_accepted(accept_all, _sends(seed))) > 40 for seed in SEEDS)


def test_control_with_the_highest_seen_there_are_losses() -> None:
    lost = sum(len(set(_accepted(highest_seen, _sends(seed)))) < 40 for seed in SEEDS)
    assert lost > 0
